"""Accounts: signing up and in, rotating tokens, and roles that count from the next request on."""

import secrets

import pytest

from e2e import documents
from e2e.conftest import PASSWORD, Accounts
from support.graphql import GraphqlClient, Json, code_of, user_error_codes
from support.stack import RunningStack

BAD_CREDENTIALS = [("BAD_CREDENTIALS", ())]


async def test_the_first_administrator_logs_in_and_is_told_who_it_is(stack: RunningStack, admin: GraphqlClient) -> None:
    me = (await admin.execute(documents.ME))["me"]
    assert (me["email"], me["role"]) == (stack.environment["ADMIN_EMAIL"], "ADMIN")


async def test_a_new_account_is_viewer_and_may_change_nothing(accounts: Accounts) -> None:
    viewer, payload = await accounts.sign_up()
    assert payload["tokens"]["tokenType"] == "Bearer"
    assert (await viewer.execute(documents.ME))["me"]["role"] == "VIEWER"
    log, ticket = {"source": "s", "content": "c"}, {"title": "t", "body": "b"}
    status = {"ticketId": "x", "status": "CLOSED", "expectedVersion": 1}
    role = {"userId": payload["user"]["id"], "role": "ADMIN", "expectedVersion": 1}
    refused = [
        await code_of(viewer, documents.SUMMARIZE_LOG, input=log),
        await code_of(viewer, documents.TRIAGE_TICKET, input=ticket),
        await code_of(viewer, documents.GENERATE_CHANGELOG, input={"project": "p", "commits": []}),
        await code_of(viewer, documents.UPDATE_TICKET_STATUS, input=status),
        await code_of(viewer, documents.SET_USER_ROLE, input=role),
        await code_of(viewer, "{ users { nodes { id } } }"),
    ]
    assert refused == ["FORBIDDEN"] * 6
    assert (await viewer.execute(documents.ME))["me"]["role"] == "VIEWER"


async def test_a_refresh_token_is_good_once_and_its_reuse_revokes_its_successors(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    old = payload["tokens"]["refreshToken"]
    rotated = await refresh(accounts, old)
    assert rotated["userErrors"] == []
    successor = rotated["tokens"]["refreshToken"]
    assert successor != old
    assert (await accounts.visitor.signed_in(rotated["tokens"]["accessToken"]).execute(documents.ME))["me"]
    assert user_error_codes(await refresh(accounts, old)) == BAD_CREDENTIALS
    assert user_error_codes(await refresh(accounts, successor)) == BAD_CREDENTIALS


async def test_logging_out_ends_the_family_of_the_token(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    token = payload["tokens"]["refreshToken"]
    answer = await accounts.visitor.execute(documents.LOG_OUT, input={"refreshToken": token})
    assert answer["logout"]["userErrors"] == []
    assert user_error_codes(await refresh(accounts, token)) == BAD_CREDENTIALS


async def test_another_role_counts_from_the_next_request_on_though_the_token_lives_on(accounts: Accounts) -> None:
    somebody, payload = await accounts.sign_up()
    ticket = {"title": "t", "body": "b"}
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=ticket) == "FORBIDDEN"
    promoted = await accounts.set_role(payload["user"], "OPS")
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=ticket) == ""
    await accounts.set_role(promoted, "VIEWER")
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=ticket) == "FORBIDDEN"


async def test_a_role_is_changed_at_the_expected_version_only(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    change = {"userId": payload["user"]["id"], "role": "HR", "expectedVersion": 7}
    answer = (await accounts.admin.execute(documents.SET_USER_ROLE, input=change))["setUserRole"]
    assert user_error_codes(answer) == [("VERSION_CONFLICT", ("expectedVersion",))]
    assert (answer["user"]["role"], answer["user"]["version"]) == ("VIEWER", 1)


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    wrong = {"email": payload["user"]["email"], "password": "not the right passphrase"}
    unknown = {"email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD}
    answers = [(await accounts.visitor.execute(documents.LOG_IN, input=one))["login"] for one in (wrong, unknown)]
    assert [user_error_codes(answer) for answer in answers] == [BAD_CREDENTIALS] * 2
    assert answers[0] == answers[1]
    assert answers[0]["tokens"] is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"password": "password1234"}, ("WEAK_PASSWORD", ("password",))),
        ({"password": "short"}, ("WEAK_PASSWORD", ("password",))),
        ({"email": "no address"}, ("INVALID_INPUT", ("email",))),
        ({"email": "a\x00b@example.com"}, ("INVALID_INPUT", ("email",))),
        ({"displayName": ""}, ("INVALID_INPUT", ("displayName",))),
    ],
)
async def test_a_bad_sign_up_names_the_field(
    accounts: Accounts, changes: dict[str, str], expected: tuple[str, tuple[str, ...]]
) -> None:
    good = {"email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD, "displayName": "Somebody"}
    answer = (await accounts.visitor.execute(documents.SIGN_UP, input={**good, **changes}))["signup"]
    assert user_error_codes(answer) == [expected]
    assert answer["tokens"] is None


async def test_an_address_has_one_account_whatever_its_case(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    again = {"email": payload["user"]["email"].upper(), "password": PASSWORD, "displayName": "Somebody else"}
    answer = (await accounts.visitor.execute(documents.SIGN_UP, input=again))["signup"]
    assert user_error_codes(answer) == [("EMAIL_TAKEN", ("email",))]


async def refresh(accounts: Accounts, token: str) -> Json:
    answer = await accounts.visitor.execute(documents.REFRESH, input={"refreshToken": token})
    payload: Json = answer["refreshTokens"]
    return payload
