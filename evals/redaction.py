"""How well redaction finds what it should, leaves what it should, and how fast it is.

    python -m evals.redaction [--presidio synth_dataset_v2.json] [--loghub DIRECTORY] [--json]

``--presidio`` is a data set of presidio-research (https://github.com/microsoft/presidio-research, data/), or what the
``PresidioSentenceFaker`` of its package presidio-evaluator makes: a JSON list of samples with ``full_text`` and
``spans`` of ``entity_type``, ``start_position`` and ``end_position`` (or ``start`` and ``end``). ``--loghub`` is a
directory of logs without secrets, e.g. of LogHub (https://github.com/logpai/loghub). Neither is part of this project;
texts made up by ``redaction_samples`` are measured always. Exits with 1 where a target is missed, with 2 where a file
cannot be read.

Recall: share of the true spans of a kind of which no letter or digit is left, whatever it was taken for. Precision:
share of the placeholders of a kind that touch a true span; all kinds of secrets count as one.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from evals.figures import Figure
from evals.redaction_samples import samples

from aiops_common.redaction import Kind, redact

TARGETS = {"EMAIL": 0.98, "IBAN": 0.98, "IP": 0.98, "SSN": 0.98, "SECRET": 0.98, "CARD": 0.95, "PHONE": 0.85}
"""Least recall."""
MOST_FALSELY_CHANGED = 0.01
"""Most of a log's lines that the rules for secrets may change; they hold no secrets."""
LEAST_MEGABYTES_PER_SECOND = 5.0
"""On one core, in CPU time."""

