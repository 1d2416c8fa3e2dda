"""What clients may send by mistake or on purpose, and how it is refused."""

import json
from collections.abc import AsyncIterator

import pytest

from e2e import documents
from e2e.conftest import Accounts
from support.graphql import GraphqlClient, code_of, post, user_error_codes

MIB = 1024 * 1024
LOG = {"source": "s", "content": "c"}
TICKET = {"title": "t", "body": "b"}
COMMITS = {"project": "p", "commits": [{"message": "fix: x"}]}
LONG = "x" * 501


@pytest.mark.parametrize(
    ("document", "values", "field"),
    [
        (documents.SUMMARIZE_LOG, {**LOG, "content": ""}, ["content"]),
        (documents.SUMMARIZE_LOG, {**LOG, "content": "a\x00b"}, ["content"]),
        (documents.SUMMARIZE_LOG, {**LOG, "source": ""}, ["source"]),
        (documents.SUMMARIZE_LOG, {**LOG, "idempotencyKey": ""}, ["idempotencyKey"]),
        (documents.TRIAGE_TICKET, {**TICKET, "title": ""}, ["title"]),
        (documents.TRIAGE_TICKET, {**TICKET, "title": LONG}, ["title"]),
        (documents.TRIAGE_TICKET, {**TICKET, "body": "\x00"}, ["body"]),
        (documents.TRIAGE_TICKET, {**TICKET, "reporterEmail": "nobody"}, ["reporterEmail"]),
        (documents.TRIAGE_TICKET, {**TICKET, "source": ""}, ["source"]),
        (documents.TRIAGE_TICKET, {**TICKET, "idempotencyKey": LONG}, ["idempotencyKey"]),
        (documents.GENERATE_CHANGELOG, {"project": "p"}, None),
        (documents.GENERATE_CHANGELOG, {**COMMITS, "entries": []}, None),
        (documents.GENERATE_CHANGELOG, {**COMMITS, "project": ""}, ["project"]),
        (documents.GENERATE_CHANGELOG, {"project": "p", "commits": [{"message": ""}]}, ["commits", "0", "message"]),
        (
            documents.GENERATE_CHANGELOG,
            {"project": "p", "commits": [{"message": "m", "hash": "no hash"}]},
            ["commits", "0", "hash"],
        ),
        (
            documents.GENERATE_CHANGELOG,
            {"project": "p", "commits": [{"message": "m", "committedAt": "2026-01-01T00:00:00"}]},
            ["commits", "0", "committedAt"],
        ),
        (
            documents.GENERATE_CHANGELOG,
            {"project": "p", "entries": [{"section": "ADDED", "text": ""}]},
            ["entries", "0", "text"],
        ),
    ],
)
async def test_a_mistake_is_data_that_names_the_field(
    admin: GraphqlClient, document: str, values: dict[str, object], field: list[str] | None
) -> None:
    payload = next(iter((await admin.execute(document, input=values)).values()))
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID_INPUT", field)]
    assert payload["userErrors"][0]["message"]
    assert [value for name, value in payload.items() if name != "userErrors"] == [None]


@pytest.mark.parametrize(
    ("content", "fits"), [("x" * MIB, True), ("x" * (MIB + 1), False), ("ä" * (MIB // 2 + 1), False)]
)
async def test_a_log_has_at_most_one_mebibyte_of_utf8(admin: GraphqlClient, content: str, fits: bool) -> None:
    document = (
        "mutation($input: SummarizeLogInput!) { summarizeLog(input: $input) { userErrors { code field message } } }"
    )
    answer = await admin.execute(document, input={"source": "big", "content": content})
    errors = answer["summarizeLog"]["userErrors"]
    if fits:
        assert errors == []
    else:
        assert [(error["code"], error["field"]) for error in errors] == [("INVALID_INPUT", ["content"])]
        assert str(MIB) in errors[0]["message"]


async def test_a_lone_surrogate_cannot_come_in(admin: GraphqlClient) -> None:
    body = {"query": documents.TRIAGE_TICKET, "variables": {"input": {**TICKET, "body": "\ud800"}}}
    answer = (await post(admin, body)).json()
    assert user_error_codes(answer["data"]["triageTicket"]) == [("INVALID_INPUT", ("body",))]
    for variables in ({"text": "\ud800"}, {"state": "\ud800"}):
        refused = await post(admin, {"query": documents.TICKETS, "variables": {"filter": variables}})
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (200, "BAD_USER_INPUT")
    key = {"query": documents.TRIAGE_TICKET, "variables": {"input": {**TICKET, "idempotencyKey": "\udfff"}}}
    answer = (await post(admin, key)).json()
    assert user_error_codes(answer["data"]["triageTicket"]) == [("INVALID_INPUT", ("idempotencyKey",))]


@pytest.mark.parametrize("value", ["", "x", "T", "Ticket:1", "\x00", "ä", "VGlja2V0OnNvbWV0aGluZw"])
async def test_what_is_no_id_is_not_found(admin: GraphqlClient, value: str) -> None:
    fields = " ".join(f"{name}(id: $id) {{ id }}" for name in ("ticket", "logEntry", "changelog", "node"))
    found = await admin.execute(f"query($id: ID!) {{ {fields} }}", id=value)
    assert found == {"ticket": None, "logEntry": None, "changelog": None, "node": None}
    change = {"ticketId": value, "status": "CLOSED", "expectedVersion": 1}
    answer = await admin.execute(documents.UPDATE_TICKET_STATUS, input=change)
    assert user_error_codes(answer["updateTicketStatus"]) == [("NOT_FOUND", ("ticketId",))]
    role = {"userId": value, "role": "HR", "expectedVersion": 1}
    answer = await admin.execute(documents.SET_USER_ROLE, input=role)
    assert user_error_codes(answer["setUserRole"]) == [("NOT_FOUND", ("userId",))]


async def test_an_id_that_nothing_has_is_not_found(admin: GraphqlClient) -> None:
    # Ticket:00000000-0000-4000-8000-000000000000
    nobody = "VGlja2V0OjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMA"
    assert (await admin.execute("query($id: ID!) { ticket(id: $id) { id } }", id=nobody)) == {"ticket": None}
    change = {"ticketId": nobody, "status": "CLOSED", "expectedVersion": 1}
    answer = await admin.execute(documents.UPDATE_TICKET_STATUS, input=change)
    assert user_error_codes(answer["updateTicketStatus"]) == [("NOT_FOUND", ("ticketId",))]


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0", "first: -1", "first: 101", "last: 101", "first: 1, last: 1", 'after: "x"', 'before: "äöü"',
        'after: "////////////////////////////////"', r'filter: {text: "\u0000"}',
        "filter: {status: SHUT}", "first: 99999999999",
    ],
)  # fmt: skip
async def test_a_page_or_filter_that_cannot_be_is_bad_input(admin: GraphqlClient, arguments: str) -> None:
    assert await code_of(admin, f"{{ tickets({arguments}) {{ nodes {{ id }} }} }}") == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "arguments", ['createdAfter: "2026-01-01T00:00:00"', 'createdBefore: "yesterday"', r'source: "\u0000"']
)
async def test_a_filter_of_logs_that_cannot_be_is_bad_input(admin: GraphqlClient, arguments: str) -> None:
    assert await code_of(admin, f"{{ logEntries(filter: {{{arguments}}}) {{ totalCount }} }}") == "BAD_USER_INPUT"


