"""The terms under which a ticket is found again, and the short list of tickets that share the rarest ones."""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from uuid import UUID

import orjson

from aiops_common.postgres import Connection
from aiops_triage.domain import Ticket

MAX_READ: Final = 2_000
"""Characters of title and of body whose words count: what a ticket is about stands at its head."""

COMPARED: Final = 1_000
"""Characters of title and of body that are compared with a ticket on the short list."""

_WORD: Final = re.compile(r"\w{3,}")

_LONG_WORDS: Final = 2
"""Of the title, and half as many of the body. Long words are rarer than short ones, and no list of words is needed."""

_PAIRS: Final = 4
"""Of words of the title, and as many of the body. Two words together are rarer than each."""

_READ_PER_TERM: Final = 16
"""The newest tickets with a term that are looked at; a term that more have counts as if it were in so many. So the
time does not grow with the table, and in an avalanche of equal tickets the newest are found.

With these numbers 81 in 100 of the IT tickets that have a similar one among 12,000 are told of one, and 99 in 100 of
the issue reports; eight words each of title and body, 64 tickets per word, found 69 and 96, and read ten times as much.
"""

# Earlier tickets only: one that is triaged again after a failure is not told what came after it.
# (term, at) as one value: where the planner knows how many tickets an average word has, and not that this one is in
# every ticket, it would read all of them to sort them; a range has no average, and is read from its end.
# OFFSET 0 keeps it to look-ups one by one in the order of weight, which end at the limit.
# Weight is the inverse document frequency; how often a term stands in one ticket says nothing in texts this short.
_SHORTLISTS = f"""
    SELECT asked.number, likely.* FROM unnest($1::jsonb[], $2::uuid[], $3::timestamptz[])
        WITH ORDINALITY AS asked (terms, id, made_at, number)
    CROSS JOIN LATERAL (
        WITH found AS (
            SELECT posted.ids FROM jsonb_array_elements(asked.terms) AS one (term) CROSS JOIN LATERAL (
                SELECT array_agg(newest.ticket_id) AS ids FROM (
                    SELECT term, ticket_id FROM ticket_terms WHERE (term, at) <= (one.term::int, 'infinity')
                    ORDER BY term DESC, at DESC LIMIT {_READ_PER_TERM}
                ) AS newest WHERE newest.term = one.term::int
            ) AS posted
        ), shortlist AS (
            SELECT id, sum(ln(1 + {_READ_PER_TERM}::float8 / cardinality(found.ids))) AS weight
            FROM found, unnest(found.ids) AS shared (id) GROUP BY id ORDER BY weight DESC, id DESC
        )
        SELECT shortlist.weight, earlier.* FROM shortlist CROSS JOIN LATERAL (
            SELECT id, left(title, {COMPARED}) AS title, left(body, {COMPARED}) AS body FROM tickets
            WHERE tickets.id = shortlist.id AND (created_at, tickets.id) < (asked.made_at, asked.id) OFFSET 0
        ) AS earlier ORDER BY shortlist.weight DESC, shortlist.id DESC LIMIT $4
    ) AS likely ORDER BY asked.number, likely.weight DESC, likely.id DESC
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticket that shares rare terms with the one that is asked for; of title and body the beginning."""

    ticket_id: UUID
    title: str
    body: str


def terms_of(title: str, body: str) -> list[int]:
    """Up to 13 numbers, the first of the whole text; none where the title and the body have no words.

    Of many words the same sample is taken wherever they stand (those with the smallest numbers, and their neighbours in
    that order), so that two texts which share most words share most of the sample
    (https://en.wikipedia.org/wiki/MinHash).
    """
    words = set(_WORD.findall(title[:MAX_READ].casefold()))
    others = set(_WORD.findall(body[:MAX_READ].casefold())) - words
    if not words and not others:
        return []
    terms = [
        _number(" ".join((*title[:COMPARED].casefold().split(), "\n", *body[:COMPARED].casefold().split()))),
        _number("\n".join(sorted(words))),
        *map(_number, _longest(words, _LONG_WORDS)),
        *map(_number, _longest(others, _LONG_WORDS // 2)),
        *_pairs(words),
        *_pairs(others),
    ]
    return list(dict.fromkeys(terms))


def _number(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "replace")) - 2**31  # as PostgreSQL's integer has it


def _longest(words: Iterable[str], count: int) -> list[str]:
    return sorted(words, key=lambda word: (-len(word), word))[:count]


def _pairs(words: Iterable[str]) -> list[int]:
    sample = sorted(words, key=_number)[: _PAIRS + 1]
    return [_number(f"{one} {other}") for one, other in pairwise(sample)]


async def shortlists(
    connection: Connection, asked: Sequence[tuple[Ticket, Sequence[int]]], *, limit: int
) -> list[list[Candidate]]:
    """For each ticket up to ``limit`` that were made before it and share the rarest of the terms beside it, the
    likeliest first; of equals the one with the highest id."""
    rows = await connection.fetch(
        _SHORTLISTS,
        [orjson.dumps(terms) for _, terms in asked],
        [ticket.id for ticket, _ in asked],
        [ticket.created_at for ticket, _ in asked],
        limit,
    )
    found: list[list[Candidate]] = [[] for _ in asked]
    for row in rows:
        found[row["number"] - 1].append(Candidate(row["id"], row["title"], row["body"]))
    return found


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
