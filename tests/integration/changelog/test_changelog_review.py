"""Editing, approving and publishing against PostgreSQL: one wins, nothing is lost, everything is recorded."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
import pytest

from aiops_changelog.domain import Engine
from aiops_changelog.repository import ChangelogRepository
from aiops_changelog.service import ChangelogReview, ChangelogService
from aiops_common.messaging import given_up
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, Poison, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.base import ChangePage, JobFailure, Message
from aiops_contracts.changelog import (
    Bump,
    ChangelogReply,
    ChangelogSnapshot,
    ChangelogStatus,
    ChangeSection,
    CommitInput,
    EditChangelog,
    EntryEdit,
    GenerateChangelog,
    ListChangelogChanges,
    ReplayChangelogs,
    UpdateChangelogStatus,
)

ADA = UUID("6ab5f2a4-7b0c-4a53-9c1e-2f4b7d1f0c11")
ACTOR = f"user:{ADA}"
COMMITS = ("feat: add the cart", "fix: round prices", "who knows what", 'Revert "fix: gone"')

M = TypeVar("M", bound=Message)


def delivered(message: M, message_id: UUID | None = None) -> Delivery[M]:
    return Delivery(message_id or new_message_id(), message, ACTOR, attempt=1, time=datetime.now(UTC), digest=b"")


@dataclass
class Changelogs:
    """The service on a database of its own schema, and what the tests ask of it."""

    pool: Pool
    service: ChangelogService
    review: ChangelogReview

    async def generated(self, *messages: str) -> ChangelogSnapshot:
        commits = tuple(CommitInput(message=text, hash=f"{n:07x}") for n, text in enumerate(messages or COMMITS, 1))
        command = delivered(GenerateChangelog(project="shop", previous_release="1.4.2", commits=commits))
        await self.service.generate(command)
        return await self.current(command.id)

    async def current(self, changelog_id: UUID) -> ChangelogSnapshot:
        async with self.pool.transaction() as connection:
            found = await ChangelogRepository().get_for_update(connection, changelog_id)
        return ChangelogSnapshot.model_validate(found)

    async def edit(self, changelog: ChangelogSnapshot, *entries: EntryEdit, **more: Any) -> ChangelogReply:
        return await self.review.edit(delivered(edit_of(changelog, *entries, **more)))

    async def move(self, changelog: ChangelogSnapshot, status: ChangelogStatus) -> ChangelogReply:
        request = UpdateChangelogStatus(
            changelog_id=changelog.id, expected_version=changelog.version, status=status, changed_by=ADA
        )
        return await self.review.update_status(delivered(request))

    async def changes(self, changelog_id: UUID) -> ChangePage:
        return await self.review.changes(delivered(ListChangelogChanges(changelog_id=changelog_id, limit=100)))

    async def told(self, changelog_id: UUID) -> list[tuple[str, int]]:
        """Type and version of the events about a changelog, oldest first."""
        async with self.pool.connection() as connection:
            rows = await connection.fetch(
                "SELECT routing_key, body FROM outbox WHERE convert_from(body, 'UTF8') LIKE $1", f"%{changelog_id}%"
            )
        events = [(row["routing_key"], orjson.loads(row["body"])["data"]["changelog"]["version"]) for row in rows]
        return sorted(events, key=lambda event: event[1])


def edit_of(changelog: ChangelogSnapshot, *entries: EntryEdit, **more: Any) -> EditChangelog:
    return EditChangelog(
        changelog_id=changelog.id, expected_version=changelog.version, entries=entries, edited_by=ADA, **more
    )


def only(reply: ChangelogReply) -> ChangelogSnapshot:
    assert reply.outcome == "UPDATED"
    assert reply.changelog is not None
    return reply.changelog


@pytest.fixture
def changelogs(pools: dict[str, Pool]) -> Changelogs:
    pool, repository = pools["changelog"], ChangelogRepository()
    service = ChangelogService(pool, repository, lambda _: None, None, Leases(pool, seconds=None))
    return Changelogs(pool, service, ChangelogReview(pool, repository))


def ids(changelog: ChangelogSnapshot) -> set[str]:
    shown = [entry.id for part in changelog.sections for entry in part.entries]
    return {*shown, *(entry.id for entry in (*changelog.reverted, *changelog.needs_review))}


async def test_an_edit_is_stored_told_and_recorded_as_one(changelogs: Changelogs) -> None:
    before = await changelogs.generated()
    guess = before.needs_review[0]
    edit = EntryEdit(entry_id=guess.id, text="say what is known", scope="docs", section=ChangeSection.BREAKING)
    after = only(await changelogs.edit(before, edit))
    assert after == await changelogs.current(before.id)
    assert (after.version, after.status, after.suggested_bump, after.release) == (2, "DRAFT", Bump.MAJOR, "2.0.0")
    assert ids(after) == ids(before)
    assert after.sections[0].entries[0].text == "say what is known"
    assert "### Breaking\n\n- **docs:** say what is known" in (after.markdown or "")
    assert "1 breaking change" in (after.summary or "")
    assert await changelogs.told(before.id) == [
        ("changelog.changelog_generated.v1", 1),
        ("changelog.changelog_edited.v1", 2),
    ]
    first, second = (await changelogs.changes(before.id)).changes
    assert (first.kind, first.changed_by) == ("changelog.generated", None)
    assert (second.kind, second.changed_by) == ("changelog.edited", ACTOR)
    assert second.delta["suggested_bump"] == ("MINOR", "MAJOR")


async def test_of_many_edits_at_once_on_one_version_one_wins(changelogs: Changelogs) -> None:
    before = await changelogs.generated()
    entry = before.sections[0].entries[0].id
    edits = [EntryEdit(entry_id=entry, text=f"words of {number}") for number in range(12)]
    replies = await asyncio.gather(*(changelogs.edit(before, edit) for edit in edits))
    outcomes = [reply.outcome for reply in replies]
    assert sorted(outcomes) == ["UPDATED"] + ["VERSION_CONFLICT"] * 11
    now = await changelogs.current(before.id)
    assert now.version == 2
    assert now.sections[0].entries[0].text == f"words of {outcomes.index('UPDATED')}"
    # Who came too late is shown what is there now.
    assert {reply.changelog.version for reply in replies if reply.changelog} <= {1, 2}
    assert [change.version for change in (await changelogs.changes(before.id)).changes] == [1, 2]


async def test_an_approval_and_an_edit_at_once_do_not_both_happen(changelogs: Changelogs) -> None:
    for _ in range(5):
        before = await changelogs.generated()
        replies = await asyncio.gather(
            changelogs.edit(before, summary="other"), changelogs.move(before, ChangelogStatus.APPROVED)
        )
        assert sorted(reply.outcome for reply in replies) == ["UPDATED", "VERSION_CONFLICT"]
        assert (await changelogs.current(before.id)).version == 2


async def test_a_request_that_comes_again_has_its_effect_once(changelogs: Changelogs) -> None:
    before = await changelogs.generated()
    request = delivered(edit_of(before, summary="Read me."))
    replies = await asyncio.gather(*(changelogs.review.edit(request) for _ in range(20)))
    assert {reply.outcome for reply in replies} == {"UPDATED"}
    assert (await changelogs.current(before.id)).version == 2
    edited = await changelogs.current(before.id)
    approval = delivered(
        UpdateChangelogStatus(
            changelog_id=before.id, expected_version=2, status=ChangelogStatus.APPROVED, changed_by=ADA
        )
    )
    answers = [await changelogs.review.update_status(approval) for _ in range(3)]
    assert {only(answer).version for answer in answers} == {edited.version + 1}


async def test_from_draft_to_published_and_no_further(changelogs: Changelogs) -> None:
    draft = await changelogs.generated()
    approved = only(await changelogs.move(draft, ChangelogStatus.APPROVED))
    assert (approved.status, approved.approved_by) == (ChangelogStatus.APPROVED, ADA)
    assert (await changelogs.edit(approved, summary="late")).outcome == "NOT_A_DRAFT"
    draft = only(await changelogs.move(approved, ChangelogStatus.DRAFT))
    assert draft.approved_by is None
    edited = only(await changelogs.edit(draft, summary="in time"))
    approved = only(await changelogs.move(edited, ChangelogStatus.APPROVED))
    published = only(await changelogs.move(approved, ChangelogStatus.PUBLISHED))
    assert (published.published_by, published.summary, published.markdown) == (ADA, "in time", edited.markdown)
    for status in ChangelogStatus:
        refused = await changelogs.move(published, status)
        assert (refused.outcome, refused.allowed) == ("INVALID_TRANSITION", ())
    assert (await changelogs.edit(published, release="9")).outcome == "NOT_A_DRAFT"
    assert await changelogs.current(published.id) == published
    kinds = [kind for kind, _ in await changelogs.told(published.id)]
    assert kinds.count("changelog.changelog_status_changed.v1") == 4


async def test_what_cannot_be_edited_is_told_as_such(changelogs: Changelogs) -> None:
    before = await changelogs.generated()
    unknown = await changelogs.edit(before, EntryEdit(entry_id="nobody", text="x"), summary="not this either")
    assert (unknown.outcome, unknown.unknown, unknown.changelog) == ("UNKNOWN_ENTRY", ("nobody",), before)
    nobody = before.model_copy(update={"id": new_message_id()})
    assert await changelogs.edit(nobody, summary="x") == ChangelogReply(outcome="NOT_FOUND")
    assert await changelogs.move(nobody, ChangelogStatus.APPROVED) == ChangelogReply(outcome="NOT_FOUND")
    command = delivered(GenerateChangelog(project="shop", commits=(CommitInput(message="fix: x"),)))
    await changelogs.service.give_up(command, JobFailure(code="attempts_spent", message="it broke", attempts=5))
    failed = await changelogs.current(command.id)
    assert (await changelogs.edit(failed, summary="x")).outcome == "NOT_READY"
    assert (await changelogs.move(failed, ChangelogStatus.APPROVED)).outcome == "NOT_READY"


async def test_what_people_write_is_redacted(changelogs: Changelogs) -> None:
    before = await changelogs.generated()
    entry = before.sections[0].entries[0].id
    edit = EntryEdit(entry_id=entry, text="ask ada@example.com, password=hunter2hunter2", scope="bob@example.com")
    await changelogs.edit(before, edit, summary="call +49 30 901820", release="by eve@example.com")
    stored = (await changelogs.current(before.id)).model_dump_json()
    told = (await changelogs.changes(before.id)).model_dump_json()
    for text in (stored, told):
        assert not [secret for secret in ("ada@", "hunter2", "bob@", "901820", "eve@") if secret in text]
        assert "ask <EMAIL_1>, password=<SECRET_1>" in text


async def test_a_new_generation_cannot_replace_what_was_edited(changelogs: Changelogs) -> None:
    command = delivered(GenerateChangelog(project="shop", commits=(CommitInput(message="fix: x", hash="0000001"),)))
    await changelogs.service.generate(command)
    edited = only(await changelogs.edit(await changelogs.current(command.id), summary="mine"))
    await changelogs.service.generate(command)
    async with changelogs.pool.transaction() as connection:
        await connection.execute("DELETE FROM inbox WHERE message_id = $1", command.id)
    with pytest.raises(Poison, match="something else has this id"):
        await changelogs.service.generate(command)
    assert await changelogs.current(command.id) == edited


async def test_entries_that_were_stored_without_ids_get_the_same_ones_each_time(changelogs: Changelogs) -> None:
    generated = await changelogs.generated()
    async with changelogs.pool.transaction() as connection:
        await connection.execute(
            "UPDATE changelogs SET document = regexp_replace(document::text, $2, '', 'g')::jsonb WHERE id = $1",
            generated.id,
            ', "id": "[0-9a-f]{4,40}"|"id": "[0-9a-f]{4,40}", ',
        )
        stored = await connection.fetchval("SELECT document::text FROM changelogs WHERE id = $1", generated.id)
    assert stored.count('"id"') == 1
    before = await changelogs.current(generated.id)
    assert len(ids(before)) == len(ids(generated))
    page = await changelogs.service.replay(delivered(ReplayChangelogs(limit=1000)))
    assert next(one for one in page.snapshots if one.id == before.id) == before
    edited = only(await changelogs.edit(before, EntryEdit(entry_id=before.needs_review[0].id, text="known")))
    assert ids(edited) == ids(before)


async def test_all_deltas_add_up_to_the_current_row(changelogs: Changelogs) -> None:
    now = await changelogs.generated()
    now = only(await changelogs.edit(now, release="3.0.0"))
    for status in (ChangelogStatus.APPROVED, ChangelogStatus.DRAFT):
        now = only(await changelogs.move(now, status))
    now = only(await changelogs.edit(now, EntryEdit(entry_id=now.sections[0].entries[0].id, text="put well")))
    state: dict[str, Any] = dict.fromkeys(ChangelogSnapshot.model_fields)
    for change in (await changelogs.changes(now.id)).changes:
        for name, (was, became) in change.delta.items():
            assert state[name] == was
            state[name] = became
    assert {**state, "id": str(now.id), "version": now.version} == now.model_dump(mode="json")


async def test_a_changelog_from_before_there_was_a_history_gets_its_first_version_recorded(
    changelogs: Changelogs,
) -> None:
    generated = await changelogs.generated()
    async with changelogs.pool.transaction() as connection:
        whole = await ChangelogRepository().get_for_update(connection, generated.id)
        assert whole is not None
        older = replace(whole, id=new_message_id())
        await ChangelogRepository().save(connection, [older])  # as code that knew no history did
    first = await changelogs.current(older.id)
    assert (await changelogs.changes(first.id)).changes == ()
    now = only(await changelogs.move(first, ChangelogStatus.APPROVED))
    now = only(await changelogs.move(now, ChangelogStatus.DRAFT))
    changes = (await changelogs.changes(first.id)).changes
    assert [(change.version, change.kind) for change in changes] == [
        (1, "changelog.generated"),
        (2, "changelog.status_changed"),
        (3, "changelog.status_changed"),
    ]
    assert (changes[0].changed_by, changes[0].changed_at) == (None, first.updated_at)
    state: dict[str, Any] = dict.fromkeys(ChangelogSnapshot.model_fields)
    state |= {name: became for change in changes for name, (_, became) in change.delta.items()}
    assert {**state, "id": str(now.id), "version": now.version} == now.model_dump(mode="json")


async def generated_by_a_model(changelogs: Changelogs, summary: str | None = None) -> ChangelogSnapshot:
    """A changelog that a model had a hand in, with these notes or else those of the engine."""
    generated = await changelogs.generated()
    async with changelogs.pool.transaction() as connection:
        whole = await ChangelogRepository().get_for_update(connection, generated.id)
        assert whole is not None
        assert whole.provenance is not None
        provenance = replace(whole.provenance, engine=Engine.LLM, model="m")
        changed = replace(whole, summary=summary or whole.summary, provenance=provenance)
        await ChangelogRepository().save(connection, [changed])
    return await changelogs.current(generated.id)


async def test_notes_of_the_engine_follow_the_entries_also_where_a_model_worded_these(changelogs: Changelogs) -> None:
    before = await generated_by_a_model(changelogs)
    edit = EntryEdit(entry_id=before.needs_review[0].id, section=ChangeSection.BREAKING)
    after = only(await changelogs.edit(before, edit))
    assert "breaking" not in (before.summary or "")
    assert "1 breaking change" in (after.summary or "")


async def test_notes_of_a_model_stay_until_the_engine_is_asked_for_its_own(changelogs: Changelogs) -> None:
    before = await generated_by_a_model(changelogs, "A calm one.")
    entry = before.needs_review[0].id
    after = only(await changelogs.edit(before, EntryEdit(entry_id=entry, section=ChangeSection.BREAKING)))
    assert (after.summary, after.suggested_bump) == ("A calm one.", Bump.MAJOR)
    after = only(await changelogs.edit(after, release="9.0.0"))
    assert after.summary == "A calm one."
    after = only(await changelogs.edit(after, summary=""))
    assert "1 breaking change" in (after.summary or "")
    after = only(await changelogs.edit(after, EntryEdit(entry_id=entry, section=ChangeSection.FIXED)))
    assert "breaking" not in (after.summary or "")


async def test_a_generation_that_comes_again_behind_an_edit_writes_no_history(changelogs: Changelogs) -> None:
    command = delivered(GenerateChangelog(project="shop", commits=(CommitInput(message="fix: x", hash="0000001"),)))
    await changelogs.service.generate(command)
    edited = only(await changelogs.edit(await changelogs.current(command.id), summary="mine"))
    async with changelogs.pool.transaction() as connection:  # as if it had been given up, which lets it through
        await connection.execute("DELETE FROM inbox WHERE message_id = $1", command.id)
        await given_up.record(connection, command)
    with pytest.raises(Poison, match="edited or approved this changelog"):
        await changelogs.service.generate(command)
    assert await changelogs.current(command.id) == edited
    assert [change.version for change in (await changelogs.changes(command.id)).changes] == [1, 2]


async def test_an_edit_that_nobody_could_be_told_of_is_refused(changelogs: Changelogs) -> None:
    before = await changelogs.generated(*(f"feat: add number {n}" for n in range(2000)))
    edits = [EntryEdit(entry_id=e.id, text="x" * 4000) for part in before.sections for e in part.entries]
    assert (await changelogs.edit(before, *edits)).outcome == "TOO_LARGE"
    assert await changelogs.current(before.id) == before
