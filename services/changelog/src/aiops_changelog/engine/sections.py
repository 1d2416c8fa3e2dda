"""Which section and which bump a stated type asks for.

Bump: ``feat`` MINOR and ``fix`` PATCH; additional types have no effect on the version unless they are breaking
(Conventional Commits 1.0.0, summary). The words of Keep a Changelog used as types ask for what SemVer 2.0 says of
them: deprecation raises MINOR (item 7), removal without ``!`` is taken as compatible.
"""

from aiops_changelog.domain import Bump
from aiops_changelog.domain import ChangeSection as Section

SECTION_BUMPS = {
    Section.BREAKING: Bump.MAJOR,
    Section.ADDED: Bump.MINOR,
    Section.CHANGED: Bump.PATCH,
    Section.DEPRECATED: Bump.MINOR,
    Section.REMOVED: Bump.MINOR,
    Section.FIXED: Bump.PATCH,
    Section.SECURITY: Bump.PATCH,
    Section.INTERNAL: Bump.NONE,
}
"""The bump of an entry of which only the section is known."""

HEADINGS = {section: section.value.capitalize() for section in Section}

_WORDS = {
    Section.ADDED: "feat feature features add added adds new",
    Section.CHANGED: "change changed changes",
    Section.DEPRECATED: "deprecate deprecated deprecates deprecation",
    Section.REMOVED: "remove removed removes rem",
    Section.FIXED: "fix fixed fixes bugfix hotfix bug",
    Section.SECURITY: "security sec",
}
_WITHOUT_EFFECT = {
    Section.CHANGED: "perf performance improvement improve enhancement enhance imp update ui ux i18n l10n",
    Section.INTERNAL: (
        "build chore ci cd config dep deps dev doc docs documentation infra internal lint maint maintenance meta ops "
        "ref refactor refactoring release repo style test testing tests tools types typo version wip"
    ),
}
TYPES: dict[str, tuple[Section, Bump]] = {
    **{word: (section, SECTION_BUMPS[section]) for section, words in _WORDS.items() for word in words.split()},
    **{word: (section, Bump.NONE) for section, words in _WITHOUT_EFFECT.items() for word in words.split()},
}
"""Lower-case type → section and bump. A type that is not here keeps its name; its section is inferred."""

_SECURITY_SCOPES = frozenset(("security", "sec", "cve", "vuln"))


def of_type(type_: str, scope: str | None, description: str) -> tuple[Section, Bump] | None:
    """Section and bump of a well-known type, None for another; a fix of a vulnerability is SECURITY."""
    known = TYPES.get(type_)
    if known is None or known[0] is not Section.FIXED:
        return known
    if (scope and scope.lower() in _SECURITY_SCOPES) or "CVE-" in description or "GHSA-" in description:
        return Section.SECURITY, Bump.PATCH
    return known
