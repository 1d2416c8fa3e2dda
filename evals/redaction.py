"""How well redaction finds what it should, leaves what it should, and how fast it is.

    python -m evals.redaction [--presidio synth_dataset_v2.json] [--loghub DIRECTORY] [--json]

``--presidio`` is a data set of presidio-research (https://github.com/microsoft/presidio-research, data/): a JSON list
of samples with ``full_text`` and ``spans`` of ``entity_type``, ``start_position``, ``end_position``. ``--loghub`` is a
directory of ``*.log`` files of LogHub (https://github.com/logpai/loghub). Neither is part of this project.
Exits with 1 where a target is missed, with 2 where nothing was given or a file cannot be read.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_common.redaction import Kind, redact

TARGETS = {"EMAIL": 0.98, "IBAN": 0.98, "IP": 0.98, "SSN": 0.98, "CARD": 0.95, "PHONE": 0.85}
"""Least share of the true spans of a kind that must be hidden."""
MOST_FALSELY_CHANGED = 0.01
"""Most of LogHub's lines that the rules for secrets may change; they hold no secrets."""
LEAST_MEGABYTES_PER_SECOND = 5.0

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
_ROUNDS = 3
_SAMPLE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One number; ``target`` is what it is held against, None where nothing is asked for."""

    name: str
    value: float
    target: float | None
    met: bool
    note: str = ""


def recall(samples: Sequence[dict[str, Any]]) -> Iterator[Measured]:
    """Share of the true spans of each kind of which nothing is left, whatever it was taken for."""
    true: Counter[Kind] = Counter()
    hidden: Counter[Kind] = Counter()
    missed: dict[Kind, list[str]] = {}
    for sample in samples:
        left = _left(sample["full_text"])
        for span in sample["spans"]:
            if span["entity_type"] not in _KINDS:
                continue
            kind = _KINDS[span["entity_type"]]
            true[kind] += 1
            if any(place in left for place in range(span["start_position"], span["end_position"])):
                shape = re.sub(r"[A-Za-z]", "a", re.sub(r"[0-9]", "9", _value(sample, span)))
                missed.setdefault(kind, []).append(shape)
            else:
                hidden[kind] += 1
    for name, target in TARGETS.items():
        kind = Kind(name)
        if count := true[kind]:
            share = hidden[kind] / count
            shapes = ", ".join(shape for shape, _ in Counter(missed.get(kind, ())).most_common(3))
            yield Measured(f"recall of {kind}", share, target, share >= target, f"of {count}; missed: {shapes or '-'}")


def _value(sample: dict[str, Any], span: dict[str, Any]) -> str:
    return str(sample["full_text"][span["start_position"] : span["end_position"]])


def _left(text: str) -> set[int]:
    """The places of the letters and digits of ``text`` that redaction leaves."""
    redacted = redact(text)
    kept: set[int] = set()
    position = 0
    for piece, placeholder in _pieces(redacted.text, redacted.originals):
        kept.update(range(position, position + len(piece)))
        position += len(piece) + len(redacted.originals.get(placeholder, ""))
    return {place for place in kept if text[place].isalnum()}


def _pieces(text: str, originals: Any) -> Iterator[tuple[str, str]]:
    if not originals:
        yield text, ""
        return
    parts = re.split("(" + "|".join(map(re.escape, originals)) + ")", text)
    yield from zip(parts[::2], [*parts[1::2], ""], strict=True)


def falsely_changed(lines: Sequence[str]) -> Measured:
    """Share of ``lines`` in which a rule for secrets found something."""
    changed = [line for line in lines if _SECRETS & redact(line).kinds.keys()]
    share = len(changed) / len(lines)
    met = share <= MOST_FALSELY_CHANGED
    return Measured("lines changed by rules for secrets", share, MOST_FALSELY_CHANGED, met, f"of {len(lines)}")


def speed(text: str) -> Iterator[Measured]:
    """Megabytes in a second on one core, beside a single pattern that is replaced in the same text."""
    size = len(text.encode()) / 1e6
    ours, peer = _seconds(lambda: redact(text)), _seconds(lambda: _PEER.sub("<EMAIL>", text))
    yield Measured("MB/s", size / ours, LEAST_MEGABYTES_PER_SECOND, size / ours >= LEAST_MEGABYTES_PER_SECOND)
    yield Measured("MB/s of one re.sub", size / peer, None, met=True, note=f"{ours / peer:.1f} times ours")


def _seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _sample(lines: Sequence[str]) -> str:
    """Lines of all systems mixed, up to 4 MB."""
    mixed = list(lines)
    random.Random(4).shuffle(mixed)  # noqa: S311 -- the same sample in every run
    return "\n".join(mixed)[:_SAMPLE_BYTES]


def measure(presidio: Path | None, loghub: Path | None) -> Iterator[Measured]:
    """Everything that the given data allow. Raises OSError or ValueError where they cannot be read."""
    if presidio is not None:
        yield from recall(json.loads(presidio.read_text(encoding="utf-8")))
    if loghub is not None:
        files = sorted(loghub.glob("*.log"))
        lines = [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]
        if not lines:
            raise ValueError(f"{loghub} has no *.log files")
        yield falsely_changed(lines)
        yield from speed(_sample(lines))


def main(
    presidio: Annotated[Path | None, typer.Option(help="Data set of presidio-research.")] = None,
    loghub: Annotated[Path | None, typer.Option(help="Directory of LogHub's logs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Measure redaction against its targets."""
    if presidio is None and loghub is None:
        typer.echo("nothing to measure with: give --presidio, --loghub, or both; --help says what they are", err=True)
        raise typer.Exit(2)
    try:
        measured = list(measure(presidio, loghub))
    except (OSError, ValueError, KeyError, TypeError) as error:
        typer.echo(f"cannot read the data: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(2) from None
    for one in measured:
        target = "" if one.target is None else f"  target {one.target:g} {'met' if one.met else 'MISSED'}"
        typer.echo(json.dumps(asdict(one)) if as_json else f"{one.name:<36} {one.value:9.4f}{target}  {one.note}")
    raise typer.Exit(0 if all(one.met for one in measured) else 1)


if __name__ == "__main__":
    typer.run(main)