HARMLESS = Path(__file__).with_name("corpus") / "redaction" / "harmless.txt"
_KINDS = {
    "EMAIL_ADDRESS": Kind.EMAIL,
    "IBAN_CODE": Kind.IBAN,
    "IP_ADDRESS": Kind.IP,
    "US_SSN": Kind.SSN,
    "CREDIT_CARD": Kind.CARD,
    "PHONE_NUMBER": Kind.PHONE,
}
_SECRETS = frozenset((Kind.SECRET, Kind.KEY, Kind.JWT, Kind.PEM))
_PEER = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_ROUNDS = 5
_SAMPLE_BYTES = 4_000_000
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and all that is to be hidden in it: start, end and kind."""

    text: str
    spans: tuple[tuple[int, int, Kind], ...]


def measure(data: Path) -> Iterator[Figure]:
    """Recall and precision on data sets of presidio's form in ``data`` and on made-up texts, false finds and speed on
    its logs; nothing where it has neither. Raises OSError or ValueError where they cannot be read."""
    marked = [file for file in sorted(data.rglob("*.json")) if _is_marked(file)]
    lines = [line for file in sorted(data.rglob("*.log")) if file.is_file() for line in _lines(file)]
    if not marked and not lines:
        typer.echo(f"redaction: no .log and no .json of samples with full_text and spans in {data}", err=True)
        return
    yield from found("made up", made_up())
    for file in marked:
        yield from found(file.stem, presidio(file))
    if lines:
        yield from on_logs(lines)


def made_up() -> Iterator[Marked]:
    """The texts of ``redaction_samples``, and lines that hold nothing but look as if they did."""
    for sample in samples():
        yield Marked(sample.text, ((sample.start, sample.end, sample.kind),))
    for line in HARMLESS.read_text(encoding="utf-8").splitlines():
        yield Marked(line, ())


def presidio(file: Path) -> Iterator[Marked]:
    """The samples of a data set of presidio-research, with those of their spans that are of our kinds."""
    for sample in json.loads(file.read_text(encoding="utf-8")):
        ours = (span for span in sample["spans"] if span["entity_type"] in _KINDS)
        yield Marked(sample["full_text"], tuple((*_place(span), _KINDS[span["entity_type"]]) for span in ours))


def _place(span: dict[str, Any]) -> tuple[int, int]:
    names = ("start_position", "end_position") if "start_position" in span else ("start", "end")
    return span[names[0]], span[names[1]]


def found(data_set: str, texts: Iterable[Marked]) -> Iterator[Figure]:
    """Recall and precision for each kind that stands in the texts."""
    true, hidden, placed, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for marked in texts:
        replaced = list(_replaced(marked.text))
        covered = {place for start, end, _ in replaced for place in range(start, end)}
        for start, end, kind in marked.spans:
            true[_pooled(kind)] += 1
            left = (place for place in range(start, end) if place not in covered)
            hidden[_pooled(kind)] += not any(marked.text[place].isalnum() for place in left)
        for start, end, kind in replaced:
            placed[_pooled(kind)] += 1
            right[_pooled(kind)] += any(start < stop and first < end for first, stop, _ in marked.spans)
    for name, target in TARGETS.items():
        if true[name]:
            note = f"of {true[name]}"
            yield Figure("redaction", data_set, f"recall {name}", hidden[name] / true[name], target, known=note)
        if placed[name]:
            yield Figure(
                "redaction", data_set, f"precision {name}", right[name] / placed[name], known=f"of {placed[name]}"
            )


def on_logs(lines: Sequence[str]) -> Iterator[Figure]:
    """Share of lines that the rules for secrets change, and megabytes in a second beside a single ``re.sub``."""
    changed = sum(1 for line in lines if _SECRETS & redact(line).kinds.keys())
    yield Figure(
        "redaction", "logs", "lines changed by rules for secrets", changed / len(lines), MOST_FALSELY_CHANGED,
        is_least=False, known=f"of {len(lines)}",
    )  # fmt: skip
    mixed = list(lines)
    random.Random(4).shuffle(mixed)  # noqa: S311 -- the same sample in every run
    text = "\n".join(mixed)[:_SAMPLE_BYTES]
    size = len(text.encode()) / 1e6
    ours, peer = size / _seconds(lambda: redact(text)), size / _seconds(lambda: _PEER.sub("<EMAIL>", text))
    yield Figure(
        "redaction", "logs", "MB/s", ours, LEAST_MEGABYTES_PER_SECOND, known=f"one re.sub for e-mail {peer:.0f} MB/s"
    )


def _pooled(kind: str) -> str:
    return str(Kind.SECRET) if kind in _SECRETS else str(kind)


def _replaced(text: str) -> Iterator[tuple[int, int, Kind]]:
    """Start and end in ``text`` of all that redaction replaces, and what it took it for."""
    redacted = redact(text)
    if not redacted.originals:
        return
    position = 0
    for piece in re.split("(" + "|".join(map(re.escape, redacted.originals)) + ")", redacted.text):
        original = redacted.originals.get(piece)
        length = len(piece if original is None else original)
        if original is not None:
            yield position, position + length, Kind(piece[1:].partition("_")[0])
        position += length


def _is_marked(file: Path) -> bool:
    if not file.is_file():  # a directory may be called so, and a link may lead nowhere
        return False
    with file.open("rb") as opened:
        return b'"full_text"' in opened.read(_HEAD)


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8", "replace").splitlines()


def _seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def _asked(data: Path | None, loghub: Path | None) -> Iterator[Figure]:
    yield from found("made up", made_up())
    if data is not None:
        yield from found(data.stem, presidio(data))
    if loghub is not None:
        lines = [line for file in sorted(loghub.rglob("*.log")) for line in _lines(file)]
        if not lines:
            raise ValueError(f"{loghub} has no *.log files")
        yield from on_logs(lines)


def main(
    data: Annotated[Path | None, typer.Option("--presidio", help="Data set of presidio-research.")] = None,
    loghub: Annotated[Path | None, typer.Option(help="Directory of LogHub's logs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Measure redaction against its targets."""
    try:
        figures = list(_asked(data, loghub))
    except (OSError, ValueError, KeyError, TypeError) as error:
        typer.echo(f"cannot read the data: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(2) from None
    for one in figures:
        sign = "≥" if one.is_least else "≤"
        target = "" if one.target is None else f"  {sign} {one.target:g} {'met' if one.is_met else 'MISSED'}"
        shown = f"{one.data_set:<16} {one.metric:<36} {one.value:9.4f}{target}  {one.known}"
        typer.echo(json.dumps(asdict(one) | {"is_met": one.is_met}) if as_json else shown)
    raise typer.Exit(0 if all(one.is_met for one in figures) else 1)


if __name__ == "__main__":
    typer.run(main)
