"""What people put right: one row for each correction, with the texts it was made for."""

from collections.abc import AsyncGenerator
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection
from aiops_triage.domain import Correction, Ticket, Triage

_TRIAGE = TypeAdapter(Triage)


class CorrectionRepository:
    """Corrections; those of one ticket are told apart by the version that they made."""

    async def add(
        self,
        connection: Connection,
        before: Ticket,
        after: Ticket,
        *,
        category_given: bool,
        comment: str | None,
        corrected_by: UUID,
    ) -> None:
        """Keep the correction that made ``after`` of ``before``; both have been triaged.

        ``category_given`` says whether the category is the person's: also where they confirmed it, but not where only
        severity or priority was corrected.
        """
        await connection.execute(
            """
            INSERT INTO triage_corrections
                (ticket_id, version, before, after, category_given, title, body, comment, corrected_by, corrected_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            after.id,
            after.version,
            _TRIAGE.dump_json(_decided(before)),
            _TRIAGE.dump_json(_decided(after)),
            category_given,
            before.title,
            before.body,
            comment,
            corrected_by,
            after.updated_at,
        )

    async def latest(self, connection: Connection) -> AsyncGenerator[Correction]:
        """The last correction of each ticket whose category is a person's, ordered by ticket; within a transaction."""
        # The category that a person gave stays through later corrections, which may be about the severity alone.
        statement = """
            SELECT DISTINCT ON (ticket_id) * FROM triage_corrections AS last
            WHERE EXISTS (SELECT FROM triage_corrections AS given
                          WHERE given.ticket_id = last.ticket_id AND given.category_given)
            ORDER BY ticket_id, version DESC
        """
        async for row in connection.cursor(statement, prefetch=ROWS_AT_ONCE):
            yield _correction(row)


def _decided(ticket: Ticket) -> Triage:
    if ticket.triage is None:
        raise ValueError(f"ticket {ticket.id} has not been triaged, so nothing could be corrected")
    return ticket.triage


def _correction(row: asyncpg.Record) -> Correction:
    return Correction(
        ticket_id=row["ticket_id"],
        before=_TRIAGE.validate_json(row["before"]),
        after=_TRIAGE.validate_json(row["after"]),
        title=row["title"],
        body=row["body"],
        comment=row["comment"],
    )
