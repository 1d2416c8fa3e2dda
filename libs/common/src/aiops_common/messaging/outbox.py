"""The outbox: messages that are written in the same transaction as the effect they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from aiops_common.messaging.message import Outgoing
from aiops_common.postgres import Connection

CHANNEL = "outbox"
"""Prefix of the notification channel; each schema has its own."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages: those that meet everything that is given.

    ``ids`` and ``types`` (wire types) are alternatives, none means all. ``since`` (inclusive) and ``until`` (exclusive)
    bound the time at which a message was written.
    """

    ids: Sequence[UUID] = ()
    types: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> tuple[str, list[object]]:
        """As SQL, with its parameters from $1 on."""
        given: list[tuple[str, object]] = [
            ("id = ANY({}::uuid[])", list(self.ids) or None),
            ("routing_key = ANY({}::text[])", list(self.types) or None),
            ("created_at >= {}", self.since),
            ("created_at < {}", self.until),
        ]
        used = [(text, value) for text, value in given if value is not None]
        terms = [text.format(f"${number}") for number, (text, _) in enumerate(used, start=1)]
        return " AND ".join(terms) or "true", [value for _, value in used]


def channel(schema: str) -> str:
    """The notification channel on which ``schema`` tells that its outbox has new rows."""
    return f"{CHANNEL}_{schema}"


async def append(connection: Connection, messages: Sequence[Outgoing], *, lease_seconds: float | None = None) -> None:
    """Add messages to the outbox of the connection's schema.

    A message whose id is already there is not added again: the same id is the same message. Without a lease, the
    schema's relays are woken when the transaction commits. With one, no relay looks at the messages before it ends:
    the caller hands them to its own relay after the commit.
    """
    if not messages:
        return
    await connection.execute(
        """
        INSERT INTO outbox (id, exchange, routing_key, body, headers, claimed_until)
        SELECT m.*, now() + make_interval(secs => $6)
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::jsonb[]) AS m
        ON CONFLICT (id) DO NOTHING
        """,
        [m.id for m in messages],
        [m.exchange for m in messages],
        [m.routing_key for m in messages],
        [m.body for m in messages],
        [orjson.dumps(m.headers) for m in messages],
        lease_seconds,
    )
    if lease_seconds is None:
        await connection.execute("SELECT pg_notify('outbox_' || current_schema(), '')")


def insert_caused(first: int, causes: str) -> str:
    """An INSERT for use inside a larger statement: messages whose cause is an id of the relation ``causes``.

    It takes the parameters of ``caused_columns`` from number ``first`` on. As with a lease in ``append``, the caller
    hands the messages over after the commit.
    """
    cause, identity, exchange, key, body, headers, lease = (f"${number}" for number in range(first, first + 7))
    return f"""
        INSERT INTO outbox (id, exchange, routing_key, body, headers, claimed_until)
        SELECT m.id, m.exchange, m.routing_key, m.body, m.headers, now() + make_interval(secs => {lease})
        FROM unnest({cause}::uuid[], {identity}::uuid[], {exchange}::text[], {key}::text[], {body}::bytea[],
                    {headers}::jsonb[]) AS m (cause, id, exchange, routing_key, body, headers)
        WHERE m.cause IN (SELECT id FROM {causes})
        ON CONFLICT (id) DO NOTHING
    """


def caused_columns(messages: Sequence[tuple[UUID, Outgoing]], lease_seconds: float) -> list[object]:
    """The parameters of ``insert_caused`` for (cause, message) pairs."""
    return [
        [cause for cause, _ in messages],
        [m.id for _, m in messages],
        [m.exchange for _, m in messages],
        [m.routing_key for _, m in messages],
        [m.body for _, m in messages],
        [orjson.dumps(m.headers) for _, m in messages],
        lease_seconds,
    ]


async def claim(
    connection: Connection, *, limit: int, lease_seconds: float, without: Sequence[tuple[str, str]] = ()
) -> list[Outgoing]:
    """Take up to ``limit`` unsent messages, oldest first, and keep other relays away from them for the lease.

    Messages for an (exchange, routing key) of ``without`` stay where they are.
    """
    rows = await connection.fetch(
        """
        UPDATE outbox SET claimed_until = now() + make_interval(secs => $2), attempts = attempts + 1
        WHERE id IN (
            SELECT id FROM outbox
            WHERE sent_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())
              AND (cardinality($3::text[]) = 0
                   OR (exchange, routing_key) NOT IN (SELECT * FROM unnest($3::text[], $4::text[])))
            ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING seq, id, exchange, routing_key, body, headers
        """,
        limit,
        lease_seconds,
        [exchange for exchange, _ in without],
        [routing_key for _, routing_key in without],
    )
    return [
        Outgoing(r["id"], r["exchange"], r["routing_key"], bytes(r["body"]), orjson.loads(r["headers"]))
        for r in sorted(rows, key=lambda row: int(row["seq"]))
    ]


async def mark_sent(connection: Connection, messages: Sequence[Outgoing]) -> None:
    """Record that the broker confirmed these messages.

    One that nobody has claimed is left as it is: it was marked by ``resend`` after it had left, to leave once more.
    """
    await connection.execute(
        "UPDATE outbox SET sent_at = now(), claimed_until = NULL "
        "WHERE id = ANY($1::uuid[]) AND claimed_until IS NOT NULL",
        [m.id for m in messages],
    )


async def release(connection: Connection, messages: Sequence[Outgoing]) -> None:
    """Give back messages that were not confirmed; they may be claimed again at once."""
    await connection.execute(
        "UPDATE outbox SET claimed_until = now() WHERE id = ANY($1::uuid[]) AND sent_at IS NULL",
        [m.id for m in messages],
    )


async def put_off(connection: Connection, message: Outgoing, *, max_seconds: float) -> None:
    """Give back a message that may itself be why the broker failed, to be claimed after 2, 4, 8 … seconds."""
    await connection.execute(
        """
        UPDATE outbox SET claimed_until = now() + make_interval(secs => least($2, power(2, least(attempts, 20))))
        WHERE id = $1 AND sent_at IS NULL
        """,
        message.id,
        max_seconds,
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages that are not confirmed: how many, and the age of the one that comes next (0 where there is none)."""

    count: int
    oldest_seconds: float


