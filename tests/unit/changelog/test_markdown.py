import pytest

from aiops_changelog.domain import Bump, ChangeSection, Commit, Entry
from aiops_changelog.engine import generate_from_entries
from aiops_changelog.engine.markdown import escaped

from .drafting import DAY, draft_of

GOLDEN = """\
## [v1.3.0] - 2024-05-01

### Added

- **ui:** dark theme (#12, OPS-3) (0000001)
- **parser:** add arrays of List\\<String> (0000006)

### Fixed

- crash on `<empty>` input (0000002, 0000003)

### Internal

- correct spelling (0000004)

### Needs review

- stuff (0000005)

### Reverted

- Revert "feat: noodle" (0000007)
- noodle (0000008)
"""


def test_golden_release() -> None:
    draft = draft_of(
        *(
            "feat(ui): dark theme (#12)\n\nRefs: OPS-3",
            "fix: crash on `<empty>` input",
            "fix: crash on `<empty>` input",
        ),
        *(
            "docs: correct spelling",
            "stuff",
            "parser: add arrays of List<String>",
            'Revert "feat: noodle"',
            "feat: noodle",
        ),
        previous="v1.2.3",
        release="v1.3.0",
    )
    assert draft.markdown == GOLDEN
    assert draft.summary == (
        "Demo v1.3.0 brings 2 additions, 1 fix and 1 internal change. "
        "Highlights: dark theme; add arrays of List<String>. "
        "The changes ask for a minor release: “dark theme” (0000001). 1 entry needs review. "
        "2 commits were reverted before the release."
    )


def test_ready_entries_give_the_same_output_without_parsing() -> None:
    entries = [
        Entry(ChangeSection.FIXED, "feat!: not parsed", "core", ("#5",), ("Ann",)),
        Entry(ChangeSection.CHANGED, "new ids", breaking=True),
    ]
    draft = generate_from_entries(entries, project="Demo", release=None, previous_release="1.2.3", released_on=DAY)
    assert draft.markdown == (
        "## [2.0.0] - 2024-05-01\n\n### Changed\n\n- **Breaking:** new ids\n\n"
        "### Fixed\n\n- **core:** feat!: not parsed (#5)\n"
    )
    assert (draft.suggested_bump, draft.bump_reason) == (Bump.MAJOR, "“new ids”")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain snake_case text", "plain snake_case text"),
        ("__init__ and *args", "\\_\\_init\\_\\_ and \\*args"),
        ("`*code*` and ``a ` b`` stay", "`*code*` and ``a ` b`` stay"),
        ("an open ` and *x*", "an open \\` and \\*x\\*"),
        ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
        ("[text](javascript:x)", "[text\\](javascript:x)"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("two\nlines", "two lines"),
        ("[docs]: https://evil.example", "\\[docs]: https://evil.example"),
        ("[a`b]: /url`", "\\[a`b]: /url`"),
        ("read [docs] first", "read [docs] first"),
        ("[x] no task", "\\[x] no task"),
        ("~~~ no fence", "\\~\\~\\~ no fence"),
        ("~~struck~~ in ~/here", "\\~\\~struck\\~\\~ in ~/here"),
        ("---", "\\---"),
        ("- - -", "\\- - -"),
        ("+", "\\+"),
        (">quoted", "\\>quoted"),
        ("1.", "1\\."),
        ("-v is no flag", "-v is no flag"),
        ("&lt;b&gt; &#60; & co; a && b", "\\&lt;b\\&gt; \\&#60; & co; a && b"),
        ("🎉 ünï", "🎉 ünï"),
    ],
)
def test_text_is_shown_as_written(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_odd_subjects_stay_on_one_line() -> None:
    huge = "feat: " + "x" * 60_000
    draft = draft_of("feat: a\x00b\x1b[31m\x85c", huge, "feat: d\u2028e\ud800", "\n\n  feat: late\n")
    lines = draft.markdown.splitlines()
    assert [line for line in lines if line.startswith("- ")] == [line for line in lines if line and line[0] not in "#"]
    assert all(len(line) < 600 for line in lines)
    assert len(lines) == 8
    draft.markdown.encode()


def test_no_subject_takes_an_entry_away_or_changes_another() -> None:
    draft = draft_of("[docs]: https://evil.example", "fix: read [docs] first", "fix: [docs]: https://evil.example")
    lines = [line for line in draft.markdown.splitlines() if line.startswith("- ")]
    assert lines == [
        "- read [docs] first (0000002)",
        "- \\[docs]: https://evil.example (0000003)",
        "- \\[docs]: https://evil.example (0000001)",
    ]


def test_many_hashes_are_counted() -> None:
    draft = draft_of(*["fix: x"] * 5)
    assert draft.markdown.endswith("- x (0000001, 0000002, 0000003, 2 more)\n")
    assert draft_of(Commit("fix: x")).markdown.endswith("- x\n")
