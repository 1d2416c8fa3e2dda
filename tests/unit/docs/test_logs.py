"""docs/logs.md names the events that the code logs, with their levels and fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}
NO_FIELDS = {"exc_info", "extra"}
"""Keywords that the renderer takes apart."""

_ROW = re.compile(r"\| `(?P<event>[^`]+)` \| (?P<level>\w+) \| [^|]+ \| (?P<fields>[^|]*)\|")


class Logged(NamedTuple):
    """One call of a logger."""

    event: str
    level: str
    fields: frozenset[str]


def documented(page: str) -> dict[tuple[str, str], set[str]]:
    rows = [row for line in page.splitlines() if (row := _ROW.fullmatch(line))]
    found = {(row["event"], row["level"]): {f.strip() for f in row["fields"].split(",")} - {""} for row in rows}
    assert len(found) == len(rows), "an event stands twice, with the same level"
    return found


def logged(source: str) -> Iterator[Logged]:
    """Every call of a logger in ``source``; a name that is no literal is told as it stands there."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr not in LEVELS or not _is_logger(call.func.value):
            continue
        fields = frozenset(one.arg for one in call.keywords if one.arg) - NO_FIELDS
        for event in _names(call.args[0]):
            yield Logged(event, LEVELS[call.func.attr], fields)


def _is_logger(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "get_logger"
    return isinstance(value, ast.Name) and value.id in ("_log", "log")


def _names(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.IfExp):
        yield from (*_names(argument.body), *_names(argument.orelse))
    else:
        literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        yield str(argument.value) if literal and isinstance(argument, ast.Constant) else ast.unparse(argument)


def in_the_code() -> list[Logged]:
    files = [path for folder in ("libs", "services") for path in (ROOT / folder).rglob("src/**/*.py")]
    assert len(files) > 100
    return [one for path in files for one in logged(path.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], set[str]]:
    return documented((ROOT / "docs" / "logs.md").read_text(encoding="utf-8"))


def test_the_page_names_the_events_of_the_code_with_their_levels(table: dict[tuple[str, str], set[str]]) -> None:
    assert set(table) == {(one.event, one.level) for one in in_the_code()}


def test_the_page_names_the_fields_of_each_event(table: dict[tuple[str, str], set[str]]) -> None:
    unnamed = {(one.event, field) for one in in_the_code() for field in one.fields - table[one.event, one.level]}
    assert unnamed == set()


def test_events_are_named_alike() -> None:
    odd = {
        one.event for one in in_the_code() if not re.fullmatch(r"audit|[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", one.event)
    }
    assert odd == set(), "an event is <what>.<what happened>, a literal in snake_case"


def test_other_pages_name_events_that_there_are(table: dict[tuple[str, str], set[str]]) -> None:
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")]
    in_a_log = re.compile(r"`([a-z_]+\.[a-z_]+)`[^`]{0,40}\blog\b")
    named = {name for page in pages for name in in_a_log.findall(page.read_text(encoding="utf-8"))}
    assert {"relay.refused", "listener.lost"} <= named <= {event for event, _ in table}


def test_calls_of_loggers_are_found() -> None:
    source = """
_log.info("sold.out", item=1, exc_info=True)
get_logger(__name__).exception("a.b", **more)
log.warning("c.d" if bad else "c.e", extra={})
_log.debug(name)
calculus.log.info("no logger of ours")
"""
    assert list(logged(source)) == [
        Logged("sold.out", "info", frozenset({"item"})),
        Logged("a.b", "error", frozenset()),
        Logged("c.d", "warning", frozenset()),
        Logged("c.e", "warning", frozenset()),
        Logged("name", "debug", frozenset()),
    ]
