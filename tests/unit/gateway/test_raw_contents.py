"""Logs as they came in: shown to administrators, on record before they are read, and told nowhere else."""

import base64
from typing import cast
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.sealing import Keyring
from aiops_contracts.summarizer import GetRawContent, RawContent
from aiops_gateway.domain.access import PrincipalKind, Role, Viewer
from aiops_gateway.graphql.ids import to_global_id
from aiops_gateway.service.raw_contents import RawContents
from support.content_keys import keyring
from unit.gateway.fake_api import Api
from unit.gateway.fake_dead_letters import FakeAudit

LOG = UUID(int=7)
ID = to_global_id("LogEntry", LOG)
RAW = "login of jane.doe@example.org with hunter2"
READ = "query($id: ID!) { rawLogContent(id: $id) }"


class Summarizer:
    """Keeps one sealed log; what happens is written into the journal that the audit log shares."""

    def __init__(self, journal: list[str], sealed: bytes | None) -> None:
        self.journal = journal
        self.sealed = sealed
        self.failure: Exception | None = None

    async def ask(self, owner: str, request: GetRawContent, answer: type[RawContent], *, principal: str) -> RawContent:
        self.journal.append(f"ask {owner} for {request.log_id.int} by {principal.partition(':')[0]}")
        if self.failure is not None:
            raise self.failure
        return answer(sealed=base64.b64encode(self.sealed).decode() if self.sealed else None)


class Desk:
    """The API over one raw log, as ``viewer`` uses it."""

    def __init__(self, viewer: Viewer, *, keys: Keyring, sealed: bytes | None) -> None:
        self.journal: list[str] = []
        self.audit = FakeAudit(self.journal)
        self.summarizer = Summarizer(self.journal, sealed)
        raw_contents = RawContents(cast(Requester, self.summarizer), keys, self.audit)
        self.api = Api(viewer, raw_contents=raw_contents, audit=self.audit)


def desk(role: Role = Role.ADMIN, kind: PrincipalKind = PrincipalKind.USER, *, about: UUID = LOG) -> Desk:
    keys = keyring("old", "new")
    return Desk(Viewer(UUID(int=1), role, kind), keys=keys, sealed=keys.seal(RAW, about=about))


@pytest.mark.parametrize("kind", PrincipalKind)
async def test_an_administrator_reads_it_and_that_is_on_record_first(kind: PrincipalKind) -> None:
    here = desk(kind=kind)
    with capture_logs() as lines:
        assert await here.api.data(READ, id=ID) == RAW
    assert here.journal == ["intend", f"ask summarizer for 7 by {kind}", "conclude SHOWN"]
    (record,) = here.audit.records.values()
    assert (record.actor, record.action) == (f"{kind}:{UUID(int=1)}", "rawLogContent")
    assert record.details == {"outcome": "SHOWN", "bytes": len(RAW)}
    assert "hunter2" not in str(lines)


@pytest.mark.parametrize("role", [Role.OPS, Role.HR, Role.VIEWER])
@pytest.mark.parametrize("kind", PrincipalKind)
async def test_nobody_else_reads_it(role: Role, kind: PrincipalKind) -> None:
    here = desk(role, kind)
    assert await here.api.code(READ, id=ID) == "FORBIDDEN"
    assert here.journal == []
    assert [record.details["outcome"] for record in here.audit.records.values()] == ["FORBIDDEN"]


async def test_what_cannot_be_recorded_is_not_read() -> None:
    here = desk()
    here.audit.failure = DatabaseUnavailable("away")
    assert await here.api.code(READ, id=ID) == "UNAVAILABLE"
    assert here.journal == []


async def test_what_is_not_kept_is_null() -> None:
    here = Desk(Viewer(UUID(int=1), Role.ADMIN), keys=keyring("k"), sealed=None)
    assert await here.api.data(READ, id=ID) is None
    assert here.audit.last == {"outcome": "NOT_KEPT"}


@pytest.mark.parametrize("wrong", ["", "nonsense", "\ud800", to_global_id("Ticket", LOG)])
async def test_what_is_no_log_entry_is_null(wrong: str) -> None:
    here = desk()
    assert await here.api.data(READ, id=wrong) is None
    assert here.journal == []


async def test_a_text_of_another_log_does_not_open() -> None:
    here = desk(about=UUID(int=8))
    assert await here.api.code(READ, id=ID) == "INTERNAL"
    assert here.audit.last == {"outcome": "NOT_OPENABLE"}


async def test_a_missing_key_is_named_to_operators_and_not_to_the_client() -> None:
    here = Desk(Viewer(UUID(int=1), Role.ADMIN), keys=keyring("new"), sealed=keyring("lost-key").seal(RAW, about=LOG))
    result = await here.api.execute(READ, id=ID)
    assert [(error.extensions or {})["code"] for error in result.errors or []] == ["INTERNAL"]
    assert "lost-key" not in str(result.errors)
    assert here.audit.last == {"outcome": "KEY_UNKNOWN", "key_id": "lost-key"}


async def test_without_the_summarizer_it_is_unavailable() -> None:
    here = desk()
    here.summarizer.failure = NoReply("summarizer did not answer within 5 s")
    assert await here.api.code(READ, id=ID) == "UNAVAILABLE"
    assert here.audit.last == {"outcome": "UNAVAILABLE"}
