"""Messages made to make a parser slow. Each is as long as a message may be; quadratic work would take minutes."""

import pytest

from aiops_changelog.domain import ChangeSection, Commit, Entry
from aiops_changelog.engine import generate_from_entries

from .drafting import DAY, all_entries, draft_of

N = 60_000
MESSAGES = {
    "blank lines": "feat: x" + "\n" * N + ".",
    "spaces before a number": "x" + " " * N + ")",
    "open scope": "feat(" + "a" * N,
    "scope of spaces": "feat(" + " " * N + "): x",
    "spaces behind the colon": "feat:" + " " * N + "x",
    "slashes": "Merge " + "a/" * (N // 2) + " x",
    "numbers behind words": "fix: " + "a#1" * (N // 3),
    "ticket keys": "AB-1 " * (N // 5),
    "quotation marks": 'Revert "' * (N // 8),
    "hashes": "Revert x\n\nThis reverts commit " + "abcd " * (N // 5) + "!",
    "footers": "feat: x\n\n" + "BREAKING CHANGE: x\n" * (N // 19),
    "open fences": "feat: x\n\n" + "```\n~~~\n" * (N // 8),
    "open comments": "feat: x\n\n" + "<!--" * (N // 4),
    "bullets": "x (#1)\n\n" + "* feat: x\n" * (N // 10),
    "tabs": "feat: x\n\n" + "\t" * N,
    "emoji": "✨" * N,
    "versions": "1.1." * (N // 4) + "!",
    "backticks": "feat: " + "`" * N,
    "unequal backticks": "feat: " + "".join("`" * n + " " for n in range(300)),
    "underscores": "feat: a" + "_" * N + "b",
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", MESSAGES)
def test_time_stays_in_proportion(name: str) -> None:
    draft = draft_of(*[MESSAGES[name]] * 2)
    assert sum(len(entry.commits) for entry in all_entries(draft)) == 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize("has_hash", [False, True])
def test_many_identical_commits(has_hash: bool) -> None:
    commits = [Commit("fix: same thing\n\nbody", f"{i:040x}" if has_hash else None) for i in range(100_000)]
    (entry,) = all_entries(draft_of(*commits))
    assert len(set(entry.commits)) == 100_000


@pytest.mark.timeout(60)
def test_a_message_of_ten_megabytes() -> None:
    body = "word BREAKING CHANGE: - * x #12 AB-1 ``` (\n\n" * 230_000
    (entry,) = all_entries(draft_of(f"feat: big\n\n{body}"))
    assert entry.text == "big"


@pytest.mark.timeout(30)
def test_entries_of_backticks() -> None:
    text = "".join("`" * (n % 90) + "_*" for n in range(90))
    draft = generate_from_entries(
        [Entry(ChangeSection.ADDED, text), Entry(ChangeSection.ADDED, "`" * 4096)],
        project="p",
        release=None,
        previous_release=None,
        released_on=DAY,
    )
    assert len(draft.sections[0].entries) == 2


@pytest.mark.timeout(60)
def test_many_reverts_of_one_subject_and_of_one_pull_request() -> None:
    subjects = ["feat: x (#1)", 'Revert "feat: x (#1)" (#2)\n\nReverts a/b#1', 'Revert "feat: y"', "feat: y"]
    draft = draft_of(*(subject for subject in subjects for _ in range(1500)))
    assert sum(len(entry.commits) for entry in all_entries(draft)) == 6000
