"""A service's broker user may publish events; in the name of auth nobody believes it."""

import base64
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest

from aiops_common.messaging.names import PRINCIPAL_HEADER, REASON_HEADER
from e2e import documents
from e2e.conftest import Accounts
from support.dead_letters import next_dead
from support.eventually import eventually
from support.queues import take
from support.sending import Raw, cloud_event, own_user
from support.stack import RunningStack

USER_CHANGED = "auth.user_changed.v1"
SUMMARIZED = "summarizer.log_summarized.v1"


@pytest.mark.parametrize(
    ("exchange", "routing_key"),
    [("aiops.events", USER_CHANGED), ("aiops.events", SUMMARIZED), ("aiops.retry", "gateway.retry.5s")],
)
@pytest.mark.parametrize("claimed", [None, "service:auth", "partner:auth"])
async def test_a_service_cannot_make_an_administrator(
    stack: RunningStack, accounts: Accounts, exchange: str, routing_key: str, claimed: str | None
) -> None:
    somebody, payload = await accounts.sign_up()
    now = datetime.now(UTC).isoformat()
    identity = payload["user"]["id"]
    user = {
        "id": str(UUID(base64.urlsafe_b64decode(identity + "=" * (-len(identity) % 4)).decode().partition(":")[2])),
        "version": 1_000, "email": "mallory@example.com", "display_name": "Mallory", "role": "ADMIN",
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    forged = cloud_event("", type=USER_CHANGED, source="aiops/auth", data={"user": user})
    headers = {} if claimed is None else {PRINCIPAL_HEADER: claimed}
    expiration = {"expiration": 0.01} if exchange == "aiops.retry" else {}
    sender = own_user(stack, "summarizer", exchange)
    await sender.send(Raw(forged, {"headers": headers, **expiration}, routing_key))
    letter = await next_dead(stack, "gateway.dead")
    assert letter.headers[REASON_HEADER] == "not_the_owner"
    assert (await somebody.execute(documents.ME))["me"]["role"] == "VIEWER"
    assert await take(stack.amqp_url, "gateway.dead") is None


async def test_what_auth_says_is_believed(accounts: Accounts, stack: RunningStack) -> None:
    _, payload = await accounts.sign_up("OPS")
    assert payload["userErrors"] == []
    await eventually(partial(_no_dead, stack))


async def _no_dead(stack: RunningStack) -> bool:
    return (await stack.lengths("gateway.dead"))["gateway.dead"] == 0
