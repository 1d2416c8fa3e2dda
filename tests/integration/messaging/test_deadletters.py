"""Dead letters on a real broker: looked at without moving, sent back with confirms, thrown away; and who may do it."""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import aiormq
import httpx
import pytest
import yaml
from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.deadletter import DeadLetters, NoSuchLetter, NotReplayable, QueueRefused, Selection, Stopped
from aiops_common.messaging.provision import provision
from aiops_common.messaging.topology import TopologySpec, expand
from support.eventually import eventually
from support.queues import channel, purge, take
from support.servers import ROOT, Broker

DEAD, WORK = "changelog.dead", "changelog.work"
TRACE = "0af7651916cd43dd8448eb211c80319c"
EVERYTHING = Selection()


@pytest.fixture(scope="session")
async def operator_url(broker: Broker) -> str:
    """The address of the broker as the user that looks after dead letters."""
    declared = yaml.safe_load((ROOT / "deploy/rabbitmq/topology.yaml").read_text())
    passwords = {"operator": secrets.token_urlsafe(16), **broker.passwords}
    topology = expand(TopologySpec.model_validate({**declared, "operators": ["operator"]}))
    await provision(topology, broker.management_url, passwords)
    return Broker(broker.amqp_url, broker.management_url, passwords).url_for("operator")


@pytest.fixture
async def office(broker: Broker, operator_url: str) -> AsyncIterator[DeadLetters]:
    """Empty queues of one service, and who looks after its dead letters."""
    await purge(broker.amqp_url, DEAD, WORK, "unrouted")
    office = DeadLetters(operator_url, name="test-operator")
    await office.start()
    yield office
    await office.stop()
    await purge(broker.amqp_url, DEAD, WORK, "unrouted")


def consumers_letter(**changes: Any) -> aio_pika.Message:
    """A dead letter as a consumer of the service writes it."""
    headers = {
        "x-aiops-dead-id": str(uuid4()),
        "x-aiops-dead-at": 1_790_000_000_000,
        "x-aiops-reason": "attempts_spent",
        "x-aiops-error-class": "ProviderFailed",
        "x-aiops-error": "it answered 500",
        "x-aiops-trace-id": TRACE,
        "x-aiops-queue": WORK,
        "x-aiops-type": "changelog.generate_changelog.v1",
        "x-aiops-attempt": 5,
        "x-aiops-principal": "user:ada",
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        **changes.pop("headers", {}),
    }
    properties: dict[str, Any] = {
        "body": b'{"a": 1}', "content_type": "application/json", "message_id": str(uuid4()), "user_id": "changelog",
        "delivery_mode": aio_pika.DeliveryMode.PERSISTENT, **changes,
    }  # fmt: skip
    return aio_pika.Message(headers=headers, **properties)


async def bury(broker: Broker, *letters: aio_pika.Message) -> list[UUID]:
    async with channel(broker.url_for("changelog")) as opened:
        exchange = await opened.get_exchange("aiops.dead", ensure=False)
        for letter in letters:
            await exchange.publish(letter, routing_key=DEAD)
    return [UUID(str(letter.headers["x-aiops-dead-id"])) for letter in letters]


async def count(broker: Broker, queue: str) -> int:
    async with channel(broker.amqp_url) as opened:
        return (await opened.declare_queue(queue, passive=True)).declaration_result.message_count or 0


async def settles_at(broker: Broker, queue: str, wanted: int) -> None:
    async def reached() -> bool:
        return await count(broker, queue) == wanted

    await eventually(reached)


async def everything_in(broker: Broker, queue: str) -> list[AbstractIncomingMessage]:
    taken = []
    while (message := await take(broker.amqp_url, queue)) is not None:
        taken.append(message)
    return taken


