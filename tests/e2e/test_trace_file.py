"""The file of spans that `make trace` reads where there is no Jaeger."""

import pytest

from aiops_local.spans import Span, read_spans
from e2e import documents
from e2e.conftest import PASSWORD, Accounts
from e2e.trace_paths import differences
from e2e.trace_stories import TRIAGE, WORD, hand_in, settled
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.stack import RunningStack

pytestmark = pytest.mark.timeout(400)  # starting the stack for the first of them included


@pytest.fixture(scope="module")
async def spans(stack: RunningStack, admin: GraphqlClient) -> list[Span]:
    """The spans of a ticket that was triaged, once the last of them is written."""
    ticket = await hand_in(admin, TRIAGE)
    await settled(admin, TRIAGE, ticket)

    async def complete() -> list[Span]:
        # Batches are written every half second, by each process on its own: the last step may come before the others.
        found = [span for span in written(stack) if span.trace_id == ticket["traceId"]]
        known = {span.span_id for span in found} | {None}
        last = any(span.name == "process triage.ticket_triaged.v1" for span in found)
        return found if last and all(span.parent_id in known for span in found) else []

    return await eventually(complete)


def written(stack: RunningStack) -> list[Span]:
    return list(read_spans(stack.stack.layout.traces.read_bytes().splitlines()))


async def test_the_trace_is_what_the_table_says_but_for_the_pushes_to_nobody(spans: list[Span]) -> None:
    told = differences("triageTicket", spans)
    assert told
    assert [line for line in told if "push ticketChanged" not in line] == []


async def test_no_argument_address_or_token_is_in_any_span(
    stack: RunningStack, admin: GraphqlClient, accounts: Accounts, spans: list[Span]
) -> None:
    visitor, payload = await accounts.sign_up()
    await visitor.execute(documents.ME)

    async def complete() -> bool:
        return any(span.name == "answer auth.sign_up.v2" for span in written(stack))

    await eventually(complete)
    text = stack.stack.layout.traces.read_text().lower()
    forbidden = {
        "arguments and headers": WORD, "password": PASSWORD, "email": payload["user"]["email"],
        "admin": stack.environment["ADMIN_EMAIL"], "access token": str(admin.token),
        "refresh token": payload["tokens"]["refreshToken"], "any address": "@example.", "any token": "eyj",
    }  # fmt: skip
    assert {name: word.lower() in text for name, word in forbidden.items()} == dict.fromkeys(forbidden, False)
