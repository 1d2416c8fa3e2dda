"""Structured log formats: how to get time, level and message out of a line of each.

A parser takes a line and returns (microseconds since 1970 UTC or None, level or None, message), or None if the line is
not of its format.
"""

import json
import re
from collections.abc import Callable
from typing import Final

from aiops_summarizer.domain import LogLevel
from aiops_summarizer.engine.levels import SYSLOG_SEVERITIES, level_of
from aiops_summarizer.engine.timestamps import BY_NAME, MONTH, Clock

Parsed = tuple[int | None, LogLevel | None, str]
Parser = Callable[[str], Parsed | None]

_TIME_FIELDS: Final = ("time", "ts", "timestamp", "@timestamp", "t", "date", "datetime", "asctime", "eventTime")
_LEVEL_FIELDS: Final = ("level", "severity", "lvl", "levelname", "log.level", "loglevel", "SeverityText", "priority")
_MESSAGE_FIELDS: Final = ("message", "msg", "event", "body", "log", "text", "short_message", "MESSAGE")
_ERROR_FIELDS: Final = ("error", "err", "exception", "exc_info")

_SYSLOG = re.compile(
    rf"(?:<(\d{{1,3}})>)?({MONTH}\s+\d{{1,2}} \d{{2}}:\d{{2}}:\d{{2}}) \S+\s+"
    r"(?:(?:-- )?[^\s:\[\]]+(?: \d[\d.]*)?(?:\[\d+\])?(?: \([^)]*\))?:\s)?\s*"
)
_SYSLOG_5424 = re.compile(r"<(\d{1,3})>[1-9]\d{0,2} (\S+) \S+ \S+ \S+ \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?\ufeff?")
_KLOG = re.compile(r"([IWEF])(\d{2})(\d{2}) (\d{2}:\d{2}:\d{2})(\.\d+)\s+\d+ [^\s\]]+:\d+\] ")
_ACCESS = re.compile(
    r"(\S+) \S+ .{1,80}? ?\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}) ([+-]\d{4})\] "
    r'"([A-Z]+) ([^"\s]*)[^"]*" (\d{3}) '
)
_CRI = re.compile(r"(\d{4}-\d{2}-\d{2}T\S+) (?:stdout|stderr) [FP] ")
_SERVICE_PREFIX = re.compile(r"[\w./-]+\s+\| ")
_PAIR = re.compile(r'(?<![\w.@/-])([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')


def _first(fields: dict[str, object], names: tuple[str, ...]) -> object:
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return value
    return None


def _from_fields(fields: dict[str, object], clock: Clock) -> Parsed | None:
    message = _first(fields, _MESSAGE_FIELDS)
    level = level_of(_first(fields, _LEVEL_FIELDS))
    time = clock.parse(_first(fields, _TIME_FIELDS))
    if isinstance(message, dict | list):
        message = json.dumps(message, ensure_ascii=False)
    if message is None and level is None and time is None:
        return None
    error = _first(fields, _ERROR_FIELDS)
    text = "" if message is None else str(message)
    if isinstance(error, str) and error not in text:
        text = f"{text}: {error}" if text else error
    return time, level, " ".join(text.split("\n", 1)[0].split())


def json_lines(clock: Clock) -> Parser:
    """One JSON object per line, with the usual names for time, level and message."""

    def parse(line: str) -> Parsed | None:
        if not line.startswith("{"):
            return None
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return _from_fields(fields, clock) or (None, None, line)

    return parse


def logfmt(clock: Clock) -> Parser:
    """``key=value`` pairs with a message or a level among them (https://brandur.org/logfmt)."""

    def parse(line: str) -> Parsed | None:
        pairs = _PAIR.findall(line)
        if len(pairs) < 2 or not _PAIR.match(line):
            return None
        fields = {key: value[1:-1].replace('\\"', '"') if value[:1] == '"' else value for key, value in pairs}
        if not any(name in fields for name in ("msg", "message", "level", "lvl")):
            return None
        parsed = _from_fields(fields, clock)
        if parsed and not parsed[2]:
            return parsed[0], parsed[1], line
        return parsed

    return parse


def syslog(clock: Clock) -> Parser:
    """RFC 3164: ``Mmm dd hh:mm:ss host tag[pid]: message``, with or without a priority."""
    kind = BY_NAME["named"]

    def parse(line: str) -> Parsed | None:
        found = _SYSLOG.match(line)
        if found is None:
            return None
        priority, time = found.groups()
        level = SYSLOG_SEVERITIES[int(priority) % 8] if priority else None
        return clock.micros(kind, time, None, None), level, line[found.end() :]

    return parse


def syslog_5424(clock: Clock) -> Parser:
    """RFC 5424: ``<pri>1 timestamp host app pid msgid structured-data message``."""

    def parse(line: str) -> Parsed | None:
        found = _SYSLOG_5424.match(line)
        if found is None:
            return None
        return clock.parse(found[2]), SYSLOG_SEVERITIES[int(found[1]) % 8], line[found.end() :]

    return parse


def klog(clock: Clock) -> Parser:
    """``Lmmdd hh:mm:ss.uuuuuu thread file:line] message`` (https://github.com/kubernetes/klog)."""
    kind = BY_NAME["month and day"]

    def parse(line: str) -> Parsed | None:
        found = _KLOG.match(line)
        if found is None:
            return None
        letter, month, day, time, fraction = found.groups()
        return clock.micros(kind, f"{month}-{day} {time}", fraction, None), level_of(letter), line[found.end() :]

    return parse


def access_log(clock: Clock) -> Parser:
    """Common and combined log format of HTTP servers; a status of 5xx is an error, 4xx a warning."""
    kind = BY_NAME["day first"]

    def parse(line: str) -> Parsed | None:
        found = _ACCESS.match(line)
        if found is None:
            return None
        _, time, zone, method, path, status = found.groups()
        level = {"5": LogLevel.ERROR, "4": LogLevel.WARN}.get(status[0], LogLevel.INFO)
        # Written as one word the status is a constant of the pattern: it is what the line is about.
        return clock.micros(kind, time, None, zone), level, f"{method} {path.split('?')[0]} HTTP{status}"

    return parse


def unwrap_cri(line: str) -> tuple[str, str] | None:
    """Time and payload of a line in the Kubernetes CRI format; None if it is not."""
    found = _CRI.match(line)
    return (found[1], line[found.end() :]) if found else None


def unwrap_service(line: str) -> tuple[str, str] | None:
    """No time, and what follows the ``service | `` that tools put before the lines of several programs."""
    found = _SERVICE_PREFIX.match(line)
    return ("", line[found.end() :]) if found else None


WRAPPERS: Final = (unwrap_cri, unwrap_service)
FORMATS: Final = (json_lines, klog, syslog_5424, syslog, access_log, logfmt)