async def test_browsing_leaves_all_where_they_were(broker: Broker, office: DeadLetters) -> None:
    ids = await bury(broker, *(consumers_letter(headers={"x-aiops-dead-at": 1_790_000_000_000 + n}) for n in range(20)))
    first = await office.browse([DEAD])
    second = await office.browse([DEAD, "triage.dead"], limit=3)
    assert [letter.id for letter in first] == ids[::-1]
    assert second == first[:3]
    assert await count(broker, DEAD) == 20
    assert [m.headers["x-aiops-dead-id"] for m in await everything_in(broker, DEAD)] == [str(one) for one in ids]


async def test_two_thousand_letters(broker: Broker, office: DeadLetters) -> None:
    async with channel(broker.url_for("changelog")) as opened:
        exchange = await opened.get_exchange("aiops.dead", ensure=False)
        await asyncio.gather(*(exchange.publish(consumers_letter(), routing_key=DEAD) for _ in range(2_000)))
    letters = await office.browse([DEAD], limit=5_000)
    assert len({letter.id for letter in letters}) == 2_000
    assert await count(broker, DEAD) == 2_000
    replayed = await office.replay(DEAD, Selection(reason="attempts_spent"))
    assert (len(replayed), await count(broker, DEAD)) == (2_000, 0)
    await settles_at(broker, WORK, 2_000)


async def test_a_replay_sends_it_back_as_if_it_had_never_been_tried(broker: Broker, office: DeadLetters) -> None:
    letter = consumers_letter(type="changelog.generate_changelog.v1")
    (chosen, _) = await bury(broker, letter, consumers_letter())
    replayed = await office.replay(DEAD, Selection(ids=frozenset({chosen})))
    assert [(one.id, one.principal, one.attempts) for one in replayed] == [(chosen, "user:ada", 5)]
    (back,) = await everything_in(broker, WORK)
    assert (back.body, back.message_id, back.type) == (letter.body, letter.message_id, letter.type)
    assert (back.content_type, back.user_id) == ("application/json", "operator")
    assert set(back.headers) - {"x-delivery-count"} == {"x-aiops-principal", "traceparent"}
    assert await count(broker, DEAD) == 1


async def test_a_dry_run_changes_nothing(broker: Broker, office: DeadLetters) -> None:
    ids = set(await bury(broker, consumers_letter(), consumers_letter()))
    assert {one.id for one in await office.replay(DEAD, EVERYTHING, dry_run=True)} == ids
    assert {one.id for one in await office.discard(DEAD, EVERYTHING, dry_run=True)} == ids
    assert (await count(broker, DEAD), await count(broker, WORK)) == (2, 0)


async def test_discarding_takes_only_what_is_meant(broker: Broker, office: DeadLetters) -> None:
    stays, goes = await bury(broker, consumers_letter(), consumers_letter(headers={"x-aiops-reason": "not_json"}))
    assert [one.id for one in await office.discard(DEAD, Selection(reason="not_json"))] == [goes]
    assert [one.id for one in await office.browse([DEAD])] == [stays]
    assert await office.discard(DEAD, Selection(reason="not_json")) == []


async def test_an_unknown_id_is_named_and_nothing_changes(broker: Broker, office: DeadLetters) -> None:
    (known,) = await bury(broker, consumers_letter())
    unknown = uuid4()
    selection = Selection(ids=frozenset({known, unknown}))
    for attempt in (office.replay(DEAD, selection), office.discard(DEAD, selection), office.browse([DEAD], selection)):
        with pytest.raises(NoSuchLetter, match=str(unknown)) as failure:
            await attempt
        assert failure.value.ids == {unknown}
    assert (await count(broker, DEAD), await count(broker, WORK)) == (1, 0)


async def test_a_letter_without_a_message_id(broker: Broker, office: DeadLetters) -> None:
    # Through the management API: this client adds an id where there is none.
    async with httpx.AsyncClient(base_url=broker.management_url, timeout=10, trust_env=False) as api:
        body = {
            "properties": {"headers": {"x-aiops-queue": WORK}}, "routing_key": DEAD, "payload": "{}",
            "payload_encoding": "string",
        }  # fmt: skip
        (await api.post("/api/exchanges/%2F/aiops.dead/publish", json=body)).raise_for_status()
    await settles_at(broker, DEAD, 1)
    (letter,) = await office.browse([DEAD])
    assert (letter.message_id, letter.reason, letter.body) == (None, "unknown", "{}")
    assert await office.browse([DEAD]) == [letter]
    assert await office.replay(DEAD, Selection(ids=frozenset({letter.id}))) == [letter]
    assert [(back.body, back.user_id) for back in await everything_in(broker, WORK)] == [(b"{}", None)]


