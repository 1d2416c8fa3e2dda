import pytest

from aiops_changelog.domain import Bump
from aiops_changelog.engine.versions import allowed_bump, is_version, next_release

from .drafting import draft_of

MAJOR, MINOR, PATCH, NONE = Bump.MAJOR, Bump.MINOR, Bump.PATCH, Bump.NONE


@pytest.mark.parametrize(
    ("previous", "bump", "release"),
    [
        ("1.2.3", MAJOR, "2.0.0"),
        ("1.2.3", MINOR, "1.3.0"),
        ("v1.2.3", PATCH, "v1.2.4"),
        ("tool-v1.2.3", PATCH, "tool-v1.2.4"),
        ("@acme/tool@1.2.3", PATCH, "@acme/tool@1.2.4"),
        ("1.2.3+build.5", PATCH, "1.2.4"),
        ("2.0.0-rc.1", MAJOR, "2.0.0"),
        ("2.0.0-rc.1", PATCH, "2.0.0"),
        ("1.2.0-rc.1", MAJOR, "2.0.0"),
        ("1.2.1-rc.1", MINOR, "1.3.0"),
        ("1.2.3", NONE, None),
        ("2024.5.1", MINOR, None),
        ("01.2.3", PATCH, None),
        ("1.2", PATCH, None),
        ("latest", MAJOR, None),
        (None, MAJOR, None),
    ],
)
def test_next_release(previous: str | None, bump: Bump, release: str | None) -> None:
    assert next_release(previous, bump) == release


def test_a_breaking_change_raises_the_minor_version_while_major_is_zero() -> None:
    draft = draft_of("fix: y", "feat!: x", previous="v0.4.1")
    assert (draft.suggested_bump, draft.release) == (MINOR, "v0.5.0")
    assert "major version is zero" in draft.bump_reason
    assert allowed_bump(MAJOR, "1.0.0") is MAJOR
    assert allowed_bump(MAJOR, None) is MAJOR


def test_the_first_commit_that_asks_for_the_bump_is_named() -> None:
    draft = draft_of("fix: a", "feat: b", "feat: c", previous="1.0.0")
    assert draft.bump_reason == "“b” (0000002)"
    assert draft_of("docs: a", previous="1.0.0").release is None


def test_a_release_that_was_asked_for_is_kept() -> None:
    assert draft_of("feat: a", previous="1.0.0", release="9.9").release == "9.9"


def test_ranges_start_at_versions_or_not() -> None:
    assert is_version("v1.2.3")
    assert not is_version("main")
