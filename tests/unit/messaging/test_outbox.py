"""What the outbox does around its statements; the statements themselves are tested on PostgreSQL."""

from typing import Any, cast
from uuid import UUID

from aiops_common.messaging import outbox
from aiops_common.messaging.message import Outgoing
from aiops_common.postgres import Connection


class Recorder:
    """A connection that answers what it was told to and keeps the arguments."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.calls: list[tuple[Any, ...]] = []

    async def execute(self, _statement: str, *arguments: Any) -> Any:
        self.calls.append(arguments)
        return self.answer

    fetch = execute


def _connection(recorder: Recorder) -> Connection:
    return cast(Connection, recorder)


def _message(number: int) -> Outgoing:
    return Outgoing(UUID(int=number), "aiops.events", f"shop.sold.v{number}", b"{}", {"traceparent": f"t{number}"})


async def test_nothing_to_send_asks_nothing_of_the_database() -> None:
    recorder = Recorder()
    await outbox.append(_connection(recorder), [])
    assert recorder.calls == []


async def test_messages_are_written_in_one_statement_column_by_column() -> None:
    recorder = Recorder()
    await outbox.append(_connection(recorder), [_message(1), _message(2)], lease_seconds=10)
    ((ids, exchanges, keys, bodies, headers, lease),) = recorder.calls
    assert lease == 10
    assert ids == [UUID(int=1), UUID(int=2)]
    assert (exchanges, keys) == (["aiops.events"] * 2, ["shop.sold.v1", "shop.sold.v2"])
    assert (bodies, headers) == ([b"{}"] * 2, [b'{"traceparent":"t1"}', b'{"traceparent":"t2"}'])


async def test_messages_without_a_lease_wake_the_relays() -> None:
    recorder = Recorder()
    await outbox.append(_connection(recorder), [_message(1)])
    _insert, notification = recorder.calls
    assert notification == ()


async def test_claimed_messages_come_in_the_order_of_writing_whatever_the_database_returns() -> None:
    rows = [
        {"seq": seq, "id": UUID(int=seq), "exchange": "aiops.events", "routing_key": f"shop.sold.v{seq}",
         "body": memoryview(b"{}"), "headers": b'{"traceparent":"t%d"}' % seq}
        for seq in (11, 2, 3)
    ]  # fmt: skip
    claimed = await outbox.claim(_connection(Recorder(rows)), limit=10, lease_seconds=30)
    assert claimed == [_message(2), _message(3), _message(11)]


async def test_how_many_were_deleted_is_read_from_the_status() -> None:
    assert await outbox.delete_sent(_connection(Recorder("DELETE 17")), older_than_seconds=1, limit=100) == 17


def test_each_schema_has_its_own_channel() -> None:
    assert outbox.channel("shop") == "outbox_shop"