async def test_of_two_letters_with_one_message_id_none_is_lost(broker: Broker, office: DeadLetters) -> None:
    same = {"message_id": "m-1", "headers": {"x-aiops-queue": "gone.work"}}
    ids = await bury(broker, *(consumers_letter(**{**same}) for _ in range(2)))
    with pytest.raises(Stopped):
        await office.replay(DEAD, EVERYTHING)
    assert {one.id for one in await office.browse([DEAD])} == set(ids)


async def test_a_letter_that_nobody_takes_stays_in_the_dead_queue(broker: Broker, office: DeadLetters) -> None:
    first, second = await bury(broker, consumers_letter(), consumers_letter(headers={"x-aiops-queue": "gone.work"}))
    with pytest.raises(Stopped, match=r"gone\.work") as failure:
        await office.replay(DEAD, EVERYTHING)
    assert [one.id for one in failure.value.done] == [first]
    assert [one.id for one in await office.browse([DEAD])] == [second]
    assert await count(broker, WORK) == 1


async def replay_again_and_again(broker: Broker, office: DeadLetters) -> None:
    # A quorum queue accepts what was under way when it became full.
    for _ in range(5):
        await office.replay(DEAD, EVERYTHING)
        await bury(broker, consumers_letter())


async def test_a_full_work_queue_leaves_the_letters_in_the_dead_queue(broker: Broker, office: DeadLetters) -> None:
    ids = await bury(broker, *(consumers_letter() for _ in range(3)))
    async with httpx.AsyncClient(base_url=broker.management_url, timeout=10, trust_env=False) as api:
        url = "/api/policies/%2F/test-full"
        definition = {"max-length": 0, "delivery-limit": 10}
        body = {"pattern": rf"^{WORK}$", "definition": definition, "apply-to": "queues", "priority": 9}
        (await api.put(url, json=body)).raise_for_status()
        try:

            async def is_full() -> bool:
                queue = (await api.get(f"/api/queues/%2F/{WORK}")).json()
                return bool(queue.get("effective_policy_definition", {}).get("max-length") == 0)

            await eventually(is_full)
            with pytest.raises(Stopped, match="refused"):
                await replay_again_and_again(broker, office)
        finally:
            (await api.delete(url)).raise_for_status()
    assert await count(broker, DEAD) >= 1
    assert await count(broker, DEAD) + await count(broker, WORK) >= len(ids)


async def test_two_operators_replay_each_letter_once(broker: Broker, operator_url: str, office: DeadLetters) -> None:
    ids = await bury(broker, *(consumers_letter() for _ in range(200)))
    other = DeadLetters(operator_url, name="test-other")
    outcomes = await asyncio.gather(office.replay(DEAD, EVERYTHING), other.replay(DEAD, EVERYTHING))
    rest = await other.replay(DEAD, EVERYTHING)
    await other.stop()
    replayed = [letter.id for outcome in (*outcomes, rest) for letter in outcome]
    assert sorted(replayed) == sorted(ids)
    assert len(await everything_in(broker, WORK)) == 200


async def test_letters_between_others_are_replayed_once_and_the_others_stay(
    broker: Broker, office: DeadLetters
) -> None:
    ids = await bury(broker, *(consumers_letter() for _ in range(400)))
    meant, others = ids[::2], ids[1::2]
    replayed = await office.replay(DEAD, Selection(ids=frozenset(meant)))
    assert sorted(letter.id for letter in replayed) == sorted(meant)
    assert sorted(letter.id for letter in await office.browse([DEAD])) == sorted(others)
    assert len(await everything_in(broker, WORK)) == len(meant)


