"""featureFlags and setFeatureFlag through the schema: for ADMIN alone, and what is told of mistakes."""

from typing import Any
from uuid import UUID

import pytest

from aiops_common.testing.flags import flag
from aiops_contracts.base import FeatureFlag
from aiops_gateway.domain.access import PrincipalKind, Role, Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.graphql.ids import to_global_id
from aiops_gateway.repository.feature_flags import StoredFlag
from aiops_gateway.service.feature_flags import FlagChange, FlagReply
from unit.gateway.fake_api import START, Api

ADA = UUID(int=9)
FIELDS = "id key version kind value description enabled percentage roles allowList createdAt updatedAt updatedBy"
SET = (
    "mutation ($input: SetFeatureFlagInput!) { setFeatureFlag(input: $input) { featureFlag { "
    + FIELDS
    + " } userErrors { code field message } } }"
)
LIST = "{ featureFlags(first: 5) { totalCount nodes { " + FIELDS + " } } }"


def stored(one: FeatureFlag, updated_by: str | None = f"user:{ADA}") -> StoredFlag:
    return StoredFlag(id=UUID(int=1), flag=one, description="A switch.", created_at=START, updated_by=updated_by)


class Flags:
    """One flag; ``changes`` are those that were asked for, answered with ``reply``."""

    def __init__(self, one: FeatureFlag, reply: FlagReply | None = None) -> None:
        self.one = one
        self.reply = reply or FlagReply(outcome="OK", stored=stored(one))
        self.changes: list[tuple[FlagChange, str | None]] = []

    async def page(self, _request: PageRequest) -> tuple[list[StoredFlag], bool]:
        return [stored(self.one, None)], False

    async def count(self) -> int:
        return 1

    async def get(self, identity: UUID) -> StoredFlag | None:
        return stored(self.one) if identity == UUID(int=1) else None

    async def change(self, _viewer: Viewer, change: FlagChange, key: str | None, _address: object) -> FlagReply:
        self.changes.append((change, key))
        return self.reply


