"""One stack for all end-to-end tests, and somebody of each role."""

import secrets
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e import documents
from support.administrator import administrator, show_logs
from support.graphql import GraphqlClient, Json
from support.stack import RunningStack, running_stack

HERE = Path(__file__).parent
PASSWORD = "a perfectly long passphrase"


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    with running_stack(traced=True) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever of these tests comes first starts the stack, which on a busy machine takes longer than a test may."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the services said last beside a test that failed."""
    report = yield
    show_logs(item, report)
    return report


@dataclass(frozen=True, slots=True)
class Accounts:
    """Makes accounts and logs them in."""

    visitor: GraphqlClient
    admin: GraphqlClient

    async def sign_up(self, role: str = "VIEWER") -> tuple[GraphqlClient, Json]:
        """Somebody new: the API as they use it, and the payload of their sign-up."""
        email = f"{role.lower()}-{secrets.token_hex(4)}@example.com"
        account = {"email": email, "password": PASSWORD, "displayName": f"Some {role.title()}"}
        payload: Json = (await self.visitor.execute(documents.SIGN_UP, input=account))["signup"]
        assert payload["userErrors"] == []
        if role != "VIEWER":
            await self.set_role(payload["user"], role)
        return self.visitor.signed_in(payload["tokens"]["accessToken"]), payload

    async def set_role(self, user: Json, role: str) -> Json:
        """Give somebody another role; the user as they are afterwards."""
        change = {"userId": user["id"], "role": role, "expectedVersion": user["version"]}
        payload = (await self.admin.execute(documents.SET_USER_ROLE, input=change))["setUserRole"]
        assert payload["userErrors"] == []
        changed: Json = payload["user"]
        return changed


@pytest.fixture(scope="session")
async def admin(stack: RunningStack) -> GraphqlClient:
    return await administrator(stack)


@pytest.fixture(scope="session")
def accounts(stack: RunningStack, admin: GraphqlClient) -> Accounts:
    return Accounts(stack.visitor, admin)


@pytest.fixture(scope="session")
async def people(accounts: Accounts, admin: GraphqlClient) -> dict[str, GraphqlClient]:
    """Role → somebody who has it."""
    return {"ADMIN": admin, **{role: (await accounts.sign_up(role))[0] for role in ("OPS", "HR", "VIEWER")}}
