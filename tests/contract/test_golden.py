"""What was once on the wire is understood for ever: a golden payload is added with its type and never edited."""

import json
from typing import Any

import pytest

from aiops_common.messaging.message import Poison, decode_data, decode_envelope, encode
from contract.wire import GOLDEN, all_messages, golden, losses

TYPES = sorted(all_messages())


def test_every_type_has_a_golden_payload_and_every_golden_payload_a_type() -> None:
    assert sorted(file.name for file in GOLDEN.iterdir()) == [f"{name}.json" for name in TYPES]


@pytest.mark.parametrize("message_type", TYPES)
def test_a_golden_payload_means_what_it_meant(message_type: str) -> None:
    envelope = decode_envelope(golden(message_type))
    message = decode_data(envelope, all_messages()[message_type])
    again = encode(
        message, message_id=envelope.id, source=envelope.source, subject=envelope.subject, time=envelope.time
    )
    assert losses(json.loads(golden(message_type)), json.loads(again)) == []


@pytest.mark.parametrize("message_type", TYPES)
def test_what_a_newer_publisher_adds_is_ignored(message_type: str) -> None:
    document = json.loads(golden(message_type))
    known = decode_data(decode_envelope(golden(message_type)), all_messages()[message_type])
    document["traceparent"] = "00-0-0-00"
    grown = decode_envelope(json.dumps(_with_unknown_members(document)).encode())
    assert decode_data(grown, all_messages()[message_type]) == known


def _with_unknown_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{key: _grown(key, item) for key, item in value.items()}, "x_added_later": {"a": [1]}}
    if isinstance(value, list):
        return [_with_unknown_members(item) for item in value]
    return value


def _grown(key: str, value: Any) -> Any:
    # A JWK is not ours to extend and details are a map: kept as they are, so an unknown member is a member.
    return value if key in {"jwk", "details"} else _with_unknown_members(value)


@pytest.mark.parametrize(
    "message_type",
    [name for name, kind in all_messages().items() if any(field.is_required() for field in kind.model_fields.values())],
)
def test_a_payload_without_its_members_is_refused(message_type: str) -> None:
    document = {**json.loads(golden(message_type)), "data": {}}
    with pytest.raises(Poison) as refused:
        decode_data(decode_envelope(json.dumps(document).encode()), all_messages()[message_type])
    assert refused.value.reason == "bad_payload"


@pytest.mark.parametrize("message_type", TYPES)
def test_a_type_names_its_owner_and_its_version(message_type: str) -> None:
    owner, name, version = message_type.split(".")
    kind = all_messages()[message_type]
    assert kind.__module__ == f"aiops_contracts.{owner}"
    assert name == "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).removeprefix("_")
    assert version.startswith("v")
    assert int(version[1:]) >= 1


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ({"a": 1}, {"a": 1, "b": None}, []),
        ({"a": 1}, {"b": 1}, ["$.a is gone"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["$.a[0].b was 1, is 2"]),
        ({"a": [1]}, {"a": [1, 2]}, ["$.a was [1], is [1, 2]"]),
        ({"a": 1}, {"a": True}, ["$.a was 1, is true"]),
    ],
)
def test_a_loss_is_told(was: object, now: object, told: list[str]) -> None:
    assert losses(was, now) == told
