"""Events in another order than they happened: what is older does not win in the gateway's read model."""

from uuid import UUID, uuid4

from aiops_gateway.graphql.ids import from_global_id
from e2e import documents
from support import triage_rows
from support.graphql import GraphqlClient, Json
from support.ledger import Ledger
from support.sending import Raw, own_user
from support.stack import RunningStack


async def events_about(stack: RunningStack, ticket: UUID) -> list[Raw]:
    """What triage told of a ticket, oldest first."""
    async with triage_rows.database(stack) as connection:
        rows = await connection.fetch(
            "SELECT body, routing_key FROM triage.outbox WHERE convert_from(body, 'UTF8')::jsonb ->> 'subject' = $1 "
            "ORDER BY seq",
            str(ticket),
        )
    return [Raw(row["body"], routing_key=row["routing_key"]) for row in rows]


async def moved(client: GraphqlClient, ticket: Json, status: str) -> Json:
    change = {"ticketId": ticket["id"], "status": status, "expectedVersion": ticket["version"]}
    payload = (await client.execute(documents.UPDATE_TICKET_STATUS, input=change))["updateTicketStatus"]
    assert payload["userErrors"] == []
    answer: Json = payload["ticket"]
    return answer


async def test_reordered_versions(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    first = await documents.triaged(admin, title="In order", body="b")
    last = await moved(admin, await moved(admin, first, "IN_PROGRESS"), "RESOLVED")
    parsed = from_global_id(first["id"])
    assert parsed is not None
    events = await events_about(stack, parsed[1])
    assert len(events) == 3
    # Of an entity that the gateway knows, and of one of which it hears the newest first.
    unknown = uuid4()
    other = [Raw(e.body.replace(str(parsed[1]).encode(), str(unknown).encode()), {}, e.routing_key) for e in events]
    triage = own_user(stack, "triage", "aiops.events")
    await triage.send(*events[::-1], *other[::-1], *events, *other)
    after = await documents.triaged(admin, title="After the disorder", body="b")
    shown = (await admin.execute(documents.GET_TICKET, id=first["id"]))["ticket"]
    assert shown == last
    assert (shown["version"], shown["status"]) == (3, "RESOLVED")
    async with triage_rows.database(stack) as connection:
        row = await connection.fetchrow("DELETE FROM gateway.tickets WHERE id = $1 RETURNING version, status", unknown)
    assert row is not None
    assert tuple(row) == (3, "RESOLVED")
    assert (await ledger.balance([first, after])).check().counts == {"completed": 2}
    assert await stack.lengths("gateway.dead") == {"gateway.dead": 0}
