"""Structured logs: one redacted JSON object a line on standard output, with the ids of the current trace and span.

Our lines go straight there; by way of the standard library, which is for those of other libraries, each would cost
several times as much. docs/logs.md lists the events.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from types import TracebackType
from typing import Any, TextIO, TypeAlias

import structlog
from opentelemetry import trace

from aiops_common.log_lines import log_line

Logger: TypeAlias = structlog.typing.FilteringBoundLogger

_TOLD_OTHERWISE = ("aio_pika.robust_connection", "aio_pika.tools", "aiormq.connection", "asyncpg.pool")
"""Loggers that write again and again, with tracebacks, while the broker or the database is away: ours tell that once
or with back-off."""

_STANDARD = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime"))
"""Attributes that every record of the standard library has; others came as ``extra``."""


def get_logger(name: str) -> Logger:
    """The logger of a module; pass ``__name__``."""
    logger: Logger = structlog.get_logger(name)
    return logger


def setup_logging(service: str, level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's records through one JSON renderer.

    Args:
        service: goes into every line as ``service``.
        level: the lowest that is written, a name of the standard ``logging`` module; for libraries WARNING at least.
        stream: where lines go instead of standard output, e.g. where that is for the answer of a command.
    """
    output = _Output(stream or sys.stdout)
    # Without the frames' variables: they hold what clients sent, passwords included.
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)

    def exceptions(exc_info: Any) -> list[dict[str, Any]]:
        # PostgreSQL says behind DETAIL which values it could not take.
        return [told | {"exc_value": told["exc_value"].partition("\nDETAIL:")[0]} for told in frames(exc_info)]

    processors: list[structlog.typing.Processor] = [
        _adds_context(service),
        structlog.processors.ExceptionRenderer(exceptions),
        _render,
    ]
    structlog.configure(
        processors=processors,
        logger_factory=lambda *_name: output,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=stream is None,  # commands log little, and tests run them one after the other
    )
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries(processors, output)]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in _TOLD_OTHERWISE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _take_over_what_python_prints()


def setup_command_logging(service: str) -> None:
    """Send what fails to standard error: a command's answer is on standard output, what it says of it is enough."""
    setup_logging(service, "ERROR", stream=sys.stderr)


class _Output:
    """Where lines go, each with one write; one that cannot be written is lost, and whoever logs does not notice."""

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        # OSError: the disk is full, the reader is gone. ValueError: the stream was closed as the process ends.
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    # structlog calls the method that is named like the level.
    debug = info = warning = error = critical = msg


class _FromLibraries(logging.Handler):
    """Writes what libraries log by way of the standard library, as our own lines are written."""

    def __init__(self, processors: Sequence[structlog.typing.Processor], output: _Output) -> None:
        super().__init__()
        self._processors = processors
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; of a record whose arguments do not fit only what is certain."""
        try:
            self._output.msg(self._line(record))
        except Exception:  # whatever an argument raises when it is told
            told = {"event": str(record.msg), "level": _level(record), "logger": record.name}
            self._output.msg(log_line(told))

    def _line(self, record: logging.LogRecord) -> str:
        told: Any = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        told.update(event=record.getMessage(), logger=record.name)
        if record.exc_info:
            told["exc_info"] = record.exc_info
        for process in self._processors:
            told = process(None, _level(record), told)
        return str(told)


def _level(record: logging.LogRecord) -> str:
    """The nearest one below that has a name, for levels of a library's own."""
    return logging.getLevelName(min(record.levelno // 10 * 10, logging.CRITICAL)).lower()


def _adds_context(service: str) -> structlog.typing.Processor:
    def add(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        event["level"] = method
        event["service"] = service
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = f"{context.trace_id:032x}"
            event["span_id"] = f"{context.span_id:016x}"
        return event

    return add


def _render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return log_line(event)


def _take_over_what_python_prints() -> None:
    """What ends the process or a thread, and warnings, become records, so that they are redacted too."""
    logging.raiseExceptions = False
    sys.excepthook = _told_of_process
    threading.excepthook = _told_of_thread
    logging.captureWarnings(capture=True)


def _told_of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        get_logger(__name__).critical("process.failed", exc_info=(kind, error, trace))


def _told_of_thread(args: threading.ExceptHookArgs) -> None:
    name = getattr(args.thread, "name", None)
    get_logger(__name__).error("thread.failed", exc_info=args.exc_value or False, thread_name=name)
