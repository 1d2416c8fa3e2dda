"""Invented histories of a repository of which the truth is known, and repositories made of them.

The habits mixed are those of public projects: squashed pull requests with the text of the request, merges of forges and
of git, conventional commits with bodies and footers, cherry-picks between branches, bumps by robots, reverts by hash,
by subject and by number, reverts of reverts, and texts that only talk about breaking and reverting.
"""

import hashlib
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_VERBS = "add allow avoid correct drop explain fix handle improve keep move raise remove rename support test use"
_THINGS = (
    "timeout of idle connections|retry of failed uploads|cache of parsed files|order of shutdown|limit of open queues"
    "|table of routes|error for unknown options|default of the page size|lock on the index|progress of long imports"
    "|copy of the settings|names of metrics|path of temporary files|check of signatures|list of mirrors"
    "|encoding of headers|size of batches|search in archived logs|quota per tenant|state after a crash"
)
_PLACES = "api broker cache client cli core db http index installer parser queue resolver server storage ui"
_WORDS = (
    "the a of when that which before after request answer queue file member node value is are was not only because "
    "then both every other same case test reader writer start stop first last message long short state change"
)
_PEOPLE = ("Ada Poe", "Bo Lind", "Chi Mae", "Dov Ras", "Eva Kuhn", "Finn Oye", "Gül Tan", "Hana Sato")
_TYPES = ("feat", "feat", "fix", "fix", "fix", "docs", "chore", "refactor", "test", "ci", "perf", "build", "style")
_FALSE_ALARMS = (
    "The guide explains it:\n\n```\nfeat: x\n\nBREAKING CHANGE: y\n```\n",
    "> BREAKING CHANGE: was said in the old notes\n",
    "This is not a breaking change: nothing public moves.\n",
    "Say `BREAKING CHANGE: x` in the footer where it applies.\n",
    "~~~\nThis reverts commit 1234567890abcdef1234567890abcdef12345678.\n~~~\n",
    "Breaking Change: none\n",
    'The robot asks to "write\n\nBREAKING CHANGE: and why\n\nat the end".\n',
    "- BREAKING CHANGE: a heading of the template\n",
)
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(slots=True)
class Told:
    """One commit and what is true of it; ``parents`` are places in the history, oldest first."""

    message: str
    author: str
    parents: tuple[int, ...]
    hash: str = ""
    breaking: bool = False
    reverts: int | None = None
    standing: bool = True
    """Whether its change is in the release: false for what was reverted, and for the revert itself."""


def history(size: int, *, seed: int = 0) -> list[Told]:
    """``size`` commits, oldest first; the same for the same arguments."""
    rng = random.Random(seed)  # noqa: S311 - invented commits, nothing secret
    commits: list[Told] = []
    while len(commits) < size:
        told = _commit(rng, commits)
        told.author = rng.choice(_PEOPLE)
        told.parents = (len(commits) - 1,) if commits else ()
        if told.message.startswith("Merge ") and len(commits) > 20:
            told.parents = (len(commits) - 1, len(commits) - rng.randint(2, 12))
        told.hash = _hash(told, commits, len(commits))
        commits.append(told)
    _settle(commits)
    return commits


def _commit(rng: random.Random, before: Sequence[Told]) -> Told:
    dice = rng.random()
    number = len(before) + 100
    if dice < 0.02 and len(before) > 50:
        return _revert(rng, before, number)
    if dice < 0.16:
        return _told(_merge(rng, number))
    if dice < 0.26:
        version = f"{rng.randint(0, 9)}.{rng.randint(0, 30)}.{rng.randint(0, 30)}"
        name = f"{rng.choice(_PLACES.split())}-{rng.choice(_WORDS.split())}{number}"
        return _told(f"Bump {name} from {version} to {version}.1\n\n{_robot_text(name, version)}")
    if dice < 0.50:
        return _conventional(rng, number)
    if dice < 0.72:
        text = f"{_subject(rng, number)} (#{number})\n\n## Summary\n\n{_prose(rng, 3)}\n\n"
        text += f"## Test Plan\n\n{_prose(rng, 1)}\n"
        trailer = f"\n---------\n\nCo-authored-by: {rng.choice(_PEOPLE)} <x@example.org>\n" if dice < 0.56 else ""
        return _told(text + trailer)
    place = f"{rng.choice(_PLACES.split())}: " if dice > 0.9 else ""
    body = "" if rng.random() < 0.55 else f"\n{_prose(rng, rng.randint(1, 3))}\n"
    if rng.random() < 0.08:
        body += f"\n(cherry picked from commit {rng.getrandbits(160):040x})\n"
    if rng.random() < 0.1:
        body += "\n" + rng.choice(_FALSE_ALARMS)
    return _told(f"{place}{_subject(rng, number)}\n{body}")


def _told(message: str, *, breaking: bool = False, reverts: int | None = None) -> Told:
    return Told(message, "", (), breaking=breaking, reverts=reverts)


def _subject(rng: random.Random, number: int) -> str:
    verb = rng.choice(_VERBS.split()).capitalize()
    return f"{verb} the {rng.choice(_THINGS.split('|'))} in {rng.choice(_PLACES.split())} {number}"


def _prose(rng: random.Random, paragraphs: int) -> str:
    texts = []
    for _ in range(paragraphs):
        words = rng.choices(_WORDS.split(), k=rng.randint(8, 45))
        lines = [" ".join(words[at : at + 11]) for at in range(0, len(words), 11)]
        texts.append("\n".join(lines).capitalize() + ".")
    return "\n\n".join(texts)


