"""Decoding what anybody may have sent, and encoding what we send."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace

from aiops_common.messaging.message import (
    MAX_MESSAGE_BYTES,
    Poison,
    decode_data,
    decode_envelope,
    new_message_id,
    outgoing,
    trace_context,
)
from aiops_contracts.base import Command, Text

NOW = datetime(2025, 3, 4, 9, 15, tzinfo=UTC)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Weigh(Command):
    """A command of nobody."""

    message_type: ClassVar[str] = "test_message.weigh.v1"
    what: Text
    grams: int = 0


def envelope(**changes: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(UUID(int=1)),
        "source": "aiops/test",
        "type": Weigh.message_type,
        "time": "2025-03-04T09:15:00Z",
        "data": {"what": "flour"},
    }
    return {key: value for key, value in {**attributes, **changes}.items() if value is not ...}


def refusal(body: bytes) -> Poison:
    with pytest.raises(Poison) as refused:
        decode_data(decode_envelope(body), Weigh)
    return refused.value


def _with_data(text: bytes) -> bytes:
    return json.dumps(envelope(data={"what": "@"})).encode().replace(b'"@"', text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\x00",
        b"{",
        b'{"specversion": "1.0", "id"',
        b"\xff\xfe{}",
        '{"a": "é"}'.encode("latin-1"),
        _with_data(b"NaN"),
        _with_data(b"Infinity"),
        _with_data(b"-Infinity"),
        _with_data(b'"\\ud800"'),
        _with_data(b"[" * 200_000 + b"]" * 200_000),
        _with_data(b'{"a":' * 200_000 + b"1" + b"}" * 200_000),
        b"[" * 200_000,
        _with_data(b'"a\nb"'),
        _with_data(b'"x",}'),
    ],
    ids=lambda body: repr(body[-24:]) + str(len(body)),
)
def test_what_is_no_json_is_poison(body: bytes) -> None:
    assert refusal(body).reason == "not_json"


@pytest.mark.parametrize("body", [b"null", b"1", b'"text"', b"[]", b"{}", b"true"])
def test_what_is_no_envelope_is_poison(body: bytes) -> None:
    assert refusal(body).reason == "bad_envelope"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("id", ...),
        ("id", "not-a-uuid"),
        ("id", 5),
        ("id", None),
        ("source", ""),
        ("source", "s" * 201),
        ("type", ...),
        ("type", ""),
        ("type", ["a"]),
        ("time", ...),
        ("time", "2025-03-04T09:15:00"),
        ("time", "yesterday"),
        ("specversion", "2.0"),
        ("specversion", 1.0),
        ("datacontenttype", "text/xml"),
        ("subject", "s" * 201),
        ("data", ...),
        ("data", None),
        ("data", "text"),
        ("data", [1]),
    ],
)
def test_a_wrong_attribute_is_poison_and_named(attribute: str, value: Any) -> None:
    error = refusal(json.dumps(envelope(**{attribute: value})).encode())
    assert error.reason == "bad_envelope"
    assert attribute in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b'{"what": 5}',
        b'{"what": null}',
        b'{"what": "a\\u0000b"}',
        b'{"what": "x", "grams": "heavy"}',
        b'{"what": "x", "grams": 1.5}',
        b'{"what": "x", "grams": 1e400}',
        b"{}",
    ],
)
def test_a_payload_that_breaks_its_schema_is_poison(data: bytes) -> None:
    body = json.dumps(envelope(data="@")).encode().replace(b'"@"', data)
    assert refusal(body).reason in {"bad_payload", "not_json"}


def test_an_integer_of_six_thousand_digits_is_poison() -> None:
    # Python itself refuses to convert it (CVE-2020-10735); nothing but Poison may come out all the same.
    assert refusal(_with_data(b'"x", "grams": ' + b"9" * 6000)).reason in {"bad_payload", "not_json"}


def test_a_body_over_the_limit_is_poison_before_it_is_parsed() -> None:
    assert refusal(b"[" + b" " * MAX_MESSAGE_BYTES).reason == "too_large"


def test_a_large_body_within_the_limit_is_read() -> None:
    body = json.dumps(envelope(data={"what": "x" * 10_000_000})).encode()
    assert len(decode_data(decode_envelope(body), Weigh).what) == 10_000_000


def test_the_refusal_never_quotes_the_message() -> None:
    secret = "hunter2-hunter2"
    for body in (
        json.dumps(envelope(data={"what": {"x": secret}, secret: 1})).encode(),
        json.dumps(envelope(id=secret, source=[secret], time=secret)).encode(),
        f'{{"a": "{secret}'.encode(),
    ):
        assert secret not in str(refusal(body))


def test_many_problems_are_told_in_short() -> None:
    error = refusal(json.dumps({"source": "", "type": "", "time": "x", "id": 1, "data": 1, "subject": 1}).encode())
    assert str(error).endswith("; and 1 more")
    assert str(error).count(";") == 5


def test_unknown_attributes_and_members_are_ignored() -> None:
    body = json.dumps(envelope(traceparent="x", data={"what": "flour", "since": [1]})).encode()
    assert decode_data(decode_envelope(body), Weigh) == Weigh(what="flour")


def test_times_arrive_in_utc() -> None:
    time = decode_envelope(json.dumps(envelope(time="2025-03-04T11:15:00+02:00")).encode()).time
    assert (time, time.tzinfo) == (NOW, UTC)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_poison(body: bytes) -> None:
    with pytest.raises(Poison):
        decode_envelope(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # of making such documents, on a busy machine
@given(st.dictionaries(st.sampled_from([*envelope(), "subject", "x"]), JSON))
def test_any_attributes_are_decoded_or_poison(changes: dict[str, Any]) -> None:
    with contextlib.suppress(Poison):  # any other exception fails the test
        decode_data(decode_envelope(json.dumps(envelope(**changes)).encode()), Weigh)


def test_what_goes_out_can_be_read_back() -> None:
    message = outgoing(
        Weigh(what="mehl — größer"),
        exchange="aiops.commands",
        source="aiops/test",
        subject="s",
        message_id=UUID(int=9),
        principal="user:1",
        trace_headers={"traceparent": TRACEPARENT},
        time=NOW,
    )
    assert (message.id, message.exchange, message.routing_key) == (UUID(int=9), "aiops.commands", Weigh.message_type)
    assert message.headers == {"traceparent": TRACEPARENT, "x-aiops-principal": "user:1"}
    read = decode_envelope(message.body)
    assert (read.id, read.source, read.subject, read.time) == (UUID(int=9), "aiops/test", "s", NOW)
    assert decode_data(read, Weigh) == Weigh(what="mehl — größer")


def test_the_body_is_not_shown_with_the_message() -> None:
    assert "flour" not in repr(outgoing(Weigh(what="flour"), exchange="x", source="s", trace_headers={}))


def test_new_ids_are_of_version_7_and_in_order() -> None:
    ids = [new_message_id() for _ in range(100)]
    assert {identity.version for identity in ids} == {7}
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    "headers",
    [{}, {"traceparent": 5}, {"traceparent": b"x"}, {"traceparent": None}, {"traceparent": "x", "tracestate": {}}],
)
def test_trace_headers_that_cannot_be_used_begin_a_new_trace(headers: dict[str, object]) -> None:
    assert dict(trace_context(headers)) == {}


def test_the_trace_of_the_sender_is_continued() -> None:
    context = trace.get_current_span(trace_context({"traceparent": TRACEPARENT})).get_span_context()
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == tuple(TRACEPARENT.split("-")[1:3])