class Records:
    """Where refusals are recorded."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def refuse(self, _viewer: Viewer, action: str, _address: object) -> None:
        self.refused.append(action)


def api(flags: Flags, role: Role = Role.ADMIN, kind: PrincipalKind = PrincipalKind.USER, **others: object) -> Api:
    return Api(Viewer(ADA, role, kind), feature_flags=flags, **others)


async def test_the_list_shows_all_of_a_flag() -> None:
    one = flag(
        "triage.template.triage",
        value="triage/v2",
        percentage=10,
        roles=("OPS",),
        allow=(f"user:{ADA}", f"ticket:{ADA}"),
    )
    told = await api(Flags(one)).data(LIST)
    assert told["totalCount"] == 1
    (node,) = told["nodes"]
    assert node.pop("createdAt")
    assert node.pop("updatedAt")
    assert node == {
        "id": to_global_id("FeatureFlag", UUID(int=1)), "key": "triage.template.triage", "version": 1, "kind": "STRING",
        "value": "triage/v2", "description": "A switch.", "enabled": True, "percentage": 10, "roles": ["OPS"],
        "allowList": [to_global_id("User", ADA), to_global_id("Ticket", ADA)], "updatedBy": None,
    }  # fmt: skip


async def test_a_flag_is_found_by_its_id() -> None:
    flags = Flags(flag("triage.llm"))
    query = "query ($id: ID!) { node(id: $id) { ... on FeatureFlag { key } } }"
    wanted = to_global_id("FeatureFlag", UUID(int=1))
    assert await api(flags).data(query, id=wanted) == {"key": "triage.llm"}
    assert await api(flags, Role.OPS).data(query, id=wanted) is None


async def test_what_is_not_given_is_not_changed() -> None:
    flags = Flags(flag("triage.llm", enabled=False))
    told = await api(flags).data(SET, input={"key": "triage.llm", "enabled": False, "expectedVersion": 3})
    assert told["userErrors"] == []
    assert told["featureFlag"]["enabled"] is False
    assert told["featureFlag"]["updatedBy"] == to_global_id("User", ADA)
    assert flags.changes == [(FlagChange(key="triage.llm", enabled=False, expected_version=3), None)]


async def test_a_machine_may_throw_a_switch_too() -> None:
    flags = Flags(flag("triage.llm"))
    machine = api(flags, kind=PrincipalKind.API_KEY)
    await machine.data(SET, input={"key": "triage.llm", "enabled": False, "expectedVersion": 1, "idempotencyKey": "k"})
    assert [key for _, key in flags.changes] == ["k"]


async def test_who_is_named_is_named_as_the_services_name_them() -> None:
    flags = Flags(flag("triage.llm"))
    named = [to_global_id(type_name, ADA) for type_name in ("User", "ApiKey", "LogEntry", "Ticket", "Changelog")]
    wanted = {"key": "a.b", "allowList": named, "roles": ["ADMIN"], "percentage": 0, "expectedVersion": 0}
    await api(flags).data(SET, input=wanted)
    ((change, _),) = flags.changes
    assert change.allow_list == tuple(f"{kind}:{ADA}" for kind in ("user", "key", "log_entry", "ticket", "changelog"))
    assert [str(role) for role in change.roles or ()] == ["ADMIN"]
    assert change.percentage == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"key": "LLM"}, ["key"]),
        ({"percentage": 101}, ["percentage"]),
        ({"expectedVersion": -1}, ["expectedVersion"]),
        ({"value": ""}, ["value"]),
        ({"allowList": ["nobody"]}, ["allowList", "0"]),
        ({"allowList": [to_global_id("User", ADA), to_global_id("DeadLetter", ADA)]}, ["allowList", "1"]),
        ({"enabled": None}, None),
        ({"idempotencyKey": ""}, ["idempotencyKey"]),
    ],
)
async def test_a_mistake_is_told_with_its_place(wrong: dict[str, Any], field: list[str] | None) -> None:
    flags = Flags(flag("triage.llm"))
    wanted = {"key": "triage.llm", "enabled": True, "expectedVersion": 1, **wrong}
    told = await api(flags).data(SET, input=wanted)
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [("INVALID_INPUT", field)]
    assert told["featureFlag"] is None
    assert flags.changes == []


@pytest.mark.parametrize(
    ("outcome", "code", "told"),
    [
        ("VERSION_CONFLICT", "VERSION_CONFLICT", "the feature flag is at version 4, not 1"),
        ("NO_VALUE", "INVALID_INPUT", "triage.llm is a BOOLEAN"),
        ("NOT_FOUND", "NOT_FOUND", "expectedVersion 0 makes one"),
    ],
)
async def test_a_decision_against_it_is_told(outcome: Any, code: str, told: str) -> None:
    current = None if outcome == "NOT_FOUND" else stored(flag("triage.llm", version=4))
    flags = Flags(flag("triage.llm"), FlagReply(outcome=outcome, stored=current))
    wanted = {"key": "triage.llm", "enabled": True, "expectedVersion": 1}
    answer = await api(flags).data(SET, input=wanted)
    ((error),) = answer["userErrors"]
    assert error["code"] == code
    assert told in error["message"]
    assert (answer["featureFlag"] or {}).get("version") == (4 if current else None)


@pytest.mark.parametrize("role", [Role.OPS, Role.HR, Role.VIEWER])
@pytest.mark.parametrize(
    ("field", "document"), [("featureFlags", LIST), ("setFeatureFlag", SET)], ids=["list", "change"]
)
async def test_others_may_not_and_it_is_recorded(role: Role, field: str, document: str) -> None:
    flags, records = Flags(flag("triage.llm")), Records()
    wanted = {"key": "triage.llm", "enabled": False, "expectedVersion": 1}
    variables = {"input": wanted} if field == "setFeatureFlag" else {}
    assert await api(flags, role, audit=records).code(document, **variables) == "FORBIDDEN"
    assert flags.changes == []
    assert records.refused == [field]