@pytest.mark.parametrize("token", [None, "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "x" * 5000])
async def test_without_a_good_token_nobody_is_let_in(accounts: Accounts, token: str | None) -> None:
    somebody = accounts.visitor if token is None else accounts.visitor.signed_in(token)
    assert await code_of(somebody, documents.ME) == "UNAUTHENTICATED"
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=TICKET) == "UNAUTHENTICATED"


async def test_another_scheme_is_no_token(admin: GraphqlClient) -> None:
    answer = await post(admin, {"query": documents.ME}, Authorization="Basic YTpi")
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"not json", b"{", b"\xff\xfe{}", b'{"query": "\xff"}'),
        *(b"null", b"1", b'"query"', b"[]", b"[1]", b'[{"query": "{ me { id } }"}]'),
        *(b"{}", b'{"query": 1}', b'{"query": null}', b'{"query": "{ me { id } }", "variables": [1]}'),
        *(b"[" * 100_000, b'{"query": "{ me { id } }", "variables": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
    ],
)
async def test_a_body_that_is_no_request_is_answered_with_400(admin: GraphqlClient, content: bytes) -> None:
    assert (await post(admin, content)).status_code == 400


async def test_a_mutation_comes_as_json_in_a_post_only(admin: GraphqlClient) -> None:
    body = json.dumps({"query": documents.TRIAGE_TICKET, "variables": {"input": TICKET}}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert (await post(admin, body, **{"Content-Type": kind})).status_code in (400, 415)


async def test_a_body_beyond_the_limit_is_answered_with_413(admin: GraphqlClient) -> None:
    content = json.dumps({"query": documents.ME, "variables": {"x": "y" * (9 * MIB)}}).encode()

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 256 * 1024):
            yield content[start : start + 256 * 1024]

    for body in (content, in_chunks()):
        answer = await post(admin, body)
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{" + " node(id: 1) {" * 50 + " id " + "}" * 51, "LIMIT_EXCEEDED"),
        ("{ me" + " { me" * 3000 + " }" * 3001, "LIMIT_EXCEEDED"),
        ("{" + " ".join(f"a{number}: me {{ id }}" for number in range(200)) + "}", "LIMIT_EXCEEDED"),
        ("{ me { " + "id " * 20_000 + "} }", "LIMIT_EXCEEDED"),
        ("query { me { ...a } } fragment a on User { ...b } fragment b on User { ...a }", "BAD_USER_INPUT"),
        ("{ me { id " + "@skip(if: false) " * 3000 + "} }", "LIMIT_EXCEEDED"),
        ("{ me { nothing } }", "BAD_USER_INPUT"),
        ("{ me", "BAD_USER_INPUT"),
        ("{ me { id } } { me { id } }", "BAD_USER_INPUT"),
    ],
    ids=["depth 50", "depth 3000", "aliases", "fields", "cycle", "directives", "unknown", "syntax", "two"],
)
async def test_a_document_beyond_the_limits_is_refused_before_it_runs(
    admin: GraphqlClient, document: str, code: str
) -> None:
    answer = await post(admin, {"query": document})
    assert answer.status_code == 200
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    # What is too deep is, in this schema, unknown too.
    assert code in codes <= {"BAD_USER_INPUT", "LIMIT_EXCEEDED"}
    assert not answer.json().get("data")
