"""Which releases work on a schema at this moment: each process says in its session which migrations its code knows."""

import importlib.resources
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

_NUMBER = re.compile(r"^(\d+)_")
_TOLD = re.compile(r"^aiops-\w+ expand (\d+) contract (\d+)$")

SESSIONS = """
SELECT application_name FROM pg_stat_activity WHERE usename = current_user AND datname = current_database()
"""
"""Names of the sessions of a schema's role, which may see its own."""


@dataclass(frozen=True, slots=True)
class Release:
    """The numbers of the newest revisions of each phase that a process has files of; 0 where it has none."""

    expand: int
    contract: int


def number(file: str) -> int:
    """The number with which the name of a revision's file begins, 0 where it has none."""
    return int(found[1]) if (found := _NUMBER.match(file)) else 0


def release(package: str) -> Release:
    """The release whose code is here, by the names of its files: cheaper than asking Alembic."""
    migrations = importlib.resources.files(package) / "migrations"
    expand, contract = (
        max((number(file.name) for file in folder.iterdir()), default=0) if folder.is_dir() else 0
        for folder in (migrations / "expand", migrations / "contract")
    )
    return Release(expand, contract)


def with_release(database_url: str, name: str, package: str) -> str:
    """``database_url``, whose sessions say which release of ``name`` they are of; those of pools go by other names."""
    known = release(package)
    told = f"aiops-{name} expand {known.expand:04} contract {known.contract:04}"
    return f"{database_url}{'&' if '?' in database_url else '?'}application_name={quote(told)}"


def releases(session_names: Iterable[str]) -> list[Release]:
    """The releases that sessions say they are of; those that say nothing are left out."""
    found = [_TOLD.match(name) for name in session_names]
    return [Release(int(match[1]), int(match[2])) for match in found if match]
