"""How well the summarizer's engine finds the patterns of logs whose templates are known.

Data: every ``**/*.log`` beside a ``.csv`` of the same stem with the columns Content and EventTemplate, a row per line,
as in LogHub (https://github.com/logpai/loghub). The engine gets the raw lines, headers and all, as from the command.

GA: share of lines whose predicted group is exactly the true group. FGA: F1 over groups. PA: share of lines whose
template equals the true one. FTA: F1 over groups that match with the right template. In templates, white space and runs
of wildcards with nothing but white space between them count as one. (Khan et al., ICSE 2022; Jiang et al., ISSTA 2024)
"""

import csv
import re
import resource
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import mean

import typer
from evals.figures import Figure

from aiops_summarizer.engine import iter_lines, scan

TARGETS = {"GA": 0.92, "FGA": 0.92, "PA": 0.72, "FTA": 0.70}
"""Least average over the data sets."""

_KNOWN = {
    "GA": "drain3 .752, with masks .788; LILAC (LLM) .927 on 2.0",
    "FGA": "drain3 .732, with masks .759; LILAC (LLM) .924 on 2.0",
    "PA": "drain3 .306, with masks .540; LILAC (LLM) .842 on 2.0",
    "FTA": "drain3 .268, with masks .524; LILAC (LLM) .810 on 2.0",
}
LEAST_LINES_PER_SECOND = 60_000
"""On one core, in user CPU time."""

_SPEED_LINES = 200_000
_SPACE = re.compile(r"\s+")
_RUN = re.compile(r"<\*>(?:\s*<\*>)+")
# What one would write first: the masks of the example configuration of Drain, one pass each, and no more.
_PEER_MASKS = [
    re.compile(pattern)
    for pattern in (
        r"(?<![A-Za-z0-9])(?:[0-9a-f]{2,}:){3,}[0-9a-f]{2,}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])[0-9a-f]{6,}(?: [0-9a-f]{6,}){2,}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])[0-9A-F]{4}(?: [0-9A-F]{4})+(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])0x[a-fA-F0-9]+(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])[-+]?\d+(?![A-Za-z0-9])",
    )
]


def measure(data: Path) -> Iterator[Figure]:
    """Grouping and templates per data set and on average, then the speed; nothing where ``data`` has no such logs."""
    found = list(_data_sets(data))
    if not found:
        typer.echo(f"logs: no .log beside a .csv with Content and EventTemplate in {data}", err=True)
        return
    averages: defaultdict[str, list[float]] = defaultdict(list)
    for log, truth in found:
        for metric, value in accuracy(truth, assignments(read_lines(log))).items():
            averages[metric].append(value)
            yield Figure("logs", log.stem, metric, value)
    for metric, values in averages.items():
        yield Figure("logs", "average", metric, mean(values), TARGETS[metric], known=_KNOWN[metric])
    yield from _speed([read_lines(log) for log, _ in found])


def read_lines(path: Path) -> list[str]:
    """The lines of a log; what is no UTF-8 in it is replaced."""
    return list(iter_lines(path.read_text(encoding="utf-8", errors="replace")))


def assignments(lines: Sequence[str]) -> list[str]:
    """The template that the engine finds for each line."""
    slots: list[int] = []
    store = scan(lines, assign=slots.append).store
    return [store.template_of(slot) for slot in slots]


def canonical(template: str) -> str:
    """``template`` as it is compared."""
    return _RUN.sub("<*>", _SPACE.sub(" ", template).strip())


def accuracy(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """GA, FGA, PA and FTA of two lists with a template per line; ValueError if their lengths differ."""
    true_lines, found_lines = _groups(truth), _groups(predicted)
    right = {frozenset(lines): template for template, lines in true_lines.items()}
    grouped = [(template, lines) for template, lines in found_lines.items() if frozenset(lines) in right]
    exact = [template for template, lines in grouped if canonical(right[frozenset(lines)]) == canonical(template)]
    same = sum(canonical(a) == canonical(b) for a, b in zip(truth, predicted, strict=True))
    groups = len(true_lines) + len(found_lines)
    return {
        "GA": sum(len(lines) for _, lines in grouped) / len(truth),
        "FGA": 2 * len(grouped) / groups,
        "PA": same / len(truth),
        "FTA": 2 * len(exact) / groups,
    }


def _groups(templates: Sequence[str]) -> dict[str, list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        groups[template].append(number)
    return groups


def _data_sets(data: Path) -> Iterator[tuple[Path, list[str]]]:
    for log in sorted(data.rglob("*.log")):
        table = log.with_suffix(".csv")
        if not table.is_file():
            continue
        with table.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if not {"Content", "EventTemplate"} <= set(rows.fieldnames or ()):
                continue
            truth = [row["EventTemplate"] for row in rows]
        if len(truth) != len(read_lines(log)):
            typer.echo(f"logs: {log} has not as many lines as {table.name} has rows; left out", err=True)
        else:
            yield log, truth


def _speed(logs: list[list[str]]) -> Iterator[Figure]:
    """Lines per second of user CPU on each log repeated, and the same for a mere masking of the same lines."""
    share = _SPEED_LINES // len(logs)
    repeated = [list(islice(cycle(lines), share)) for lines in logs]
    engine = _rate(repeated, scan)
    peer = _rate(repeated, _peer)
    name = f"all, {share:,} lines each"
    yield Figure("logs", name, "lines/s", engine, LEAST_LINES_PER_SECOND, known="drain3 25,000, with masks 17,000")
    yield Figure("logs", name, "lines/s of six masks alone", peer)
    yield Figure("logs", name, "ratio to six masks alone", engine / peer)


def _rate(logs: list[list[str]], work: Callable[[list[str]], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for lines in logs:
        work(lines)
    return sum(map(len, logs)) / max(1e-6, resource.getrusage(resource.RUSAGE_SELF).ru_utime - before)


def _peer(lines: list[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in lines:
        masked = line
        for mask in _PEER_MASKS:
            masked = mask.sub("<*>", masked)
        counts[masked] += 1
    return counts
