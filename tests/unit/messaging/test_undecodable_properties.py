"""Properties that a publisher may write and the client library cannot read."""

import struct

import pytest
from pamqp.commands import Basic

import aiops_common.messaging.connection  # noqa: F401 -- what is tested is what its import does


def read(raw: bytes) -> Basic.Properties:
    """The properties as they come off the wire: 16 bits of flags, then the values."""
    (flags,) = struct.unpack(">H", raw[:2])
    properties = Basic.Properties()
    properties.unmarshal(flags, raw[2:])
    return properties


def test_what_can_be_read_is_read() -> None:
    found = read(Basic.Properties(content_type="application/json", message_id="abc", headers={"a": 1}).marshal())
    assert (found.content_type, found.message_id, found.headers) == ("application/json", "abc", {"a": 1})


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"abc", b"\xff\xfe\xfd"),
        (b"key", b"\xc3\x28\xa0"),
        (b"value", b"\xff\xff\xff\xff\xff"),
        (b"\x03abc", b"\xffabc"),
    ],
    ids=["id", "name of a header", "value of a header", "length"],
)
def test_what_cannot_be_read_raises_nothing(was: bytes, becomes: bytes) -> None:
    raw = Basic.Properties(content_type="text/plain", message_id="abc", headers={"key": "value"}).marshal()
    assert was in raw
    read(raw.replace(was, becomes))
