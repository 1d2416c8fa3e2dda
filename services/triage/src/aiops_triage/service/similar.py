"""Which earlier tickets say nearly the same."""

from collections.abc import Sequence
from typing import Final

from rapidfuzz import fuzz

from aiops_common.batching import Batcher
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_triage.domain import SimilarTicket, Ticket
from aiops_triage.repository import COMPARED, Candidate, shortlists, terms_of

MOST: Final = 3

SCORE: Final = 0.75
"""Least likeness of a ticket that is shown. Of 1,500 tickets and issue reports, 12 in 100 have one among 21,500 others;
those looked at concern the same matter. At 0.70 tickets come in that only fill in the same form."""

_LOOKED_AT: Final = 20

_ASKED_AT_ONCE: Final = 50
"""Their candidates are in memory at once, with up to 40,000 characters each."""


class SimilarTickets:
    """Finds similar tickets for many callers at once, so that a busy service asks PostgreSQL once for all of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._batcher: Batcher[Ticket, Sequence[Candidate]] = Batcher(
            self._candidates, max_items=_ASKED_AT_ONCE, fails_all=lambda error: isinstance(error, DatabaseUnavailable)
        )

    async def find(self, ticket: Ticket) -> tuple[SimilarTicket, ...]:
        """The most similar earlier tickets, at most three, the nearest first; raises DatabaseUnavailable."""
        return most_similar(ticket.title, ticket.body, await self._batcher.submit(ticket))

    async def _candidates(self, tickets: Sequence[Ticket]) -> list[Sequence[Candidate]]:
        asked = [(ticket, terms_of(ticket.title, ticket.body)) for ticket in tickets]
        async with self._pool.connection() as connection:
            # By the first term, which is of the whole text: in an avalanche of equal tickets nothing comes nearer, and
            # the long way is spared.
            same = await shortlists(connection, [(ticket, terms[:1]) for ticket, terms in asked], limit=MOST)
            found: list[Sequence[Candidate]] = [*same]
            others = [number for number, candidates in enumerate(found) if len(candidates) < MOST]
            if others:
                lists = await shortlists(connection, [asked[number] for number in others], limit=_LOOKED_AT)
                for number, candidates in zip(others, lists, strict=True):
                    found[number] = candidates
        return found


def most_similar(title: str, body: str, found: Sequence[Candidate]) -> tuple[SimilarTicket, ...]:
    """Those of ``found`` that are similar enough, at most three, the nearest first."""
    ours = _normalised(title), _normalised(body)
    near: list[tuple[float, Candidate]] = []
    for one in found:
        score = _likeness(*ours, one)
        if score >= SCORE:
            near.append((score, one))
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
