"""Signing in as the administrator, and what somebody without a role may not do."""

import asyncio
import secrets
import time

from rich.text import Text

from aiops_local.demo import operations
from aiops_local.demo.client import GraphqlClient, GraphqlErrors
from aiops_local.demo.scene import Scene, StepFailed, accepted

_ACCOUNT_SECONDS = 20.0


async def sign_in(scene: Scene) -> None:
    """Log in with the administrator's password from stack.env."""
    email = scene.environment["ADMIN_EMAIL"]
    credentials = {"email": email, "password": scene.environment["ADMIN_PASSWORD"]}
    payload = (await scene.visitor.execute(operations.LOG_IN, input=credentials))["login"]
    tokens = accepted(payload, "tokens", "auth")
    scene.admin = scene.visitor.signed_in(tokens["accessToken"])
    role = await _role(scene.admin)
    if role != "ADMIN":
        raise StepFailed(f"{email} has the role {role} instead of ADMIN", "auth")
    scene.report.done("signed in as ", Text(email, style="bold"), f", role {role}")


async def refuse_viewer(scene: Scene) -> None:
    """A new account is VIEWER: it may look, and may not hand in tickets."""
    email = f"visitor-{secrets.token_hex(4)}@example.com"
    account = {"email": email, "password": secrets.token_urlsafe(18), "displayName": "Vera Visitor"}
    payload = (await scene.visitor.execute(operations.SIGN_UP, input=account))["signup"]
    viewer = scene.visitor.signed_in(accepted(payload, "tokens", "auth")["accessToken"])
    scene.report.done("signed up ", Text(email, style="bold"), f", role {await _role(viewer)}")
    try:
        await viewer.execute(operations.TRIAGE_TICKET, input={"title": "May I?", "body": "Probably not."})
    except GraphqlErrors as refusal:
        if refusal.code != "FORBIDDEN":
            raise
        scene.report.done("refused a ticket of that account with ", Text(refusal.code, style="bold red"))
        scene.report.note(str(refusal))
    else:
        raise StepFailed("a VIEWER handed in a ticket and was not refused", "gateway")


async def _role(client: GraphqlClient) -> str:
    """The role of who is signed in; waits until the new account has reached the gateway's read model."""
    deadline = time.monotonic() + _ACCOUNT_SECONDS
    while True:
        try:
            return str((await client.execute(operations.ME))["me"]["role"])
        except GraphqlErrors as error:
            if error.code != "UNAUTHENTICATED" or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.2)
