"""How well the changelog engine reads commits, and how fast beside git itself.

Self-made: the cases of evals/corpus/changelogs/specification.jsonl (a row is a message and what rule N of Conventional
Commits 1.0.0 says of it), subjects.jsonl (invented free-form messages with the section a reader would look in), and a
generated history whose reverts and breaking changes are known. Data: every git repository below the directory; the
conventional commits of each lose their type and scope, and the section must come back from the words that are left.
"""

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from evals.changelog_history import history, make_repository
from evals.figures import Figure

from aiops_changelog.command import gitlog
from aiops_changelog.command.history import start
from aiops_changelog.domain import ChangelogEntry, Commit, Draft
from aiops_changelog.engine import generate, sections
from aiops_changelog.engine.message import HEADER, parse

CORPUS = Path(__file__).parent / "corpus" / "changelogs"
SECTION_F1 = 0.60
DETECTION_F1 = 0.98
LEAST_COMMITS_PER_SECOND = 50_000
"""Parsed, on one core, in user CPU time."""
MOST_OF_GIT_LOG = 2.0
"""Most wall time of ``render --git``, the git that it starts included, in that of ``git log`` of the same range and
format. That is what a user waits; the figure in CPU time is shown beside it, for both processors may be at work."""

_SIZE = 62_561
_MOST_STRIPPED = 5_000
_ROUNDS = 3
_KNOWN_SPEED = "git-cliff 190 commits/s; git log 40,000–90,000 on public repositories"


def measure(data: Path) -> Iterator[Figure]:
    """The self-made figures, then those of each repository below ``data``."""
    cases = rows("specification")
    agreed = sum(not disagreement(case) for case in cases)
    yield _figure("specification", "agreement", agreed / len(cases), 1.0)
    yield _figure("invented subjects", "macro-F1 of sections", macro_f1(placed(rows("subjects"))), SECTION_F1)
    yield from detection(history(10_000, seed=1))
    yield from _speed()
    found = list(repositories(data))
    if not found:
        _remark(f"no git repository below {data}")
    for repository in found:
        yield from _stripped_figures(repository)


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a file of the self-made corpus."""
    return [json.loads(line) for line in (CORPUS / f"{name}.jsonl").read_text().splitlines()]


def disagreement(case: dict[str, Any]) -> str:
    """What the parser says otherwise than the case; empty where they agree."""
    message = parse(case["message"])
    said: dict[str, Any] = {
        "type": message.type,
        "scope": message.scope,
        "breaking": message.breaking,
        "description": message.description,
        "note": message.note,
        "footers": [[footer.token, footer.separator, footer.value] for footer in message.footers],
    }
    names = ("type", "scope", "breaking", "note", *(name for name in ("description", "footers") if name in case))
    missing: dict[str, Any] = {"breaking": False}
    wrong = [name for name in names if said[name] != case.get(name, missing.get(name))]
    return "; ".join(f"{name}: {said[name]!r}, not {case.get(name)!r}" for name in wrong)


def placed(cases: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """True and given section of each message on its own; REVIEW where the engine does not say."""
    return [(case["section"], _section(Commit(case["message"], paths=tuple(case.get("paths", ()))))) for case in cases]


def _section(commit: Commit) -> str:
    draft = _draft([commit])
    return draft.sections[0].section.value if draft.sections else "REVIEW"


def _draft(commits: Iterable[Commit]) -> Draft:
    return generate(commits, project="p", release=None, previous_release=None, released_on=date(2024, 1, 1))


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean of the F1 of all true labels."""
    right = Counter(true for true, given in pairs if true == given)
    of_truth, of_given = Counter(true for true, _ in pairs), Counter(given for _, given in pairs)
    scores = [2 * right[label] / (of_truth[label] + of_given[label]) for label in of_truth]
    return sum(scores) / len(scores) if scores else 0.0


def detection(commits: Sequence[Any]) -> Iterator[Figure]:
    """F1 of what is found reverted and breaking in a generated history."""
    draft = _draft(Commit(told.message, told.hash, told.author) for told in reversed(commits))
    entries = [*(entry for part in draft.sections for entry in part.entries), *draft.reverted, *draft.needs_review]
    gone = {told.hash for told in commits if not told.standing}
    yield _figure("generated history", "F1 of reverts", _f1(gone, _commits(draft.reverted)), DETECTION_F1)
    breaking = {told.hash for told in commits if told.breaking}
    found = _commits(entry for entry in entries if entry.breaking)
    yield _figure("generated history", "F1 of breaking changes", _f1(breaking, found), DETECTION_F1)
    total = sum(len(entry.commits) for entry in entries)
    yield _figure("generated history", "share accounted for", total / len(commits), 1.0, "git-cliff .05 of uv's")


