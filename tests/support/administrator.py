"""The administrator of a running stack, and what a failed test shows of it."""

import pytest

from aiops_local.services import SERVICES
from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, GraphqlErrors
from support.stack import RunningStack


async def administrator(stack: RunningStack) -> GraphqlClient:
    """The API as the first administrator, once the gateway knows that account."""
    credentials = {"email": stack.environment["ADMIN_EMAIL"], "password": stack.environment["ADMIN_PASSWORD"]}
    payload = (await stack.visitor.execute(documents.LOG_IN, input=credentials))["login"]
    signed_in = stack.visitor.signed_in(payload["tokens"]["accessToken"])

    async def known() -> bool:
        # The gateway learns auth's first account and key from events, shortly after the very first start.
        try:
            return bool((await signed_in.execute(documents.ME))["me"]["role"] == "ADMIN")
        except GraphqlErrors:
            return False

    await eventually(known)
    return signed_in


def show_logs(item: pytest.Item, report: pytest.TestReport) -> None:
    """Show what the services said last beside a test that failed."""
    running = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(running, RunningStack):
        for name in SERVICES:
            report.sections.append((f"log of {name}", running.stack.processes.last_lines(name, 30)))
