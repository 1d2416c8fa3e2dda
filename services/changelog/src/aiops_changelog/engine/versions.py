"""The release that follows from the previous one and a bump.

Source: Semantic Versioning 2.0.0, items 2–11. https://semver.org/spec/v2.0.0.html
While the major version is zero anything may change at any time (item 4), and leaving zero is a decision about the
public API (item 5) that commits cannot take: a breaking change then raises the minor version.
"""

import re

from aiops_changelog.domain import Bump

# The tag's prefix ("v", "name-v", "name@") is kept; the rest is the grammar that semver.org gives.
_VERSION = re.compile(
    r"(?P<prefix>(?:[@\w./-]*[@/_-])?[vV]?)(?P<major>0|[1-9][0-9]*)\.(?P<minor>0|[1-9][0-9]*)\.(?P<patch>0|[1-9][0-9]*)"
    r"(?P<pre>-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
)
_EARLIEST_YEAR = 1990


def is_version(text: str) -> bool:
    """Whether ``text`` is a semantic version, with or without a tag's prefix."""
    return _VERSION.fullmatch(text) is not None


def allowed_bump(asked: Bump, previous_release: str | None) -> Bump:
    """``asked``, or MINOR for a MAJOR one while ``previous_release`` has major version zero."""
    match = _VERSION.fullmatch(previous_release) if previous_release else None
    return Bump.MINOR if match and match["major"] == "0" and asked is Bump.MAJOR else asked


def next_release(previous_release: str | None, bump: Bump) -> str | None:
    """Release after ``previous_release``, in its spelling; None for no bump and for what is not a SemVer.

    A calendar version such as 2024.5.1 is none: its numbers do not say what changed. A pre-release leads to the
    release it precedes, where the bump asks for no more than that.
    """
    found = _VERSION.fullmatch(previous_release) if previous_release else None
    if found is None or bump is Bump.NONE or int(found["major"]) >= _EARLIEST_YEAR:
        return None
    major, minor, patch = int(found["major"]), int(found["minor"]), int(found["patch"])
    pre = found["pre"] is not None
    match bump:
        case Bump.MAJOR:
            numbers = (major, 0, 0) if pre and minor == patch == 0 else (major + 1, 0, 0)
        case Bump.MINOR:
            numbers = (major, minor, 0) if pre and patch == 0 else (major, minor + 1, 0)
        case _:
            numbers = (major, minor, patch if pre else patch + 1)
    return found["prefix"] + ".".join(map(str, numbers))