def _merge(rng: random.Random, number: int) -> str:
    if rng.random() < 0.6:
        title = f"{_subject(rng, number)}{' (backport)' if rng.random() < 0.2 else ''}"
        return f"Merge pull request #{number} from team/{rng.choice(_PLACES.split())}-{number}\n\n{title}\n"
    return f"Merge branch 'main' into {rng.choice(_PLACES.split())}-{number}\n"


def _robot_text(name: str, version: str) -> str:
    return (
        f"Bumps [{name}](https://example.org/{name}) from {version} to {version}.1.\n"
        f"- [Release notes](https://example.org/{name}/releases)\n- [Commits](https://example.org/{name}/compare)\n\n"
        f"---\nupdated-dependencies:\n- dependency-name: {name}\n  dependency-type: direct:production\n...\n\n"
        "Signed-off-by: robot[bot] <robot@example.org>\n"
    )


def _conventional(rng: random.Random, number: int) -> Told:
    scope = f"({rng.choice(_PLACES.split())})" if rng.random() < 0.6 else ""
    mark = "!" if rng.random() < 0.03 else ""
    text = f"{rng.choice(_TYPES)}{scope}{mark}: {_subject(rng, number).lower()}"
    body = "" if rng.random() < 0.5 else f"\n\n{_prose(rng, rng.randint(1, 3))}"
    if rng.random() < 0.1:
        body += "\n\n" + rng.choice(_FALSE_ALARMS)
    footers = [f"Refs: #{number}"] if rng.random() < 0.3 else []
    breaking = bool(mark)
    if rng.random() < 0.03:
        breaking = True
        footers.insert(rng.randint(0, len(footers)), f"{rng.choice(('BREAKING CHANGE', 'BREAKING-CHANGE'))}: old files")
    if rng.random() < 0.2:
        footers.append(f"Reviewed-by: {rng.choice(_PEOPLE)} <x@example.org>")
    return _told(text + body.rstrip("\n") + ("\n\n" + "\n".join(footers) if footers else "") + "\n", breaking=breaking)


def _revert(rng: random.Random, before: Sequence[Told], number: int) -> Told:
    recent = [place for place in range(len(before) - 50, len(before)) if not before[place].message.startswith("Merge")]
    taken = {told.reverts for told in before[-200:]}
    place = rng.choice([place for place in recent if place not in taken])
    target = before[place]
    subject = target.message.split("\n", 1)[0]
    forms = [
        f'Revert "{subject}"\n\nThis reverts commit {target.hash}.\n',
        f'Revert "{subject}"\n\nThis reverts commit {target.hash[:10]}, which broke the nightly build.\n',
        f'Revert "{subject}" (#{number})\n\nThis reverts commit {target.hash}.\n\n{_prose(rng, 1)}\n',
        f"revert: {subject}\n\nThis reverts commit {target.hash}.\n",
        f"revert: noodle incident\n\nRefs: {target.hash[:9]}\n",
    ]
    if subject.startswith('Revert "'):
        forms.append(f"Reapply {subject.removeprefix('Revert ')}\n\nThis reverts commit {target.hash}.\n")
    if target.message.count(" (#") == 1 and target.reverts is None:
        forms.append(f'Revert "{subject}" (#{number})\n\nReverts team/tool#{subject.rpartition("#")[2].rstrip(")")}\n')
    return _told(rng.choice(forms), reverts=place)


def _settle(commits: Sequence[Told]) -> None:
    """From the newest on: a revert that stands takes its target away, and goes with it."""
    in_effect = [True] * len(commits)
    for place in range(len(commits) - 1, -1, -1):
        target = commits[place].reverts
        if target is not None:
            commits[place].standing = False
            if in_effect[place]:
                in_effect[target] = False
                commits[target].standing = False


def _content(told: Told, before: Sequence[Told], place: int) -> bytes:
    when = f"{told.author} <x@example.org> {1_500_000_000 + 600 * place} +0100"
    parents = "".join(f"parent {before[parent].hash}\n" for parent in told.parents)
    return f"tree {_EMPTY_TREE}\n{parents}author {when}\ncommitter {when}\n\n{told.message}".encode()


def _hash(told: Told, before: Sequence[Told], place: int) -> str:
    content = _content(told, before, place)
    return hashlib.sha1(b"commit %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def fast_import(commits: Sequence[Told]) -> Iterator[bytes]:
    """The history for ``git fast-import``; the repository's hashes are those of the commits."""
    for place, told in enumerate(commits):
        when = f"{told.author} <x@example.org> {1_500_000_000 + 600 * place} +0100"
        message = told.message.encode()
        head = f"commit refs/heads/main\nmark :{place + 1}\nauthor {when}\ncommitter {when}\ndata {len(message)}\n"
        yield head.encode() + message + b"\n"
        for word, parent in zip(("from", "merge"), told.parents, strict=False):
            yield f"{word} :{parent + 1}\n".encode()
        yield b"\n"


def make_repository(commits: Sequence[Told], directory: Path) -> None:
    """A bare repository with the history on ``main``, in one pack. Raises CalledProcessError where git fails."""
    git = ["git", "-C", str(directory)]
    subprocess.run([*git, "init", "--quiet", "--bare", "--initial-branch=main"], check=True)  # noqa: S603 - no shell
    subprocess.run([*git, "fast-import", "--quiet"], input=b"".join(fast_import(commits)), check=True)  # noqa: S603