def _commits(entries: Iterable[ChangelogEntry]) -> set[str]:
    return {commit for entry in entries for commit in entry.commits}


def _f1(true: Collection[str], found: Collection[str]) -> float:
    return 2 * len(set(true) & set(found)) / max(1, len(true) + len(found))


def _speed() -> Iterator[Figure]:
    if shutil.which("git") is None:
        _remark("no git, so nothing is compared with git log")
        return
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        commits = history(_SIZE, seed=2)
        make_repository(commits, directory)
        messages = [told.message for told in commits]
        del commits
        seconds = min(_cpu_of(lambda: [parse(message) for message in messages]) for _ in range(_ROUNDS))
        yield _figure("generated", "commits/s parsed", _SIZE / seconds, LEAST_COMMITS_PER_SECOND)
        git = ["git", "-C", place, "log", "-z", f"--format={gitlog.GIT_FORMAT}", "--no-patch", "main", "--"]
        render = [sys.executable, "-m", "aiops_changelog", "render", "main", "--git", place]
        alone, ours = _times(git), _times(render)
        yield _figure("generated", "git log commits/s", _SIZE / alone.wall, None)
        yield _figure("generated", "render commits/s", _SIZE / ours.wall, None, _KNOWN_SPEED)
        metric = "render in times of git log, "
        ratio = ours.wall / alone.wall
        yield Figure("changelogs", "generated", f"{metric}wall", ratio, MOST_OF_GIT_LOG, is_least=False)
        yield _figure("generated", f"{metric}CPU", ours.cpu / alone.cpu, None)


def _cpu_of(work: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that a command and what it starts took: on the clock, and of processors, in the kernel too."""

    wall: float
    cpu: float


def _times(command: Sequence[str]) -> Times:
    """The least of several rounds each, for only others make it more."""
    rounds = [_times_once(command) for _ in range(_ROUNDS)]
    return Times(min(one.wall for one in rounds), min(one.cpu for one in rounds))


def _times_once(command: Sequence[str]) -> Times:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - no shell
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Times(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def repositories(data: Path) -> Iterator[Path]:
    """Git repositories below ``data``, bare ones too."""
    for head in sorted(data.rglob("HEAD")):
        if (head.parent / "objects").is_dir() and (head.parent / "refs").is_dir():
            yield head.parent.parent if head.parent.name == ".git" else head.parent


def _stripped_figures(repository: Path) -> Iterator[Figure]:
    cases = stripped([commit.message for commit in commits_of(repository)])
    if len(cases) < 100:
        _remark(f"{repository} has {len(cases)} conventional commits, too few to measure")
        return
    yield _figure(repository.name, "macro-F1 of sections", macro_f1(placed(cases)), SECTION_F1)


def commits_of(repository: Path) -> list[Commit]:
    """Its commits without merges, read as ``render`` reads them: nothing runs that it configures."""
    arguments = ["log", "-z", f"--format={gitlog.GIT_FORMAT}", "--no-patch", "--no-merges"]
    with tempfile.TemporaryFile() as complaints, start(repository, arguments, complaints) as process:
        assert process.stdout is not None
        return list(gitlog.from_git([process.stdout.read()]))


def stripped(messages: Sequence[str]) -> list[dict[str, str]]:
    """Conventional messages without type and scope, and the section that their type says."""
    cases = []
    for message in messages:
        subject, end, rest = message.partition("\n")
        header = HEADER.fullmatch(subject)
        known = sections.TYPES.get(header[1].lower()) if header else None
        if header and known and not header[3] and "BREAKING" not in rest:
            cases.append({"section": known[0].value, "message": header[4] + end + rest})
    few = Counter(case["section"] for case in cases)
    cases = [case for case in cases if few[case["section"]] >= 10]
    random.Random(0).shuffle(cases)  # noqa: S311 - which ones to look at
    return cases[:_MOST_STRIPPED]


def _remark(text: str) -> None:
    sys.stderr.write(f"changelogs: {text}\n")


def _figure(data_set: str, metric: str, value: float, target: float | None, known: str = "") -> Figure:
    return Figure("changelogs", data_set, metric, value, target, known=known)
