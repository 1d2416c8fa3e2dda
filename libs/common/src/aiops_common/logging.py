"""Structured logs: one redacted JSON object a line on standard output, with the ids of the current trace and span."""

import json
import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from opentelemetry import trace

from aiops_common.redaction.records import redact_value

_TOLD_OTHERWISE = ("aio_pika.robust_connection", "aio_pika.tools", "aiormq.connection", "asyncpg.pool")
"""Loggers that write again and again, with tracebacks, while the broker or the database is away: ours tell that once
or with back-off."""


_OURS = frozenset(("timestamp", "level", "service", "trace_id", "span_id"))


def _add_trace_ids(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # Last of all, so that texts of libraries and of exceptions pass it too.
    return {name: value if name in _OURS else redact_value(name, value) for name, value in event.items()}


def _render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(dict(event), default=str).decode()
    except TypeError:  # a lone surrogate, or a number of more than 64 bits
        return json.dumps(dict(event), default=str)


def setup_logging(service: str, level: str = "INFO") -> None:
    """Send structlog's and the standard library's records through one JSON renderer.

    Args:
        service: goes into every line as ``service``.
        level: a name of the standard ``logging`` module; libraries never log below WARNING.
    """

    def add_service(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        _add_trace_ids,
        # Without the frames' variables: they hold what clients sent, passwords included.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _redact, _render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _TOLD_OTHERWISE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _take_over_what_python_prints()
    logging.getLogger("aiops_common").setLevel(level)
    logging.getLogger(f"aiops_{service}").setLevel(level)


def _take_over_what_python_prints() -> None:
    """What ends the process or a thread, and warnings, become records, so that they are redacted too."""
    # A record that cannot be written would go to standard error instead, as it is.
    logging.raiseExceptions = False
    log = logging.getLogger("python")
    sys.excepthook = lambda kind, error, trace: log.critical("process.failed", exc_info=(kind, error, trace))
    threading.excepthook = lambda args: log.error(
        "thread.failed", exc_info=args.exc_value or False, extra={"thread_name": getattr(args.thread, "name", None)}
    )
    logging.captureWarnings(capture=True)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; pass ``__name__``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
