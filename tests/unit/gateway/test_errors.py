"""Errors as clients see them: a code always, the inside never."""

from uuid import UUID

import pytest
from graphql import GraphQLError
from strawberry.types import ExecutionResult

from aiops_common.messaging.deadletter import BrokerUnavailable, Stopped
from aiops_common.messaging.requests import NoReply
from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import Forbidden, Unauthenticated
from aiops_gateway.domain.paging import InvalidPage
from aiops_gateway.graphql.errors import present, user_errors
from aiops_gateway.graphql.inputs import InvalidInput
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.changes import ChangesMissed, SlowReader
from aiops_gateway.service.dead_letters import UnknownQueue
from aiops_gateway.service.reading import NotThere
from unit.gateway.schema import built

SECRET = "postgresql://gateway:hunter2@db/aiops"


def shown(original: Exception) -> GraphQLError:
    return present(GraphQLError(str(original), path=["tickets", 0], original_error=original))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unauthenticated("log in"), "UNAUTHENTICATED"),
        (Forbidden("not you"), "FORBIDDEN"),
        (InvalidPage("first is wrong"), "BAD_USER_INPUT"),
        (UnknownQueue("x.dead"), "BAD_USER_INPUT"),
        (SlowReader("read faster"), "LIMIT_EXCEEDED"),
        (ChangesMissed("read again"), "RESUBSCRIBE"),
        (NotThere("there is none"), "BAD_USER_INPUT"),
        (GraphQLError("id is wrong"), "BAD_USER_INPUT"),
    ],
)
def test_what_the_client_can_mend_is_told(error: Exception, code: str) -> None:
    told = shown(error)
    assert (told.message, told.extensions, told.path) == (str(error), {"code": code}, ["tickets", 0])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatabaseUnavailable(SECRET), "UNAVAILABLE"),
        (NoReply(SECRET), "UNAVAILABLE"),
        (BrokerUnavailable(SECRET), "UNAVAILABLE"),
        (Stopped(SECRET, []), "UNAVAILABLE"),
        (RuntimeError(SECRET), "INTERNAL"),
        (KeyError(SECRET), "INTERNAL"),
        (TimeoutError(SECRET), "INTERNAL"),
    ],
)
def test_what_went_wrong_inside_is_masked(error: Exception, code: str) -> None:
    told = shown(error)
    assert told.extensions is not None
    assert told.extensions["code"] == code
    assert UUID(told.extensions["correlationId"])
    assert told.extensions.keys() == {"code", "correlationId"}
    assert "hunter2" not in f"{told}{told.formatted}"
    assert told.original_error is None


def test_each_fault_has_a_number_of_its_own() -> None:
    first, second = shown(RuntimeError("a")), shown(RuntimeError("a"))
    assert first.extensions != second.extensions


def test_an_error_of_the_query_keeps_its_text_and_gets_a_code() -> None:
    told = present(GraphQLError("Cannot query field 'x'"))
    assert (told.message, told.extensions) == ("Cannot query field 'x'", {"code": "BAD_USER_INPUT"})


def test_what_was_presented_before_stays_as_it_is() -> None:
    once = shown(RuntimeError(SECRET))
    assert present(once).formatted == once.formatted


@pytest.mark.parametrize(
    "query",
    [
        "{ " + " ".join(f"a{i}: me {{ id }}" for i in range(31)) + " }",
        "{ " + "me { id } " * 600 + "}",
        "{ a { b { c { d { e { f { g { h { i { j { k { l { m { n { o } } } } } } } } } } } } } } }",
    ],
    ids=["aliases", "tokens", "depth"],
)
async def test_a_document_over_a_limit_is_told_so_and_not_run(query: str) -> None:
    result = await built().execute(query)
    assert isinstance(result, ExecutionResult)
    assert result.data is None
    assert result.errors
    assert {"code": "LIMIT_EXCEEDED"} in [error.extensions for error in result.errors]


def test_mistakes_in_an_input_are_data() -> None:
    (error,) = user_errors(InvalidInput([(["commits", "0"], "should not be empty")]))
    assert (error.code.value, error.field, error.message) == (
        "INVALID_INPUT", ["commits", "0"], "should not be empty",
    )  # fmt: skip
    (whole,) = user_errors(InvalidInput([([], "give one")]))
    assert whole.field is None
    (reused,) = user_errors(KeyReused())
    assert (reused.code.value, reused.field) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
