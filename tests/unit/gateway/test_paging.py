"""Cursors and page requests, also those that nobody ever got from us."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_gateway.domain.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, InvalidPage, PageRequest, Position

TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 -- made aware by `timezones`
    timezones=st.just(UTC),
)


@given(TIMES, st.uuids())
def test_a_cursor_leads_back_to_its_position(created_at: datetime, identity: UUID) -> None:
    position = Position(created_at, identity)
    assert Position.parse(position.cursor(), "after") == position


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_cursor_or_told_not_to_be(text: str) -> None:
    try:
        position = Position.parse(text, "before")
    except InvalidPage as error:
        told = str(error)
    else:
        told = "before is not a cursor of this list" if position.cursor() != text else ""
    assert told in ("", "before is not a cursor of this list")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "====",
        base64.urlsafe_b64encode(b"\xff" * 24).decode(),
        base64.urlsafe_b64encode(b"\x00" * 23).decode(),
        base64.urlsafe_b64encode(b"\x00" * 25).decode(),
        "\ud800",
        "é" * 32,
        "A" * 1_000_000,
    ],
    ids=lambda cursor: repr(cursor[:12]),
)
def test_garbage_is_no_cursor(cursor: str) -> None:
    with pytest.raises(InvalidPage, match="after is not a cursor of this list"):
        PageRequest.of(1, cursor, None, None)


@pytest.mark.parametrize("size", [0, -1, MAX_PAGE_SIZE + 1, 2**31])
@pytest.mark.parametrize("argument", ["first", "last"])
def test_a_size_out_of_bounds_is_named(argument: str, size: int) -> None:
    first, last = (size, None) if argument == "first" else (None, size)
    with pytest.raises(InvalidPage, match=f"{argument} must be between 1 and 100, not {size}"):
        PageRequest.of(first, None, last, None)


def test_first_and_last_exclude_each_other() -> None:
    with pytest.raises(InvalidPage, match="first or last"):
        PageRequest.of(1, None, 1, None)


def test_what_is_asked_for_is_what_one_gets() -> None:
    position = Position(datetime(2025, 3, 4, tzinfo=UTC), UUID(int=1))
    assert PageRequest.of(None, None, None, None) == PageRequest(DEFAULT_PAGE_SIZE, None, None, False)
    assert PageRequest.of(1, position.cursor(), None, None) == PageRequest(1, position, None, False)
    assert PageRequest.of(None, None, MAX_PAGE_SIZE, position.cursor()) == PageRequest(100, None, position, True)
