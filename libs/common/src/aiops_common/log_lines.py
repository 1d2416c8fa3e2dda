"""From what is logged to what is written: one JSON object on one line, redacted and of bounded length, whatever it is.

Nothing here raises for what it is given: who logs must not fail because of that.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from prometheus_client import Counter

from aiops_common.metrics import OTHER
from aiops_common.redaction.records import redact_value

LONGEST_LINE: Final = 32 * 1024
"""Characters. Container runtimes and collectors cut longer lines somewhere in the middle, which leaves no JSON."""

_CUT_TO: Final = 200
_OURS: Final = ("timestamp", "level", "service", "trace_id", "span_id")
"""What no caller has a say in, first on each line."""

# JSON escapes control characters below 0x20 only. Terminals obey some of these, and some readers end a line at them.
_CONTROLS: Final = re.compile("[\x7f-\x9f\u2028\u2029]")

RECORDS: Final = Counter("aiops_log_records_total", "Lines written to the log, by level", ["level"])
_COUNTERS: Final = {level: RECORDS.labels(level) for level in ("debug", "info", "warning", "error", "critical", OTHER)}


def log_line(record: Mapping[str, Any]) -> str:
    """``record`` as the text of one line, without its end; counts it."""
    _COUNTERS.get(str(record.get("level")), _COUNTERS[OTHER]).inc()
    shown = {name: record[name] for name in _OURS if name in record}
    shown["event"] = redact_value("event", record.get("event"))
    for name, value in record.items():
        if name not in shown:
            # Last of all, so that texts of libraries and of exceptions pass it too.
            shown[name] = redact_value(name, value)
    line = _json(shown)
    return line if len(line) <= LONGEST_LINE else _json(_shortened(shown, len(line)))


def _json(shown: Mapping[str, Any]) -> str:
    try:
        line = orjson.dumps(shown, default=str).decode()
    except TypeError:  # a lone surrogate, or a number of more than 64 bits
        line = "{" + ",".join(f"{json.dumps(name)}:{_value(value)}" for name, value in shown.items()) + "}"
    return line if line.isascii() else _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _value(value: object) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:
        return json.dumps(str(value))


def _shortened(shown: Mapping[str, Any], length: int) -> dict[str, Any]:
    """The record with the beginning of each value only; ``length`` tells how long its line would have been."""
    kept = {name: value if _is_short(value) else f"{str(value)[:_CUT_TO]}…" for name, value in list(shown.items())[:50]}
    return {**kept, "cut_from": length}


def _is_short(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _CUT_TO)
