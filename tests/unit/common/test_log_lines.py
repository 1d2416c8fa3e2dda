"""Lines of the log: JSON, and free of personal data and secrets, wherever these come from."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import structlog

from aiops_common.logging import get_logger, setup_logging
from aiops_common.redaction.records import SHOWN_CHARS
from support.canaries import CANARIES, LINES

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root, written = logging.getLogger(), io.StringIO()
    before, hooks = (root.handlers[:], root.level), (sys.excepthook, threading.excepthook)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", written)
        setup_logging("shop", "DEBUG")
    # Ours log under names of their own; these tests are one more of them.
    logging.getLogger("aiops_common.test").setLevel("DEBUG")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], root.level = before
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


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


@pytest.mark.parametrize("odd", ["\ud800", 2**70])
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
