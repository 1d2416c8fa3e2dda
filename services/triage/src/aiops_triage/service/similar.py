"""Which earlier tickets say nearly the same."""

from collections.abc import Sequence
from typing import Final

from rapidfuzz import fuzz

from aiops_common.postgres import Pool
from aiops_triage.domain import SimilarTicket, Ticket
from aiops_triage.repository import COMPARED, Candidate, shortlist

MOST: Final = 3

SCORE: Final = 0.75
"""Least likeness of a ticket that is shown. Of 1,500 tickets and issue reports, 12 in 100 have one among 21,500 others;
those looked at concern the same matter. At 0.70 tickets come in that only fill in the same form."""

_LOOKED_AT: Final = 20


async def find_similar(pool: Pool, ticket: Ticket) -> tuple[SimilarTicket, ...]:
    """The most similar earlier tickets that were triaged, the nearest first; raises DatabaseUnavailable."""
    async with pool.connection() as connection:
        found = await shortlist(connection, ticket, limit=_LOOKED_AT)
    return most_similar(ticket.title, ticket.body, found)


def most_similar(title: str, body: str, found: Sequence[Candidate]) -> tuple[SimilarTicket, ...]:
    """Those of ``found`` that are similar enough, at most three, the nearest first."""
    ours = _normalised(title), _normalised(body)
    near: list[tuple[float, Candidate]] = []
    equal = 0
    for one in found:
        score = _likeness(*ours, one)
        if score >= SCORE:
            near.append((score, one))
        equal += score == 1.0
        if equal == MOST:  # in an avalanche of equal tickets nothing comes nearer
            break
    near.sort(key=lambda pair: -pair[0])
    return tuple(
        SimilarTicket(ticket_id=one.ticket_id, title=one.title, score=round(score, 3)) for score, one in near[:MOST]
    )


def _likeness(title: str, body: str, other: Candidate) -> float:
    """0..1; title and body count alike, since many bodies are the same form filled in. Without bodies the title alone.

    The order of words does not count. 0 where it could not reach ``SCORE`` any more.
    """
    titles = fuzz.token_sort_ratio(title, _normalised(other.title))
    if not body and not other.body:
        return titles / 100
    needed = 200 * SCORE - titles
    if needed > 100:
        return 0.0
    return (titles + fuzz.token_sort_ratio(body, _normalised(other.body), score_cutoff=max(0.0, needed))) / 200


def _normalised(text: str) -> str:
    return " ".join(text[:COMPARED].casefold().split())
