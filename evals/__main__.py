"""``python -m evals DATA``: how good the engines are on data that a user names, beside what others reach.

    python -m evals DATA [AREA ...] [--json]

Areas are logs, triage, changelogs and redaction; default: all. An area whose data DATA does not hold is left out, and
stderr says so. Exits with 1 where a target is missed, with 2 where nothing was found or DATA cannot be read.
"""

import importlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from evals.figures import Figure
from rich.console import Console
from rich.table import Table

AREAS = ("logs", "triage", "changelogs", "redaction")


def main(
    data: Annotated[Path, typer.Argument(help="Directory with the data sets.", exists=True, file_okay=False)],
    areas: Annotated[list[str] | None, typer.Argument(help=f"Any of {', '.join(AREAS)}; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")] = False,
) -> None:
    """Measure the engines on the data sets in DATA."""
    if unknown := set(areas or ()) - set(AREAS):
        raise typer.BadParameter(f"no area is called {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}")
    found = list(_measured(data, areas or list(AREAS)))
    if as_json:
        print(json.dumps([asdict(figure) | {"is_met": figure.is_met} for figure in found], indent=2))
    elif found:
        Console().print(_table(found))
    if not found:
        raise typer.Exit(2)
    if not all(figure.is_met for figure in found):
        raise typer.Exit(1)


def _measured(data: Path, areas: list[str]) -> Iterator[Figure]:
    for area in areas:
        # An area's module loads its engine, which not every area needs.
        module = importlib.import_module(f"evals.{area}")
        try:
            yield from module.measure(data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            typer.echo(f"{area}: cannot measure what is in {data}: {type(error).__name__}: {error}", err=True)
            raise typer.Exit(2) from error


def _table(found: list[Figure]) -> Table:
    table = Table()
    for heading in ("area", "data set", "metric", "value", "target", "known"):
        table.add_column(heading, justify="right" if heading in ("value", "target") else "left")
    for figure in found:
        style = None if figure.target is None else "green" if figure.is_met else "red"
        table.add_row(
            figure.area,
            figure.data_set,
            figure.metric,
            _number(figure.value),
            _target(figure),
            figure.known,
            style=style,
        )
    return table


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign = "≥" if figure.is_least else "≤"
    return f"{sign} {_number(figure.target)}{'' if figure.is_met else ' missed'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"


if __name__ == "__main__":
    typer.run(main)
