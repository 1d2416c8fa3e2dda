"""What became of the tickets of one run, as the database tells it."""

import time
from dataclasses import dataclass

import psycopg

_PAUSE_SECONDS = 0.25


class NotDrained(Exception):
    """Accepted tickets were still pending when the time was up."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of tickets that readers are served from; ``label`` is the expression that holds a ticket's source."""

    url: str
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tickets of one run; ``seconds`` from the first request to the last visible result, latencies ascending."""

    completed: int
    failed: int
    seconds: float
    latencies_ms: list[float]

    @property
    def per_second(self) -> float:
        return self.completed / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The latency that ``percent`` of the tickets did not exceed (nearest rank)."""
        rank = min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * percent / 100))
        return self.latencies_ms[rank]


def drain(table: Table, label: str, timeout: float = 120.0) -> None:
    """Wait until no ticket of the run ``label`` is pending. Raises NotDrained."""
    deadline = time.monotonic() + timeout
    calm = 0
    with psycopg.connect(table.url, autocommit=True) as connection:
        # Asked twice: a ticket whose client had gone may be committed a moment after the first answer.
        while calm < 2:
            pending = _pending(connection, table, label)
            calm = calm + 1 if pending == 0 else 0
            if time.monotonic() > deadline:
                raise NotDrained(f"{pending} tickets in {table.name} were still pending after {timeout:.0f} s")
            time.sleep(_PAUSE_SECONDS)


def read(table: Table, label: str) -> Outcome:
    """What became of the run ``label``.

    A result is visible when the transaction that wrote it commits, and PostgreSQL keeps that moment
    (track_commit_timestamp); the request's own time stands in the ticket's source.
    """
    with psycopg.connect(table.url, autocommit=True) as connection:
        rows = connection.execute(
            f"""
            SELECT state, split_part({table.label}, '.', 2)::bigint,
                   (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint
            FROM {table.name} WHERE {table.label} LIKE %s
            """,
            [f"{label}.%"],
        ).fetchall()
    done = [(sent, visible) for state, sent, visible in rows if state == "SUCCEEDED"]
    if not done:
        raise NotDrained(f"no ticket of the run {label} was completed in {table.name}")
    began, ended = min(sent for sent, _ in done), max(visible for _, visible in done)
    return Outcome(
        completed=len(done),
        failed=len(rows) - len(done),
        seconds=(ended - began) / 1e6,
        latencies_ms=sorted((visible - sent) / 1000 for sent, visible in done),
    )


def _pending(connection: psycopg.Connection, table: Table, label: str) -> int:
    row = connection.execute(
        f"SELECT count(*) FROM {table.name} WHERE state = 'PENDING' AND {table.label} LIKE %s", [f"{label}.%"]
    ).fetchone()
    return int(row[0]) if row else 0
