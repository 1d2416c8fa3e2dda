"""Passwords and tokens are seen by who sends them, by the gateway and by auth, and stand nowhere afterwards."""

import secrets

from e2e import documents
from e2e.conftest import Accounts
from support.graphql import user_error_codes
from support.stack import RunningStack
from support.whereabouts import cells, files, sightings


async def test_no_credential_is_written_down_anywhere(stack: RunningStack, accounts: Accounts) -> None:
    password, wrong = f"passphrase {secrets.token_hex(12)}", f"mistaken {secrets.token_hex(12)}"
    email, visitor = f"{secrets.token_hex(8)}@example.com", accounts.visitor
    account = {"email": email, "password": password, "displayName": "Somebody", "idempotencyKey": secrets.token_hex(4)}
    signed_up = (await visitor.execute(documents.SIGN_UP, input=account))["signup"]
    logged_in = (await visitor.execute(documents.LOG_IN, input={"email": email, "password": password}))["login"]
    failed = (await visitor.execute(documents.LOG_IN, input={"email": email, "password": wrong}))["login"]
    token = {"refreshToken": logged_in["tokens"]["refreshToken"]}
    refreshed = (await visitor.execute(documents.REFRESH, input=token))["refreshTokens"]
    reused = (await visitor.execute(documents.REFRESH, input=token))["refreshTokens"]
    out = {"refreshToken": signed_up["tokens"]["refreshToken"]}
    assert (await visitor.execute(documents.LOG_OUT, input=out))["logout"]["userErrors"] == []
    too_long = {"email": email, "password": wrong * 500}
    refused = (await visitor.execute(documents.LOG_IN, input=too_long))["login"]
    assert [user_error_codes(one)[0][0] for one in (failed, reused, refused)] == [
        "BAD_CREDENTIALS", "BAD_CREDENTIALS", "INVALID_INPUT",
    ]  # fmt: skip
    written = {"password": password, "wrong password": wrong}
    for name, payload in (("sign-up", signed_up), ("log-in", logged_in), ("refresh", refreshed)):
        written[f"access token of the {name}"] = payload["tokens"]["accessToken"]
        written[f"signature of the {name}"] = payload["tokens"]["accessToken"].rpartition(".")[2]
        written[f"refresh token of the {name}"] = payload["tokens"]["refreshToken"]
    places = [*files(stack), *[cell async for cell in cells(stack)]]
    assert ("auth.accounts.email", "email") in sightings({"email": email}, places), "everything was looked at"
    assert sightings(written, places) == set()
    logs = [place for place in places if place[0].startswith(("auth", "gateway")) and "." not in place[0][:8]]
    assert sightings({"email": email}, logs) == set()
