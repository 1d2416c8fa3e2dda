"""What a statement does, in a few words of its own: for names of spans and labels of metrics.

https://opentelemetry.io/docs/specs/semconv/database/database-spans/ (db.query.summary)
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

_MOST_KNOWN: Final = 512
_MOST_TABLES: Final = 6
_SILENT: Final = frozenset(("BEGIN", "START", "SAVEPOINT", "RELEASE"))
"""What only frames other statements; how a transaction ends is told."""
OPERATIONS: Final = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COMMIT", "ROLLBACK"))

_NOT_CODE = re.compile(
    r"\bE'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL | re.IGNORECASE
)
_TABLE = r"(?:ONLY )?([A-Za-z_][\w.]*)"
# Not FOR UPDATE, which locks, nor DO UPDATE, which belongs to its INSERT.
_WRITE = re.compile(
    rf"(?<!FOR )(?<!DO )(?<!KEY )\b(INSERT|UPDATE|DELETE|MERGE)(?: INTO| FROM)? {_TABLE}", re.IGNORECASE
)
_NO_TABLE = re.compile(r"\bDISTINCT FROM\b|\b(?:EXTRACT|SUBSTRING|TRIM|OVERLAY) ?\([^()]* FROM\b", re.IGNORECASE)
"""Where FROM is followed by a value."""
_READ = re.compile(rf"\b(?:FROM|JOIN) {_TABLE}(?![\w.]* ?\()", re.IGNORECASE)
_NAMED_HERE = re.compile(
    r"(?:\bWITH(?: RECURSIVE)?|,) (\w+)(?: \([^()]*\))? AS (?:NOT )?(?:MATERIALIZED )?\(", re.IGNORECASE
)
_CALL = re.compile(r"\bSELECT ([A-Za-z_]\w*) ?\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """``title`` says all that it does, ``operation`` the first of it, ``collection`` its table if it has only one."""

    title: str
    operation: str
    collection: str | None


@lru_cache(maxsize=_MOST_KNOWN)
def described(query: str) -> Statement | None:
    """What ``query`` does, None for what only frames other statements (BEGIN, SAVEPOINT).

    Its writes with their tables in the order of the text (``INSERT inbox orders outbox``), those in a WITH included;
    where it writes nothing, what it reads (``SELECT orders``), or the function that it calls (``SELECT pg_notify``).
    """
    code = _NO_TABLE.sub(" ", " ".join(_NOT_CODE.sub(" ", query).split()))
    first = (re.match(r"\w+", code) or [""])[0].upper()
    if first in _SILENT:
        return None
    if (did := [(match[1].upper(), match[2]) for match in _WRITE.finditer(code)]) or (did := _reads(code)):
        did = list(dict.fromkeys(did))[:_MOST_TABLES]
        tables = [table for _, table in did]
        title = " ".join(
            f"{verb} {' '.join(table for _, table in parts)}" for verb, parts in groupby(did, key=itemgetter(0))
        )
        return Statement(title, did[0][0], tables[0] if len(set(tables)) == 1 else None)
    verb = "SELECT" if first == "WITH" else first if first in OPERATIONS else "OTHER"
    called = _CALL.search(code) if verb == "SELECT" else None
    return Statement(f"{verb} {called[1]}" if called else verb, verb, None)


def _reads(code: str) -> list[tuple[str, str]]:
    named_here = {match[1] for match in _NAMED_HERE.finditer(code)}
    return [("SELECT", match[1]) for match in _READ.finditer(code) if match[1] not in named_here]