# In the order of writing: else PostgreSQL may read the table from its beginning, where what was sent lies.
BACKLOG = """
    SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE sent_at IS NULL ORDER BY seq LIMIT $1) AS w) AS count,
           (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8
            FROM outbox WHERE sent_at IS NULL ORDER BY seq LIMIT 1) AS oldest_seconds
"""


async def backlog(connection: Connection, *, at_most: int) -> Backlog:
    """What waits in the outbox; ``count`` ends at ``at_most``, so that it is cheap whatever waits."""
    row = await connection.fetchrow(BACKLOG, at_most)
    return Backlog(row["count"], max(0.0, row["oldest_seconds"] or 0.0))


@dataclass(frozen=True, slots=True)
class Written:
    """A message of the outbox, without what it says."""

    id: UUID
    message_type: str
    at: datetime


async def matching(
    connection: Connection, selection: Selection, *, after: UUID | None, limit: int, timeout_seconds: float
) -> list[Written]:
    """The first ``limit`` messages that match and whose id is above ``after``, in the order of their ids."""
    condition, values = selection.condition()
    rows = await connection.fetch(
        f"SELECT id, routing_key, created_at FROM outbox WHERE {condition} "
        f"AND (${len(values) + 1}::uuid IS NULL OR id > ${len(values) + 1}) ORDER BY id LIMIT ${len(values) + 2}",
        *values,
        after,
        limit,
        timeout=timeout_seconds,
    )
    return [Written(row["id"], row["routing_key"], row["created_at"]) for row in rows]


async def resend(connection: Connection, message_ids: Sequence[UUID]) -> set[UUID]:
    """Let the relays send these messages, whether or not they were sent before; returns those that are still there.

    The ids stay the same, so those who had a message before know it again.
    """
    rows = await connection.fetch(
        """
        UPDATE outbox SET sent_at = NULL, claimed_until = NULL
        WHERE id IN (SELECT id FROM outbox WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
        RETURNING id
        """,
        list(message_ids),
    )
    await connection.execute("SELECT pg_notify('outbox_' || current_schema(), '')")
    return {row["id"] for row in rows}


async def delete_sent(connection: Connection, *, older_than_seconds: float, limit: int) -> int:
    """Delete at most ``limit`` messages that were sent long ago; returns how many."""
    status: str = await connection.execute(
        """
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE sent_at < now() - make_interval(secs => $1) LIMIT $2
        )
        """,
        older_than_seconds,
        limit,
    )
    return int(status.rpartition(" ")[2])
