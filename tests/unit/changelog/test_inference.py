import pytest

from aiops_changelog.domain import Commit
from aiops_changelog.engine.inference import ENOUGH, infer

from .drafting import all_entries, draft_of, sections_of

SUBJECTS = {
    "ADDED": [
        *("Add retries to the client", "Added: dark theme", "Introduce a plugin API", "Support IPv6 in the proxy"),
        *(
            "[client] Implement pooling",
            "client: allow custom headers",
            "Initial support for arm64",
            "feat:missing space",
        ),
        *("Add flag to skip tests", "Now supports streams", ".NET: add async client", "Neue Option für Profile"),
    ],
    "FIXED": [
        *(
            "Fix crash on empty input",
            "client: fixes leak",
            "Fixed #12: wrong total",
            "Don't retry on 404",
            "Handle EOF",
        ),
        *(
            "[FIX] account: wrong total",
            "Crash when the list is empty",
            "Avoid division by zero",
            "bugfix/pool exhaustion",
        ),
        *(
            "Clear the mask on reset",
            "Menu stays open after a click",
            "Fehler beim Speichern behoben",
            "Fix memory leak in token cache",
            "Fix log in with an expired password",
            "Handle expired token in audit log",
        ),
        *("Prevent double submit", "Resolve race condition in pool", "Properly handle timeouts"),
    ],
    "CHANGED": [
        *("Sort members by name", "Print sizes in the listing", "Farben im Menü angepasst"),
        *("Improve error message", "Use a faster hash", "Rename option to --level", "Make the cache bigger"),
        *("Switch to asyncio", "Speed up start", "Increase default timeout", "Updated the start page"),
    ],
    "REMOVED": [
        *("No longer ship the manual", "Get rid of the old menu", "Alte Seiten entfernt"),
        *("Remove the old API", "Drop support for Python 3.7", "Delete the legacy endpoint"),
    ],
    "DEPRECATED": ["Emit a DeprecationWarning for tuples", "Deprecate the old API", "Mark render() as deprecated"],
    "SECURITY": [
        *("Never log passwords", "Avoid exposing tokens in errors", "CVE-2024-1234: compare the whole length"),
        *("Fix XSS in comments", "Prevent SQL injection in search", "Update openssl for CVE-2024-1234"),
    ],
    "INTERNAL": [
        *("Update README", "Fix typo in docs", "Add tests for pool", "Bump lodash from 4.17.20 to 4.17.21", "v1.2.3"),
        *(
            "Release 2.0.0",
            "Refactor the parser",
            "Fix flaky test",
            "Remove unused imports",
            "ci: x y",
            "Clean up code",
        ),
        *("Reword the introduction", "Fix broken links", "selftests: print more", ".gitlab-ci.yml: use two stages"),
        *("Update docs for CVE-2024-1234", "Doku ergänzt", "Tippfehler in der Anleitung"),
        *("[docs] describe install", "Fix lint", "Initial commit", "bump version", "Update dependencies"),
    ],
}


@pytest.mark.parametrize(
    ("section", "subject"), [(s, subject) for s, subjects in SUBJECTS.items() for subject in subjects]
)
def test_free_form_subjects(section: str, subject: str) -> None:
    draft = draft_of(subject)
    assert list(sections_of(draft)) == [section]


@pytest.mark.parametrize(
    "subject",
    ["wip wip", "asdf", "update", "fix", "...", "", "   ", "日本語", "misc", "more stuff", "\x00", "[ ] x y", "( ) x"],
)
def test_what_says_nothing_needs_review(subject: str) -> None:
    draft = draft_of(subject) if subject != "wip wip" else draft_of("stuff things")
    assert len(draft.needs_review) == 1
    assert draft.needs_review[0].inferred


def test_paths_that_no_user_runs_make_a_change_internal() -> None:
    internal = ("docs/guide.md", "tests/test_pool.py", ".github/workflows/ci.yml", "README.rst", "src/pool_test.go")
    assert infer("Improve pool handling", internal).section.value == "INTERNAL"
    assert infer("Improve pool handling", (*internal, "src/pool.go")).section.value == "CHANGED"
    assert infer("misc", internal).confidence >= ENOUGH


def test_only_what_was_not_stated_is_inferred() -> None:
    entries = all_entries(draft_of("feat: x", "Add y", "✨ z", Commit("fix: w", "abcd", paths=("docs/x.md",))))
    assert [(entry.text, entry.inferred) for entry in entries] == [
        ("x", False),
        ("Add y", True),
        ("z", True),
        ("w", False),
    ]
