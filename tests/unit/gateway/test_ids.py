"""Global ids."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_gateway.graphql.ids import from_global_id, to_global_id, uuid_of


@given(st.sampled_from(["LogEntry", "Ticket", "Changelog", "User"]), st.uuids())
def test_an_id_leads_back_to_its_object(type_name: str, identity: UUID) -> None:
    global_id = to_global_id(type_name, identity)
    assert from_global_id(global_id) == (type_name, identity)
    assert uuid_of(global_id, type_name) == identity
    assert global_id.isascii()
    assert not set(global_id) & set("+/=")


def test_an_id_of_another_type_is_not_taken() -> None:
    assert uuid_of(to_global_id("User", UUID(int=1)), "Ticket") is None


@given(st.text(max_size=80))
def test_any_text_is_an_id_or_none(text: str) -> None:
    parsed = from_global_id(text)
    assert parsed is None or isinstance(parsed[1], UUID)


@pytest.mark.parametrize(
    "text", ["", "a", "VGlja2V0", "\ud800", "é", "VGlja2V0OicgT1IgMT0x", str(UUID(int=1)), "A" * 10**6]
)
def test_garbage_is_no_id(text: str) -> None:
    assert from_global_id(text) is None
