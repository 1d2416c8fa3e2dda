"""Messages that no retry can help: dead at the first attempt, kept byte for byte, and their neighbours are done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    DEAD_AT_HEADER,
    DEAD_ID_HEADER,
    ERROR_CLASS_HEADER,
    ERROR_HEADER,
    PRINCIPAL_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    TRACE_ID_HEADER,
    TYPE_HEADER,
)
from support import triage_rows
from support.dead_letters import next_dead
from support.graphql import GraphqlClient
from support.ledger import Accepted, Ledger
from support.queues import purge, take
from support.sending import TICKET, Raw, cloud_event, own_user, partner
from support.stack import RunningStack

MARK = "a mark to be replaced"
USER = "user:00000000-0000-0000-0000-000000000001"


def marked(replacement: bytes, **changes: Any) -> Callable[[UUID], bytes]:
    """A good event in which one string, quotes included, is replaced by these bytes."""

    def body(identity: UUID) -> bytes:
        data = {"title": "Bad", "body": "b", "more": MARK}
        whole = cloud_event("Bad", identity=identity, **{"data": data, **changes})
        assert f'"{MARK}"'.encode() in whole
        return whole.replace(f'"{MARK}"'.encode(), replacement)

    return body


def said(**data: Any) -> Callable[[UUID], bytes]:
    """An event whose ticket says ``data``."""
    return lambda identity: cloud_event("Bad", identity=identity, data={"title": "Bad", "body": "b", **data})


def wrapped(**attributes: Any) -> Callable[[UUID], bytes]:
    """An event with other attributes in its envelope."""
    return lambda identity: cloud_event("Bad", **{"identity": identity, **attributes})


@dataclass(frozen=True, slots=True)
class Bad:
    """A line of the table; ``body`` makes the message from its id."""

    name: str
    reason: str
    body: Callable[[UUID], bytes]
    properties: dict[str, Any] = field(default_factory=dict)


BAD = (
    Bad("truncated JSON", "not_json", lambda identity: cloud_event("Bad", identity=identity)[:-9]),
    Bad("not UTF-8", "not_json", marked(b'"\xff\xfe"')),
    Bad("empty", "not_json", lambda _: b""),
    Bad("wrong content type", "content_type", wrapped(), {"content_type": "text/plain"}),
    Bad("no content type", "content_type", wrapped(), {"content_type": None}),
    Bad("NaN", "not_json", marked(b"NaN")),
    Bad("a 6,000-digit integer", "not_json", marked(b"9" * 6_000)),
    Bad("200k-deep array", "not_json", marked(b"[" * 200_000 + b"]" * 200_000)),
    Bad("200k-deep array that never ends", "not_json", lambda _: b"[" * 200_000),
    Bad("unknown major version", "unsupported_type", wrapped(type="triage.triage_ticket.v9")),
    Bad("somebody else's type", "unsupported_type", wrapped(type="changelog.generate_changelog.v1")),
    Bad("missing id", "bad_envelope", wrapped(id=None)),
    Bad("an id that is none", "bad_envelope", wrapped(id="1 OR true")),
    Bad("a list instead of an event", "bad_envelope", lambda identity: b"[" + cloud_event("Bad") + b"]"),
    Bad("NUL", "bad_payload", said(body="a\x00b")),
    Bad("lone surrogate, escaped", "not_json", said(body="a\ud800b")),
    Bad("lone surrogate, encoded", "not_json", marked(b'"a\xed\xa0\x80b"')),
)


@pytest.mark.parametrize("sender", ["partner", "gateway"])
@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
async def test_bad_message(stack: RunningStack, admin: GraphqlClient, ledger: Ledger, bad: Bad, sender: str) -> None:
    who = partner(stack) if sender == "partner" else own_user(stack, sender)
    headers = {} if sender == "partner" else {PRINCIPAL_HEADER: USER}
    before, wrong, after = (uuid4() for _ in range(3))
    body = bad.body(wrong)
    known = await triage_rows.count(stack)
    await who.send(
        Raw(cloud_event("Before", identity=before), {"headers": headers}),
        Raw(body, {"message_id": str(wrong), "headers": headers, **bad.properties}),
        Raw(cloud_event("After", identity=after), {"headers": headers}),
    )
    neighbours = await triage_rows.all_done(stack, (before, after))
    assert {(one.title, one.told) for one in neighbours.values()} == {("Before", (1,)), ("After", (1,))}
    balance = (await ledger.balance(Accepted("Ticket", one) for one in (before, wrong, after))).check()
    assert balance.counts == {"completed": 2, "dead": 1}
    letter = await next_dead(stack)
    assert letter.body == body
    told = letter.headers
    assert (told[REASON_HEADER], told[ATTEMPT_HEADER]) == (bad.reason, 1)
    assert (told[QUEUE_HEADER], told[TYPE_HEADER]) == ("triage.work", TICKET)
    assert told[PRINCIPAL_HEADER] == ("partner:acme" if sender == "partner" else USER)
    assert (told[ERROR_CLASS_HEADER], letter.message_id) == ("Poison", str(wrong))
    assert told[ERROR_HEADER]
    assert len(str(told[TRACE_ID_HEADER])) == 32
    assert UUID(str(told[DEAD_ID_HEADER])) != wrong
    assert isinstance(told[DEAD_AT_HEADER], int)
    assert await take(stack.amqp_url, "triage.dead") is None
    assert await triage_rows.count(stack) == known + 2


async def test_unknown_major_version_in_the_routing_key_goes_where_an_operator_finds_it(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    await purge(stack.amqp_url, "unrouted")
    key = "triage.triage_ticket.v9"
    body = cloud_event("From the future", type=key)
    neighbour = uuid4()
    await partner(stack).send(Raw(body, routing_key=key), cloud_event("Neighbour", identity=neighbour))
    balance = (await ledger.balance([Accepted("Ticket", neighbour)])).check()
    assert balance.counts == {"completed": 1}
    letter = await next_dead(stack, "unrouted")
    assert (letter.body, letter.routing_key) == (body, key)
