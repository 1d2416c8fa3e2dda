"""``train``: learn from what people corrected, or from a file, and say how well that went."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import typer

from aiops_common.postgres import Pool
from aiops_triage.command.database import with_database
from aiops_triage.command.failing import FAILED, told_failures
from aiops_triage.command.lines import read_examples
from aiops_triage.command.tables import figure, table
from aiops_triage.domain import TicketCategory
from aiops_triage.engine.measuring import macro_f1_of_rules
from aiops_triage.engine.model import Example, TrainedModel, dump, train
from aiops_triage.engine.model.training import MIN_PER_LABEL
from aiops_triage.service import RULES, Registry, examples, worse_than

CATEGORIES = tuple(map(str, TicketCategory))


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training; ``worse`` says in words by what the model is worse than what is active.

    Where no model is, that is ``RULES``, judged on the same examples.
    """

    name: str
    metrics: Mapping[str, float]
    left_out: Sequence[str]
    activated: bool = False
    active_version: str | None = None
    active_metrics: Mapping[str, float] | None = None
    worse: Sequence[str] = ()


FLOOR = 0.5
"""Least macro_f1 of a model that is to decide instead of the rules: of a few labels a guess finds a third."""


def train_to_file(source: BinaryIO, labels: Sequence[str], out: Path) -> Trained:
    """Learn ``labels`` from ``source`` alone and write the model to ``out``; exits where that cannot be done."""
    with told_failures():
        model, left_out, _ = _trained(list(read_examples(source, labels)), labels)
        out.write_bytes(dump(model))
    return Trained(str(out), model.metrics, left_out)


def train_to_registry(source: BinaryIO | None, *, with_corrections: bool, activate: bool) -> Trained:
    """Learn from corrections, ``source`` or both, and add the model to the registry; exits where that cannot be done.

    With ``activate`` it decides from now on, unless it is worse than what decides now: the active model, or the rules.
    """
    return with_database(lambda pool: _registered(pool, source, with_corrections, activate))


async def _registered(pool: Pool, source: BinaryIO | None, with_corrections: bool, activate: bool) -> Trained:
    known = await examples(pool) if with_corrections else []
    known += read_examples(source, CATEGORIES) if source else ()
    # Not in a thread: nothing else goes on in this process.
    model, left_out, learned = _trained(known, CATEGORIES)
    registry = Registry(pool)
    before = await registry.active()
    version = await registry.add(model)
    compared = before.metrics if before else {"macro_f1": macro_f1_of_rules(learned)}
    worse = worse_than(model.metrics, compared)
    if not before and not worse and model.metrics["macro_f1"] < FLOOR:
        worse = [f"macro_f1 is {model.metrics['macro_f1']:.3f}, at least {FLOOR:g} is needed"]
    activated = activate and not worse
    if activated:
        await registry.activate(version)
    return Trained(
        version,
        model.metrics,
        left_out,
        activated,
        before.version if before else RULES,
        compared,
        worse,
    )


def _trained(known: Sequence[Example], labels: Sequence[str]) -> tuple[TrainedModel, list[str], Sequence[Example]]:
    """The model, which labels it did not learn, and the examples that it learned from.

    A label that is rare must not keep the others from being learned.
    """
    counts = Counter(example.label for example in known)
    rare = {label: count for label, count in counts.items() if count < MIN_PER_LABEL}
    if len(counts) - len(rare) >= 2:
        known = [example for example in known if example.label not in rare]
    else:
        rare = {}  # then too few are left, and training says what is missing
    left_out = [f"{label} has {count} of {MIN_PER_LABEL} examples" for label, count in sorted(rare.items())]
    return train(known, labels), left_out, known


def report(trained: Trained, *, asked_to_activate: bool, as_json: bool) -> None:
    """Print what came of it; exits with 1 where it was to be activated and is worse."""
    typer.echo(json.dumps(_document(trained), ensure_ascii=False) if as_json else _text(trained))
    if asked_to_activate and trained.worse:
        typer.echo(
            f"error: {trained.name} was not activated, it is worse than {trained.active_version}: "
            f"{'; '.join(trained.worse)}. Do it all the same: python -m aiops_triage activate {trained.name}",
            err=True,
        )
        raise typer.Exit(FAILED)


def _document(trained: Trained) -> dict[str, Any]:
    active = {"version": trained.active_version, "metrics": dict(trained.active_metrics or {})}
    return {
        "version": trained.name,
        "metrics": dict(trained.metrics),
        "leftOut": list(trained.left_out),
        "activated": trained.activated,
        "active": active if trained.active_version else None,
        "worse": list(trained.worse),
    }


def _text(trained: Trained) -> str:
    before = trained.active_metrics
    head = ["metric", trained.name, *([f"{trained.active_version} (active)"] if before is not None else [])]
    rows = [
        [name, figure(value), *([figure(before.get(name))] if before is not None else [])]
        for name, value in trained.metrics.items()
    ]
    notes = [f"left out: {', '.join(trained.left_out)}"] if trained.left_out else []
    if trained.activated:
        notes.append(f"{trained.name} is active now")
    return "\n".join([table(head, rows), *notes])
