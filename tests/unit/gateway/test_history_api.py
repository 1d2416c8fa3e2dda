"""replayChanges through the schema, over owners in memory."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from aiops_common.messaging.requests import NoReply
from aiops_contracts.base import ChangePage, ChangeRecord
from aiops_contracts.changelog import ListChangelogChanges
from aiops_contracts.summarizer import ListLogChanges
from aiops_contracts.triage import ListTicketChanges
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.graphql.ids import from_global_id, to_global_id
from aiops_gateway.service.history import MOST_BYTES, MOST_VERSIONS, Histories
from unit.gateway.fake_api import Api

SUBJECT = UUID(int=7)
TICKET, LOG, NOTES = (to_global_id(kind, SUBJECT) for kind in ("Ticket", "LogEntry", "Changelog"))
SOMEBODY = UUID(int=3)
AT = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = """query($log: ID, $ticket: ID, $changelog: ID, $first: Int, $after: Int) {
  replayChanges(logId: $log, ticketId: $ticket, changelogId: $changelog, first: $first, afterVersion: $after) {
    version kind changedAt changedBy fields { name before after } state } }"""
DELTAS = WHOLE.replace(" state }", " }")


class Owner:
    """Answers requests for changes as owners do; ``asked`` says what it was asked."""

    def __init__(self, *changes: ChangeRecord, rows_per_page: int = 200) -> None:
        self.changes = changes
        self.rows_per_page = rows_per_page
        self.asked: list[tuple[str, Any]] = []
        self.answer: Callable[[], ChangePage] | None = None

    async def ask(self, owner: str, request: Any, answer: type[ChangePage], *, principal: str) -> ChangePage:
        assert answer is ChangePage
        assert principal == f"user:{SOMEBODY}"
        self.asked.append((owner, request))
        if self.answer is not None:
            return self.answer()
        identity = next(
            getattr(request, name) for name in ("ticket_id", "log_id", "changelog_id") if hasattr(request, name)
        )
        above = [one for one in self.changes if one.version > request.after] if identity == SUBJECT else []
        page = tuple(above[: min(request.limit, self.rows_per_page)])
        return ChangePage(changes=page, next_after=page[-1].version if len(above) > len(page) else None)


def change(version: int, by: str | None = None, **delta: tuple[Any, Any]) -> ChangeRecord:
    return ChangeRecord(version=version, kind="ticket.changed", changed_at=AT, changed_by=by, delta=delta)


def moved(version: int) -> ChangeRecord:
    return change(version, f"user:{SOMEBODY}", status=(version - 1, version))


def api(role: Role, owner: Owner) -> Api:
    requester: Any = owner
    return Api(Viewer(SOMEBODY, role), histories=Histories(requester))


FIRST = change(1, None, title=(None, "t"), body=(None, "the secret"), status=(None, "OPEN"))
SECOND = change(2, f"user:{SOMEBODY}", status=("OPEN", "CLOSED"))
THIRD = change(3, f"key:{SOMEBODY}", status=("CLOSED", "OPEN"))


async def test_versions_come_with_their_delta_and_the_whole_state() -> None:
    owner = Owner(FIRST, SECOND, THIRD)
    told = await api(Role.ADMIN, owner).data(WHOLE, ticket=TICKET)
    assert [one["version"] for one in told] == [1, 2, 3]
    assert [one["state"]["status"] for one in told] == ["OPEN", "CLOSED", "OPEN"]
    assert {one["state"]["body"] for one in told} == {"the secret"}
    assert [(one["state"]["id"], one["state"]["version"]) for one in told] == [(TICKET, n) for n in (1, 2, 3)]
    assert told[1]["fields"] == [{"name": "status", "before": "OPEN", "after": "CLOSED"}]
    assert owner.asked == [("triage", ListTicketChanges(ticket_id=SUBJECT, after=0, limit=200))]


async def test_who_changed_it_is_told_by_a_global_id() -> None:
    others = [change(number, by) for number, by in enumerate(("partner:acme", "service:triage", "user:x"), start=4)]
    told = await api(Role.VIEWER, Owner(FIRST, SECOND, THIRD, *others)).data(DELTAS, ticket=TICKET)
    by = [one["changedBy"] and from_global_id(one["changedBy"]) for one in told]
    assert by == [None, ("User", SOMEBODY), ("ApiKey", SOMEBODY), None, None, None]


async def test_a_log_is_asked_of_the_summarizer() -> None:
    owner = Owner(change(1, None, content=(None, "the secret"), line_count=(None, 1)))
    (told,) = await api(Role.OPS, owner).data(WHOLE, log=LOG)
    assert (told["state"]["content"], told["state"]["lineCount"], told["state"]["id"]) == ("the secret", 1, LOG)
    assert owner.asked == [("summarizer", ListLogChanges(log_id=SUBJECT, after=0, limit=200))]


async def test_a_changelog_is_asked_of_changelog() -> None:
    sections = [{"section": "ADDED", "entries": [{"id": "e1", "text": "Paging"}]}]
    owner = Owner(change(1, None, status=(None, "DRAFT"), sections=(None, sections)))
    (told,) = await api(Role.VIEWER, owner).data(WHOLE, changelog=NOTES)
    assert (told["state"]["status"], told["state"]["id"]) == ("DRAFT", NOTES)
    assert told["state"]["sections"][0]["entries"][0]["entryId"] == "e1"
    assert owner.asked == [("changelog", ListChangelogChanges(changelog_id=SUBJECT, after=0, limit=200))]


async def test_state_and_fields_are_masked_for_the_reader() -> None:
    result = await api(Role.VIEWER, Owner(FIRST, SECOND)).execute(WHOLE, ticket=TICKET)
    assert "the secret" not in str(result.data)
    assert result.data is not None
    first, second = result.data["replayChanges"]
    names = [field["name"] for field in first["fields"]]
    hidden = {names.index("body"), names.index("reporterEmail")}
    assert all(first["fields"][at]["before"] is first["fields"][at]["after"] is None for at in hidden)
    assert [field["name"] for field in second["fields"]] == ["status"]
    assert set((result.extensions or {})["masked"]) == {
        *(f"replayChanges.0.fields.{at}.{side}" for at in hidden for side in ("before", "after")),
        *(f"replayChanges.{at}.state.{name}" for at in (0, 1) for name in ("body", "reporterEmail")),
    }


@pytest.mark.parametrize(
    ("ids", "given"),
    [({}, "none"), ({"log": LOG, "ticket": TICKET}, "2"), ({"ticket": TICKET, "changelog": NOTES}, "2")],
)
async def test_exactly_one_id_must_be_given(ids: dict[str, str], given: str) -> None:
    owner = Owner(FIRST)
    result = await api(Role.ADMIN, owner).execute(WHOLE, **ids)
    (error,) = result.errors or []
    assert (error.extensions or {})["code"] == "BAD_USER_INPUT"
    assert error.message == f"give exactly one of logId, ticketId and changelogId, not {given}"
    assert owner.asked == []


@pytest.mark.parametrize(
    "ids",
    [
        {"ticket": to_global_id("Ticket", UUID(int=8))},
        {"ticket": LOG},
        {"log": TICKET},
        {"changelog": TICKET},
        {"log": "x"},
        {"log": "\ud800"},
    ],
)
async def test_what_is_not_there_has_no_history(ids: dict[str, str]) -> None:
    assert await api(Role.VIEWER, Owner(FIRST)).data(WHOLE, **ids) == []


@pytest.mark.parametrize("rows_per_page", [1, 3, 200])
async def test_pages_are_put_together(rows_per_page: int) -> None:
    owner = Owner(FIRST, *(moved(version) for version in range(2, 9)), rows_per_page=rows_per_page)
    told = await api(Role.OPS, owner).data(WHOLE, ticket=TICKET)
    assert [one["state"]["status"] for one in told] == ["OPEN", *range(2, 9)]


async def test_a_part_has_the_states_that_the_whole_has() -> None:
    owner = Owner(FIRST, *(moved(version) for version in range(2, 9)), rows_per_page=3)
    whole = await api(Role.OPS, owner).data(WHOLE, ticket=TICKET)
    assert await api(Role.OPS, owner).data(WHOLE, ticket=TICKET, after=4, first=3) == whole[4:7]
    assert await api(Role.OPS, owner).data(WHOLE, ticket=TICKET, after=8) == []


async def test_what_came_before_is_read_for_states_only() -> None:
    owner = Owner(FIRST, SECOND, THIRD)
    await api(Role.OPS, owner).data(DELTAS, ticket=TICKET, after=2)
    assert [request.after for _, request in owner.asked] == [2]


@pytest.mark.parametrize("wrong", [{"first": 0}, {"first": 101}, {"after": -1}])
async def test_a_part_that_cannot_be_is_bad_input(wrong: dict[str, int]) -> None:
    assert await api(Role.OPS, Owner(FIRST)).code(WHOLE, ticket=TICKET, **wrong) == "BAD_USER_INPUT"


async def test_too_many_versions_are_refused_with_a_way_to_get_them() -> None:
    owner = Owner(*(moved(version) for version in range(1, MOST_VERSIONS + 2)))
    (error,) = (await api(Role.OPS, owner).execute(DELTAS, ticket=TICKET)).errors or []
    assert (error.extensions or {})["code"] == "LIMIT_EXCEEDED"
    assert "first" in error.message
    assert "afterVersion" in error.message
    told = await api(Role.OPS, owner).data(WHOLE, ticket=TICKET, first=2, after=MOST_VERSIONS - 1)
    assert [one["state"]["status"] for one in told] == [MOST_VERSIONS, MOST_VERSIONS + 1]


async def test_states_are_counted_however_often_they_are_asked_for() -> None:
    large = change(1, None, content=(None, "x" * (MOST_BYTES // 10)))
    owner = Owner(large, *(moved(version) for version in range(2, 6)))
    state = "query($id: ID!) { %s }"
    once = "replayChanges(logId: $id) { state }"
    assert await api(Role.OPS, owner).code(state % once, id=LOG) == ""
    twice = " ".join(f"{name}: {once}" for name in "ab")
    assert set((await api(Role.OPS, owner).code(state % twice, id=LOG)).split(",")) == {"LIMIT_EXCEEDED"}
    again = "replayChanges(logId: $id) { a: state b: state c: state }"
    assert set((await api(Role.OPS, owner).code(state % again, id=LOG)).split(",")) == {"LIMIT_EXCEEDED"}
    assert await api(Role.OPS, owner).code(DELTAS, log=LOG) == ""


async def test_too_much_change_is_refused() -> None:
    owner = Owner(
        *(change(version, None, content=("", "x" * (MOST_BYTES // 3))) for version in range(1, 5)), rows_per_page=1
    )
    assert (
        await api(Role.OPS, owner).code("query($id: ID!) { replayChanges(logId: $id) { version } }", id=LOG)
        == "LIMIT_EXCEEDED"
    )


async def test_an_owner_who_is_away_or_goes_in_circles_is_unavailable() -> None:
    owner = Owner(FIRST)

    def away() -> ChangePage:
        raise NoReply("triage did not answer within 5 s")

    owner.answer = away
    assert await api(Role.OPS, owner).code(WHOLE, ticket=TICKET) == "UNAVAILABLE"
    owner.answer = lambda: ChangePage(changes=(), next_after=0)
    assert await api(Role.OPS, owner).code(WHOLE, ticket=TICKET) == "UNAVAILABLE"
    assert len(owner.asked) == 2


async def test_nobody_reads_histories_without_a_log_in() -> None:
    owner: Any = Owner(FIRST)
    assert await Api(None, histories=Histories(owner)).code(WHOLE, ticket=TICKET) == "UNAUTHENTICATED"
