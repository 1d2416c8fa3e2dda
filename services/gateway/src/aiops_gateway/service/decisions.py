"""Decisions about accounts that somebody waits for: asked of auth over the broker, answered within a deadline."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from aiops_common.messaging.requests import Requester
from aiops_common.postgres import Pool
from aiops_common.single_flight import SingleFlight
from aiops_contracts.auth import (
    AuthReply,
    CredentialRequest,
    LogIn,
    LogOut,
    RefreshTokens,
    RemoveUser,
    SetUserRole,
    SignUp,
    UserRemoved,
    UserSnapshot,
)
from aiops_contracts.credentials import AnswerKey, LogInForm, LogOutForm, RefreshTokensForm, SignUpForm, Tokens
from aiops_gateway.domain.access import Forbidden, Viewer
from aiops_gateway.repository import accounts
from aiops_gateway.service.acceptance import Identity, claim_key
from aiops_gateway.service.answers import Answer, Answers
from aiops_gateway.service.credentials import ANONYMOUS, Credentials, opened
from aiops_gateway.service.kept_replies import decision_to_keep, kept_decision
from aiops_gateway.service.viewers import Viewers


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What auth decided, and the tokens that it gave, if it did."""

    reply: AuthReply
    tokens: Tokens | None


class Decisions:
    """Requests to auth. What an answer tells is projected before it is returned, so that a client that
    reads next sees it. Under an idempotency key a decision is asked for once, and its repetitions get the answer that
    it got, whatever was decided meanwhile. All raise NoReply where auth does not answer in time; those that take a
    key raise KeyReused where it stands for something else and StillRunning where another gateway is at it, those that
    take a form TooLong where that cannot be sealed."""

    def __init__(
        self, pool: Pool, requester: Requester, credentials: Credentials, viewers: Viewers, answers: Answers
    ) -> None:
        self._pool = pool
        self._requester = requester
        self._credentials = credentials
        self._viewers = viewers
        self._answers = answers
        self._signing_up = SingleFlight[SignedIn]()

    async def sign_up(
        self, form: SignUpForm, address: str | None, key: str | None, admit: Callable[[], None]
    ) -> SignedIn:
        """Make an account and log it in. ``admit`` raises where the sender may not have a password hashed now; it is
        not asked for repetitions of what is under way, which cost nothing and get the same answer."""
        # Nobody is logged in yet: without the address in it, two strangers that take equal keys would be one. The
        # password is no part of what is kept, not even as a digest; auth knows whether it is the same.
        owner = f"{ANONYMOUS}:{hashlib.sha256(form.email.encode()).hexdigest()}"
        identity = Identity.under(owner, "signup", key, form.display_name)
        same = (identity.message_id, form.display_name, form.password.get_secret_value())
        if not self._signing_up.runs(same):
            admit()
        return await self._signing_up.do(same, lambda: self._sign_up(identity, form, address))

    async def _sign_up(self, identity: Identity, form: SignUpForm, address: str | None) -> SignedIn:
        await claim_key(self._pool, identity)
        return await self._authenticate(SignUp, form, address, identity.message_id)

    async def log_in(self, form: LogInForm, address: str | None) -> SignedIn:
        """Exchange a password for tokens."""
        return await self._authenticate(LogIn, form, address)

    async def refresh_tokens(self, form: RefreshTokensForm, address: str | None) -> SignedIn:
        """Exchange a refresh token for a new pair."""
        return await self._authenticate(RefreshTokens, form, address)

    async def log_out(self, form: LogOutForm, address: str | None) -> SignedIn:
        """Revoke a refresh token and its family."""
        return await self._authenticate(LogOut, form, address)

    async def set_user_role(self, viewer: Viewer, request: SetUserRole, key: str | None) -> AuthReply:
        """Give an account another role."""
        return await self._ask(viewer, request, "setUserRole", key)

    async def remove_user(self, viewer: Viewer, request: RemoveUser, key: str | None) -> AuthReply:
        """Remove an account, with its sessions."""
        return await self._ask(viewer, request, "removeUser", key)

    async def _authenticate(
        self, kind: type[CredentialRequest], form: AnswerKey, address: str | None, message_id: UUID | None = None
    ) -> SignedIn:
        request = partial(_sealed_request, kind, address)
        reply = await self._credentials.ask(request, form, AuthReply, message_id=message_id)
        if reply.user is not None:
            await self._project(reply.user)
        tokens = opened(reply.sealed_tokens, form.answer_key, Tokens) if reply.sealed_tokens else None
        return SignedIn(reply, tokens)

    async def _ask(
        self, viewer: Viewer, request: SetUserRole | RemoveUser, operation: str, key: str | None
    ) -> AuthReply:
        identity = Identity.of(viewer, operation, key, request)

        async def act() -> Answer:
            reply = await self._requester.ask(
                "auth", request, AuthReply, principal=viewer.principal, message_id=identity.message_id
            )
            if reply.outcome == "FORBIDDEN":
                # Auth knows roles first: what is believed here may be a moment old.
                self._viewers.forget(viewer.user_id)
                raise Forbidden(reply.message)
            await self._decided(request, reply)
            return decision_to_keep(reply)

        return await kept_decision(self._pool, await self._answers.once(identity, act, may_be_done=True))

    async def _decided(self, request: SetUserRole | RemoveUser, reply: AuthReply) -> None:
        if reply.user is not None:
            await self._project(reply.user)
        if isinstance(request, RemoveUser) and reply.outcome == "OK":
            version, now = request.expected_version + 1, datetime.now(UTC)
            await self._project(UserRemoved(user_id=request.user_id, version=version, removed_at=now))

    async def _project(self, account: UserSnapshot | UserRemoved) -> None:
        async with self._pool.connection() as connection:
            await accounts.project_users(connection, [account])
        self._viewers.forget(account.user_id if isinstance(account, UserRemoved) else account.id)


def _sealed_request(kind: type[CredentialRequest], address: str | None, sealed: str) -> CredentialRequest:
    return kind(sealed=sealed, address=address)
