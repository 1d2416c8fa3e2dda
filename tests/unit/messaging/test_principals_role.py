"""The role of whoever asked: carried for feature flags, believed only where the principal is."""

from typing import Any

import pytest

from aiops_common.messaging.incoming import Incoming
from aiops_common.messaging.message import outgoing
from aiops_common.messaging.names import PRINCIPAL_HEADER, ROLE_HEADER
from aiops_contracts.triage import TriageTicket
from support.fake_broker import FakeIncoming

OURS = frozenset({"gateway", "shop"})
ADA = {PRINCIPAL_HEADER: "user:ada", ROLE_HEADER: "OPS"}


def incoming(**changes: Any) -> Incoming:
    return Incoming.of(FakeIncoming(**{"body": b"{}", **changes}).raw, OURS)


def test_a_message_says_in_which_role_it_was_asked_for() -> None:
    command = TriageTicket(title="t", body="b")
    sent = outgoing(command, exchange="aiops.commands", source="x", principal="user:ada", role="OPS", trace_headers={})
    assert sent.headers == ADA
    assert incoming(user_id="gateway", headers=dict(sent.headers)).role == "OPS"
    assert ROLE_HEADER not in outgoing(command, exchange="aiops.commands", source="x").headers


def test_a_copy_keeps_it() -> None:
    assert incoming(user_id="gateway", headers=ADA).principal_header() == ADA


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "acme", "headers": ADA},
        {"user_id": None, "headers": ADA},
        {"user_id": "acme", "headers": ADA, "exchange": "ingress.acme"},
        {"user_id": "gateway", "headers": {ROLE_HEADER: "ADMIN"}},  # of nobody in particular
        {"user_id": "gateway", "headers": {**ADA, ROLE_HEADER: 7}},
        {"user_id": "gateway", "headers": {**ADA, ROLE_HEADER: "A" * 51}},
    ],
)
def test_what_a_stranger_claims_counts_for_nothing(changes: dict[str, Any]) -> None:
    found = incoming(**changes)
    assert found.role is None
    assert ROLE_HEADER not in found.principal_header()
