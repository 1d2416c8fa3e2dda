"""Lines of the log: JSON, and free of personal data and secrets, wherever these come from."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from aiops_common.log_lines import LONGEST_LINE
from aiops_common.logging import get_logger, setup_logging
from aiops_common.redaction.records import SHOWN_CHARS
from support.canaries import CANARIES, LINES

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", written)
        setup_logging("shop", "DEBUG")
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def _clean(found: list[dict[str, Any]]) -> None:
    assert found
    text = orjson.dumps(found).decode()
    assert [name for name, canary in CANARIES.items() if canary in text] == []


@pytest.mark.parametrize("line", LINES)
def test_no_field_shows_a_secret(lines: Lines, line: str) -> None:
    log = get_logger("aiops_common.test")
    log.info("sold", note=line, listed=[{"deep": (line,)}], error=ValueError(line), raw=line.encode())
    log.warning(line)
    _clean(lines())


@pytest.mark.parametrize("line", LINES)
def test_no_exception_shows_a_secret(lines: Lines, line: str) -> None:
    try:
        try:
            raise OSError(line)
        except OSError as error:
            raise RuntimeError(f"again: {line}") from error
    except RuntimeError:
        get_logger("aiops_common.test").exception("failed")
        logging.getLogger("library").exception("failed with %s", line)
    _clean(lines())


def test_no_exception_shows_a_row(lines: Lines) -> None:
    try:
        try:
            raise ValueError("duplicate key\nDETAIL:  Key (title)=(Mrs Smith) already exists.")
        except ValueError as error:
            raise RuntimeError("not saved") from error
    except RuntimeError:
        get_logger("aiops_common.test").exception("failed")
    (line,) = lines()
    assert [told["exc_value"] for told in line["exception"]] == ["not saved", "duplicate key"]


@pytest.mark.parametrize("line", LINES)
def test_no_library_shows_a_secret(lines: Lines, line: str) -> None:
    logging.getLogger("library").error("cannot do %s", line, extra={"detail": line})
    warnings.warn(line, stacklevel=1)
    _clean(lines())


@pytest.mark.parametrize("line", LINES)
def test_not_even_what_ends_a_process_or_a_thread_does(lines: Lines, line: str) -> None:
    def fail() -> None:
        raise RuntimeError(line)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    found = lines()
    assert [one["event"] for one in found] == ["thread.failed", "process.failed"]
    _clean(found)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "admin_password",
        "refresh_token",
        "api_key",
        "Authorization",
        "secret",
        "password_hash",
        "master_key",
    ],
)
@pytest.mark.parametrize("value", ["correct horse", ["correct horse"], b"correct horse", {"a": "correct horse"}])
def test_what_a_name_says_to_be_secret_is_not_shown(lines: Lines, name: str, value: object) -> None:
    get_logger("aiops_common.test").info("sold", **{name: value}, inner={name: value})
    assert "correct horse" not in str(lines())


@pytest.mark.parametrize("odd", ["\ud800", 2**70, float("nan"), {"\ud800": "\ud800"}, b"\xff\xfe", {1: {2: 3}}, "\x00"])
def test_a_line_that_is_hard_to_write_is_written_and_redacted(
    lines: Lines, capsys: pytest.CaptureFixture[str], odd: object
) -> None:
    get_logger("aiops_common.test").info("sold", odd=odd, note="password=hunter2-and-more")
    written = capsys.readouterr()
    assert "hunter2" not in written.err + str(lines())
    assert lines()[0]["event"] == "sold"


def test_what_operators_need_stays(lines: Lines) -> None:
    told = {
        "message_id": "018f0000-0000-7000-8000-000000000001",
        "routing_key": "triage.triage_ticket.v1",
        "retry_in_seconds": 5,
        "input_tokens": 1200,
        "at": "2026-11-22T02:13:07.123456Z",
        "queue": "triage.work",
        "is_open": True,
        "nothing": None,
    }
    get_logger("aiops_common.test").info("relay.refused", **told)
    (line,) = lines()
    assert told.items() <= line.items()
    assert (line["event"], line["service"], line["level"]) == ("relay.refused", "shop", "info")


def test_a_long_text_is_cut(lines: Lines) -> None:
    get_logger("aiops_common.test").info("sold", note="a" * 10_000_000)
    (line,) = lines()
    assert len(line["note"]) < SHOWN_CHARS + 50
    assert "more characters" in line["note"]


def test_what_holds_itself_is_told_all_the_same(lines: Lines) -> None:
    loop: list[Any] = []
    loop.append(loop)
    get_logger("aiops_common.test").info("sold", loop=loop)
    assert lines()[0]["event"] == "sold"


class _Raises:
    def __str__(self) -> str:
        raise RuntimeError("cannot be told")


def test_what_cannot_be_told_fails_nobody(lines: Lines) -> None:
    get_logger("aiops_common.test").info("sold", odd=_Raises(), inside=[{"odd": _Raises()}])
    logging.getLogger("library").error("%s and %d", _Raises(), "no number")
    ours, theirs = lines()
    assert ours["event"] == "sold"
    assert "raises RuntimeError" in ours["odd"]
    assert (theirs["event"], theirs["logger"]) == ("%s and %d", "library")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\u2029", "\x85", "\x1b[2K\x9b2K", "\x7f"])
def test_no_text_begins_a_line_of_its_own_or_moves_a_cursor(lines: Lines, end: str) -> None:
    forged = f'x{end}{{"event":"sign_in.accepted","level":"info"}}'
    get_logger("aiops_common.test").info("sold", note=forged, **{f"a{end}b": forged})
    logging.getLogger("library").error(forged)
    ours, theirs = lines()
    assert (ours["event"], theirs["level"], theirs["logger"]) == ("sold", "error", "library")


def test_a_line_has_a_bounded_length_and_stays_json(lines: Lines) -> None:
    get_logger("aiops_common.test").info("sold", **{f"note_{n}": "word " * 1000 for n in range(100)}, message_id="m")
    (line,) = lines()
    assert line["event"] == "sold"
    assert line["cut_from"] > LONGEST_LINE
    assert len(json.dumps(line)) <= LONGEST_LINE


def test_what_holds_the_same_thing_again_and_again_costs_little(lines: Lines) -> None:
    laughs: list[Any] = ["ha"]
    for _ in range(60):
        laughs = [laughs] * 100
    get_logger("aiops_common.test").info("sold", laughs=laughs)
    assert lines()[0]["event"] == "sold"


def test_a_deep_exception_is_one_line(lines: Lines) -> None:
    def fall(depth: int) -> None:
        if depth:
            fall(depth - 1)
        raise ValueError("x\n" * 5000)

    try:
        fall(500)
    except ValueError:
        get_logger("aiops_common.test").exception("fell")
    (line,) = lines()
    assert (line["event"], line["level"]) == ("fell", "error")


def test_a_library_cannot_take_the_place_of_what_is_ours(lines: Lines) -> None:
    taken = {"event": "job.done", "level": "info", "service": "bank", "timestamp": "never", "logger": "ours"}
    logging.getLogger("library").warning("beware", extra=taken)
    (line,) = lines()
    told = (line["event"], line["level"], line["service"], line["logger"])
    assert told == ("beware", "warning", "shop", "library")
    assert line["timestamp"] != "never"


def test_a_level_of_a_librarys_own_counts_as_the_one_below(lines: Lines) -> None:
    logging.getLogger("library").log(35, "hm")
    assert lines()[0]["level"] == "warning"


def test_libraries_log_from_warning_on_and_ours_from_the_level_that_is_set(lines: Lines) -> None:
    logging.getLogger("library").info("no")
    get_logger("aiops_common.test").debug("yes")
    assert [line["event"] for line in lines()] == ["yes"]


def test_lines_are_counted_by_level(lines: Lines) -> None:
    def counted(level: str) -> float:
        return REGISTRY.get_sample_value("aiops_log_records_total", {"level": level}) or 0

    before = {level: counted(level) for level in ("info", "error")}
    get_logger("aiops_common.test").info("sold")
    logging.getLogger("library").error("no")
    assert {level: counted(level) - before[level] for level in before} == {"info": 1, "error": 1}


class _Full(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [_Full(), io.TextIOWrapper(io.BytesIO(), encoding="ascii")])
def test_whoever_logs_does_not_notice_where_it_goes(stream: io.TextIOBase) -> None:
    setup_logging("shop", stream=stream)  # type: ignore[arg-type]  # a TextIO is no class
    get_logger("aiops_common.test").info("sold", note="für 5 €")
    logging.getLogger("library").error("für 5 €")
    if isinstance(stream, io.TextIOWrapper):
        written = stream.buffer.getvalue()
        assert [json.loads(line)["event"] for line in written.splitlines()] == ["sold", "für 5 €"]
