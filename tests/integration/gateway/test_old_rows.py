"""Rows from before triage could be corrected and changelogs approved are read as they are."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from aiops_common.postgres import Pool
from aiops_contracts.base import JobState
from aiops_contracts.changelog import ChangelogSnapshot, ChangelogStatus
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGELOGS, TICKETS, Filter, Kind
from integration.gateway.conftest import PROVENANCE, changelog, ticket, triage
from unit.gateway.fake_api import Api

NEW = {"model_version", "similar", "corrected_by", "corrected_at"}
NEW_OF_CHANGELOGS = {"bump_reason", "status", "approved_by", "approved_at", "published_by", "published_at"}


def without(document: Any, names: set[str]) -> Any:
    """The same JSON without members of these names, wherever they are."""
    if isinstance(document, dict):
        return {name: without(value, names) for name, value in document.items() if name not in names}
    return [without(value, names) for value in document] if isinstance(document, list) else document


async def put(pool: Pool, kind: Kind[Any], document: dict[str, Any]) -> UUID:
    async with pool.connection() as connection:
        await connection.execute(
            f"INSERT INTO {kind.table} (id, version, created_at, document) VALUES ($1, 1, now(), $2::jsonb)",
            UUID(document["id"]), orjson.dumps(document),
        )  # fmt: skip
    return UUID(document["id"])


@pytest.fixture
async def old_ticket(pool: Pool) -> TicketSnapshot:
    done = ticket(triage=triage(), state=JobState.SUCCEEDED, version=1)
    document = done.model_dump(mode="json")
    stored = {**document, "triage": without(document["triage"], NEW)}
    assert not NEW & stored["triage"].keys()
    await put(pool, TICKETS, stored)
    return done


@pytest.fixture
async def old_changelog(pool: Pool) -> ChangelogSnapshot:
    entry = {"text": "Paging", "commits": ["a1b2c3d"]}
    generated = {
        "version": 1, "state": "SUCCEEDED", "provenance": PROVENANCE, "reverted": [entry],
        "sections": [{"section": "ADDED", "entries": [entry]}],
    }  # fmt: skip
    document = {**changelog("shop").model_dump(mode="json"), **generated}
    snapshot = ChangelogSnapshot.model_validate(document)
    stored = without(snapshot.model_dump(mode="json"), NEW_OF_CHANGELOGS)
    for one in (*stored["reverted"], *stored["sections"][0]["entries"]):
        del one["id"]
    await put(pool, CHANGELOGS, stored)
    return snapshot


async def read(pool: Pool, kind: Kind[Any], identity: UUID) -> Any:
    async with pool.connection() as connection:
        return await read_model.get(connection, kind, identity)


async def test_an_old_ticket_was_not_corrected_and_has_nothing_like_it(pool: Pool, old_ticket: TicketSnapshot) -> None:
    found = await read(pool, TICKETS, old_ticket.id)
    assert found == old_ticket
    assert (found.triage.similar, found.triage.corrected_by) == ((), None)


async def test_an_old_changelog_is_a_draft_also_in_lists(pool: Pool, old_changelog: ChangelogSnapshot) -> None:
    assert await read(pool, CHANGELOGS, old_changelog.id) == old_changelog
    approved = changelog("approved").model_copy(update={"status": ChangelogStatus.APPROVED})
    async with pool.transaction() as connection:
        await read_model.project(connection, CHANGELOGS, [approved])
        for status, wanted in ((ChangelogStatus.DRAFT, old_changelog.id), (ChangelogStatus.APPROVED, approved.id)):
            condition = Filter(equal={"status": status})
            page = await read_model.page(connection, CHANGELOGS, PageRequest.of(5, None, None, None), condition)
            assert [row.id for row in page.rows] == [wanted]
            assert await read_model.count(connection, CHANGELOGS, condition) == 1


async def test_the_status_is_found_by_its_index(pool: Pool, old_changelog: ChangelogSnapshot) -> None:
    assert old_changelog.version == 1
    async with pool.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        plan = await connection.fetch(
            f"EXPLAIN SELECT id FROM changelogs WHERE {CHANGELOGS.computed['status']} = 'DRAFT' "
            "ORDER BY created_at DESC, id DESC LIMIT 21"
        )
    told = "\n".join(row[0] for row in plan)
    assert "changelogs_status" in told
    assert "Sort" not in told


async def test_the_api_shows_them(pool: Pool, old_ticket: TicketSnapshot, old_changelog: ChangelogSnapshot) -> None:
    api = Api(Viewer(uuid4(), Role.VIEWER))
    api.reader.rows = {
        TICKETS.name: [await read(pool, TICKETS, old_ticket.id)],
        CHANGELOGS.name: [await read(pool, CHANGELOGS, old_changelog.id)],
    }
    told = await api.data("{ tickets { nodes { triage { modelVersion similar { title } correctedBy } } } }")
    assert told["nodes"] == [{"triage": {"modelVersion": None, "similar": [], "correctedBy": None}}]
    told = await api.data(
        "{ changelogs { nodes { status bumpReason approvedBy approvedAt publishedBy publishedAt "
        "sections { entries { entryId text } } reverted { entryId } } } }"
    )
    (node,) = told["nodes"]
    assert node["sections"][0]["entries"] == [{"entryId": None, "text": "Paging"}]
    assert (node["status"], node["bumpReason"], node["approvedBy"], node["publishedAt"]) == ("DRAFT", None, None, None)
