"""Every root field, executed as everybody: the table in domain/access.py is what happens."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any
from uuid import UUID

import pytest
from strawberry.types import ExecutionResult

from aiops_common.messaging.requests import NoReply
from aiops_gateway.domain.access import AUDITED, OPERATIONS, PEOPLE_ONLY, PUBLIC_OPERATIONS, PrincipalKind, Role, Viewer
from aiops_gateway.graphql.context import UseCases
from unit.gateway.fake_api import Api, FakeViewers
from unit.gateway.root_documents import RootField, root_fields
from unit.gateway.schema import built, published

FIELDS = list(root_fields(published()))
EVERYBODY: list[Viewer | None] = [None, *(Viewer(UUID(int=9), role, kind) for role in Role for kind in PrincipalKind)]


class Watched:
    """A use case of which everything can be asked for; what is called is written down and does not answer."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*_arguments: object, **_named: object) -> Any:
            self._calls.append(f"{self._name}.{method}")
            raise NoReply("this far")

        return call


class Audit:
    """Takes refusals down."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def refuse(self, _viewer: Viewer, action: str, _address: str | None) -> None:
        self.refused.append(action)


async def _executed(api: Api, field: RootField) -> ExecutionResult:
    if field.kind != "subscription":
        return await api.execute(field.document)
    async for result in await built().subscribe(field.document, context_value=api.context()):
        assert isinstance(result, ExecutionResult)
        return result
    raise AssertionError("it ended without a word")


def _allowed(viewer: Viewer | None, name: str) -> bool:
    if name in PUBLIC_OPERATIONS:
        return True
    return viewer is not None and viewer.role in OPERATIONS[name] and (viewer.is_person or name not in PEOPLE_ONLY)


def _name(viewer: Viewer | None) -> str:
    return f"{viewer.role}-{viewer.kind}" if viewer else "nobody"


@pytest.mark.parametrize("viewer", EVERYBODY, ids=_name)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
async def test_who_may_call_is_let_in_and_nobody_else(field: RootField, viewer: Viewer | None) -> None:
    calls: list[str] = []
    audit = Audit()
    watched = {use_case.name: Watched(use_case.name, calls) for use_case in fields(UseCases)}
    api = Api(viewer, **{**watched, "audit": audit, "viewers": FakeViewers(viewer)})
    errors = (await _executed(api, field)).errors or []
    codes = {str((error.extensions or {}).get("code")) for error in errors}
    if _allowed(viewer, field.name):
        # A machine has no account: it is let in, and there is nothing to look up.
        alone = field.name == "me" and viewer is not None and not viewer.is_person
        assert codes == (set() if alone else {"UNAVAILABLE"})
        assert bool(calls) is not alone
    else:
        assert codes == {"UNAUTHENTICATED" if viewer is None else "FORBIDDEN"}
        assert calls == []
        assert audit.refused == ([field.name] if viewer is not None and field.name in AUDITED else [])