async def crash_on_all(broker: Broker) -> None:
    """Take what is in the work queue and die, until the broker has had enough."""

    async def dead() -> bool:
        connection = await aio_pika.connect(broker.url_for("changelog"))
        async with connection:
            opened = await connection.channel()
            await (await opened.get_queue(WORK, ensure=False)).get(fail=False)
        return await count(broker, DEAD) > 0

    await eventually(dead, seconds=30)


async def test_a_letter_of_the_broker_by_its_delivery_limit(broker: Broker, office: DeadLetters) -> None:
    async with channel(broker.url_for("gateway")) as opened:
        exchange = await opened.get_exchange("aiops.commands", ensure=False)
        headers = {"x-aiops-principal": "user:ada", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        message = aio_pika.Message(b"{}", headers=headers, message_id="m-1", user_id="gateway")  # type: ignore[arg-type]
        await exchange.publish(message, routing_key="changelog.generate_changelog.v1")
    await crash_on_all(broker)
    (letter,) = await office.browse([DEAD])
    assert (letter.reason, letter.message_id, letter.principal) == ("delivery_limit", "m-1", "user:ada")
    assert (letter.message_type, letter.trace_id) == ("changelog.generate_changelog.v1", TRACE)
    assert await office.browse([DEAD]) == [letter]
    await office.replay(DEAD, Selection(ids=frozenset({letter.id})))
    (back,) = await everything_in(broker, WORK)
    assert back.headers["x-aiops-principal"] == "user:ada"
    assert "x-death" not in back.headers


async def test_what_a_partner_claims_is_not_laundered(broker: Broker, office: DeadLetters) -> None:
    claims = {
        "x-aiops-principal": "user:admin",
        "x-aiops-queue": "auth.requests",
        "x-aiops-dead-id": str(uuid4()),
        "x-death": [{"queue": "gateway.events", "reason": "rejected", "exchange": "aiops.events", "count": 1}],
        "CC": ["gateway.events"],
    }
    await purge(broker.amqp_url, "triage.work", "triage.dead")
    async with channel(broker.url_for("acme")) as opened:
        exchange = await opened.get_exchange("ingress.acme", ensure=False)
        for key in ("triage.triage_ticket.v1", "nobody.wants_it.v1"):
            await exchange.publish(aio_pika.Message(b"{}", headers=claims, user_id="acme"), routing_key=key)  # type: ignore[arg-type]
    async with channel(broker.url_for("triage")) as opened:
        taken = await (await opened.get_queue("triage.work", ensure=False)).get()
        await taken.reject(requeue=False)
    await settles_at(broker, "triage.dead", 1)

    (letter,) = await office.browse(["triage.dead"])
    assert (letter.principal, letter.reason, letter.message_type) == (
        "partner:acme", "rejected", "triage.triage_ticket.v1",
    )  # fmt: skip
    await office.replay("triage.dead", Selection(ids=frozenset({letter.id})))
    (back,) = await everything_in(broker, "triage.work")
    assert back.headers["x-aiops-principal"] == "partner:acme"
    assert not {"x-aiops-queue", "CC", "x-death"} & set(back.headers)

    (stray,) = await office.browse(["unrouted"])
    assert (stray.principal, stray.reason) == ("partner:acme", "unrouted")
    with pytest.raises(NotReplayable, match=str(stray.id)):
        await office.replay("unrouted", EVERYTHING)
    assert await office.discard("unrouted", Selection(ids=frozenset({stray.id}))) == [stray]
    assert await count(broker, "unrouted") == 0


async def test_a_verified_partner_is_the_principal_whatever_x_death_was_forged(
    broker: Broker, office: DeadLetters
) -> None:
    # RabbitMQ 3.10 adds one to the count of an entry that the publisher wrote, and keeps its exchange.
    await purge(broker.amqp_url, "triage.work", "triage.dead")
    forged = [{"queue": "triage.work", "reason": "rejected", "exchange": "aiops.commands", "count": 0}]
    headers = {"x-death": forged, "x-aiops-principal": "user:admin"}
    async with channel(broker.url_for("acme")) as opened:
        exchange = await opened.get_exchange("ingress.acme", ensure=False)
        message = aio_pika.Message(b"{}", headers=headers, user_id="acme")  # type: ignore[arg-type]
        await exchange.publish(message, routing_key="triage.triage_ticket.v1")
    async with channel(broker.url_for("triage")) as opened:
        await (await (await opened.get_queue("triage.work", ensure=False)).get()).reject(requeue=False)
    await settles_at(broker, "triage.dead", 1)
    assert [letter.principal for letter in await office.browse(["triage.dead"])] == ["partner:acme"]
    await purge(broker.amqp_url, "triage.dead")


async def test_a_queue_that_is_missing_or_forbidden_is_named(office: DeadLetters) -> None:
    with pytest.raises(QueueRefused, match=r"no queue 'nobody\.dead'"):
        await office.browse(["nobody.dead"])
    with pytest.raises(QueueRefused, match=r"operator may not read the queue 'changelog\.work'"):
        await office.discard(WORK, EVERYTHING)


@pytest.mark.parametrize("exchange", ["aiops.commands", "aiops.events", "aiops.dead", "ingress.acme", ""])
async def test_an_operator_writes_to_the_retry_exchange_only(operator_url: str, exchange: str) -> None:
    async with channel(operator_url) as opened:
        target = await opened.get_exchange(exchange, ensure=False) if exchange else opened.default_exchange
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await target.publish(aio_pika.Message(b""), routing_key=WORK)


async def test_the_gateway_may_look_after_dead_letters_too(broker: Broker, office: DeadLetters) -> None:
    (one,) = await bury(broker, consumers_letter())
    gateway = DeadLetters(broker.url_for("gateway"), name="test-gateway")
    assert [letter.id for letter in await gateway.replay(DEAD, EVERYTHING)] == [one]
    await gateway.stop()
    assert [back.user_id for back in await everything_in(broker, WORK)] == ["gateway"]


async def command(operator_url: str, *arguments: str) -> tuple[int, list[str], str]:
    """Exit status, lines and complaints of the command line, run as the operator."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aiops_common.messaging.deadletter", *arguments, cwd=ROOT,
        env={**os.environ, "AMQP_URL": operator_url}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, complaints = await process.communicate()
    return process.returncode or 0, out.decode().splitlines(), complaints.decode()


async def test_the_command_line(broker: Broker, operator_url: str, office: DeadLetters) -> None:
    first, second = await bury(broker, consumers_letter(), consumers_letter(headers={"x-aiops-reason": "not_json"}))

    status, lines, _ = await command(operator_url, "list", "--json", "--reason", "not_json")
    assert (status, [json.loads(line)["id"] for line in lines]) == (0, [str(second)])
    status, lines, _ = await command(operator_url, "show", str(first))
    assert (status, lines[-1]) == (0, '{"a": 1}')

    unknown = str(uuid4())
    status, _, complaint = await command(operator_url, "replay", "--queue", DEAD, "--id", str(first), "--id", unknown)
    assert (status, unknown in complaint, await count(broker, DEAD)) == (1, True, 2)
    status, lines, _ = await command(operator_url, "replay", "--queue", DEAD, "--all", "--dry-run")
    assert (status, lines[-1], await count(broker, DEAD)) == (0, "would replay 2", 2)

    status, lines, _ = await command(operator_url, "replay", "--queue", DEAD, "--id", str(first))
    assert (status, lines[-1]) == (0, "replayed 1")
    status, lines, _ = await command(operator_url, "discard", "--queue", DEAD, "--all")
    assert (status, lines[-1], await count(broker, DEAD)) == (0, "discarded 1", 0)
    status, lines, complaint = await command(operator_url, "list", "--queue", DEAD)
    assert (status, lines, "no dead letter matched" in complaint) == (0, [], True)
    assert len(await everything_in(broker, WORK)) == 1
