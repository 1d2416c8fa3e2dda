"""Who may do what: every root field is in the table, and the table says what it always said."""

from uuid import UUID

import pytest
from graphql import GraphQLObjectType

from aiops_gateway.domain.access import (
    AUDITED,
    OPERATIONS,
    PUBLIC_OPERATIONS,
    Forbidden,
    Role,
    Unauthenticated,
    Viewer,
    masked_fields,
    may_see,
    may_use,
    require,
)
from unit.gateway.schema import published


def _root_fields() -> set[str]:
    schema = published()
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    return {name for root in roots if root is not None for name in root.fields}


def _viewer(role: Role) -> Viewer:
    return Viewer(UUID(int=1), role)


def test_every_root_field_is_either_guarded_or_public() -> None:
    assert _root_fields() == OPERATIONS.keys() | PUBLIC_OPERATIONS
    assert OPERATIONS.keys() & PUBLIC_OPERATIONS == set()


def test_what_is_audited_is_guarded() -> None:
    assert OPERATIONS.keys() >= AUDITED


def test_every_masked_field_exists_and_may_be_null() -> None:
    for path in masked_fields():
        type_name, field = path.split(".")
        kind = published().get_type(type_name)
        assert isinstance(kind, GraphQLObjectType)
        assert not str(kind.fields[field].type).endswith("!"), path


@pytest.mark.parametrize(
    ("operation", "roles"),
    [
        ("users", "ADMIN"),
        ("deadLetters", "ADMIN"),
        ("setUserRole", "ADMIN"),
        ("replayDeadLetters", "ADMIN"),
        ("summarizeLog", "ADMIN OPS"),
        ("generateChangelog", "ADMIN OPS"),
        ("updateTicketStatus", "ADMIN OPS"),
        ("correctTriage", "ADMIN OPS HR"),
        ("editChangelog", "ADMIN OPS"),
        ("approveChangelog", "ADMIN OPS"),
        ("publishChangelog", "ADMIN OPS"),
        ("reopenChangelog", "ADMIN OPS"),
        ("llmRuns", "ADMIN"),
        ("triageTicket", "ADMIN OPS HR"),
        ("tickets", "ADMIN OPS HR VIEWER"),
        ("ticketChanged", "ADMIN OPS HR VIEWER"),
    ],
)
def test_who_may_call(operation: str, roles: str) -> None:
    allowed = set()
    for role in Role:
        try:
            allowed.add(require(_viewer(role), operation).role)
        except Forbidden:
            continue
    assert allowed == {Role(role) for role in roles.split()}
    assert allowed == {role for role in Role if may_use(_viewer(role), operation)}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_nobody_gets_in_without_a_log_in(operation: str) -> None:
    with pytest.raises(Unauthenticated):
        require(None, operation)


def test_a_refusal_names_the_operation_and_the_roles() -> None:
    with pytest.raises(Forbidden, match=r"summarizeLog needs one of the roles ADMIN, OPS; yours is HR"):
        require(_viewer(Role.HR), "summarizeLog")


@pytest.mark.parametrize(
    ("field", "roles"),
    [
        ("LogEntry.content", "ADMIN OPS"),
        ("Ticket.body", "ADMIN OPS HR"),
        ("Ticket.reporterEmail", "ADMIN HR"),
        ("Ticket.title", "ADMIN OPS HR VIEWER"),
        ("SimilarTicket.title", "ADMIN OPS HR VIEWER"),
        ("LlmRun.input", "ADMIN"),
    ],
)
def test_who_sees(field: str, roles: str) -> None:
    assert {role for role in Role if may_see(_viewer(role), field)} == {Role(role) for role in roles.split()}


def test_a_principal_is_named_by_its_account() -> None:
    assert _viewer(Role.OPS).principal == f"user:{UUID(int=1)}"
