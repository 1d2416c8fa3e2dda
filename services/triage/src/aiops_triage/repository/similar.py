"""The terms under which a ticket is found again, and the short list of tickets that share the rarest ones."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiops_common.postgres import Connection
from aiops_triage.domain import Ticket

MAX_READ: Final = 2_000
"""Characters of title and of body whose words count: what a ticket is about stands at its head."""

COMPARED: Final = 1_000
"""Characters of the body of a ticket on the short list."""

_MOST_TERMS: Final = 8
"""Of the title, and as many again of the body."""

_WORD: Final = re.compile(r"\w{3,}")

_READ_PER_TERM: Final = 64
"""The newest tickets with a term that are looked at; a term that more have counts as if it were in so many. So the
time does not grow with the table, and in an avalanche of equal tickets the newest are found."""

# Earlier tickets only: one that is triaged again after a failure is not told what came after it. OFFSET 0 keeps the
# planner to look-ups one by one in the order of weight, which end at the limit instead of reading all that were found.
# Weight is the inverse document frequency; how often a term stands in one ticket says nothing in texts this short.
_SHORTLIST = f"""
    WITH found AS (
        SELECT posted.ids FROM unnest($1::int[]) AS asked (term) CROSS JOIN LATERAL (
            SELECT array_agg(newest.ticket_id) AS ids FROM (
                SELECT ticket_id FROM ticket_terms WHERE term = asked.term ORDER BY at DESC LIMIT {_READ_PER_TERM}
            ) AS newest
        ) AS posted
    ), shortlist AS (
        SELECT id, sum(ln(1 + {_READ_PER_TERM}::float8 / cardinality(found.ids))) AS weight
        FROM found, unnest(found.ids) AS shared (id) GROUP BY id ORDER BY weight DESC, id DESC
    )
    SELECT shortlist.id, earlier.title, earlier.body FROM shortlist CROSS JOIN LATERAL (
        SELECT title, left(body, {COMPARED}) AS body FROM tickets
        WHERE tickets.id = shortlist.id AND (created_at, tickets.id) < ($3, $2) OFFSET 0
    ) AS earlier ORDER BY shortlist.weight DESC, shortlist.id DESC LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticket that shares rare terms with the one that is asked for; ``body`` is its beginning."""

    ticket_id: UUID
    title: str
    body: str


def terms_of(title: str, body: str) -> list[int]:
    """Up to 16 words, as numbers.

    Of more words the same sample is taken wherever they stand (those with the smallest numbers), so that two texts
    which share most words share most of the sample (https://en.wikipedia.org/wiki/MinHash).
    """
    words = set(_WORD.findall(title[:MAX_READ].casefold()))
    others = set(_WORD.findall(body[:MAX_READ].casefold())) - words
    return [*sorted(map(_number, words))[:_MOST_TERMS], *sorted(map(_number, others))[:_MOST_TERMS]]


def _number(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace")) - 2**31  # as PostgreSQL's integer has it


async def shortlist(connection: Connection, ticket: Ticket, *, limit: int) -> Sequence[Candidate]:
    """Up to ``limit`` tickets made before ``ticket`` that share the rarest terms with it; the likeliest first."""
    terms = terms_of(ticket.title, ticket.body)
    if not terms:
        return []
    rows = await connection.fetch(_SHORTLIST, terms, ticket.id, ticket.created_at, limit)
    return [Candidate(row["id"], row["title"], row["body"]) for row in rows]


async def delete_old_terms(connection: Connection, *, older_than_days: int, limit: int = 5_000) -> int:
    """Delete at most ``limit`` of the terms whose tickets are too old to be found; returns how many."""
    status: str = await connection.execute(
        """
        DELETE FROM ticket_terms WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ticket_terms WHERE at < now() - make_interval(days => $1) LIMIT $2
        ))
        """,
        older_than_days,
        limit,
    )
    return int(status.rpartition(" ")[2])
