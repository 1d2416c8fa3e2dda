"""Continuing a session, and ending it."""

from aiops_auth.domain import ANONYMOUS, RefreshToken, RefreshVerdict, judge_refresh, user_principal
from aiops_auth.metrics import REFRESH_REUSES
from aiops_auth.service.means import Means
from aiops_auth.service.replies import accepted, bad_refresh_token
from aiops_auth.service.sealed_requests import opened
from aiops_auth.tokens import refresh_token_digest
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Connection
from aiops_contracts.auth import AuthReply, LogOut, RefreshTokens
from aiops_contracts.credentials import LogOutForm, RefreshTokensForm

_log = get_logger(__name__)


async def refresh(means: Means, delivery: Delivery[RefreshTokens]) -> AuthReply:
    """Spend a refresh token and give its only child: OK, BAD_CREDENTIALS, INVALID_INPUT or KEY_UNKNOWN.

    A token that was spent before the request arrived revokes its family (RFC 9700, 4.14.2).
    """
    arrived_at = means.clock()

    async def decide(form: RefreshTokensForm) -> AuthReply:
        digest = refresh_token_digest(form.refresh_token.get_secret_value())
        if digest is None:
            return bad_refresh_token()
        async with means.transactions() as connection:
            token = await means.repository.lock_refresh_token(connection, digest)
            if token is None:
                _log.info("session.refresh_refused", verdict="unknown")
                return bad_refresh_token()
            now = means.clock()
            verdict = judge_refresh(token, arrived_at=arrived_at, now=now)
            if verdict is RefreshVerdict.REUSED:
                await means.repository.revoke_family(connection, token.family_id, now)
            account = await means.repository.account_by_id(connection, token.account_id)
            tokens = None
            if verdict is RefreshVerdict.LIVE and account is not None:
                tokens = await means.sessions.rotate(connection, account, token, now)
            else:
                await _record_refusal(means, connection, token, verdict, delivery.message.address)
        _tell(token, verdict, continued=tokens is not None)
        if account is None or tokens is None:
            return bad_refresh_token()
        return accepted(account, means.credentials.seal(tokens, form))

    return await opened(means, delivery.message.sealed, RefreshTokensForm, decide)


async def log_out(means: Means, delivery: Delivery[LogOut]) -> AuthReply:
    """Revoke the token's family: OK, INVALID_INPUT or KEY_UNKNOWN.

    OK whatever the token is (RFC 7009, 2.2): it is of no use afterwards.
    """

    async def decide(form: LogOutForm) -> AuthReply:
        digest = refresh_token_digest(form.refresh_token.get_secret_value())
        if digest is not None:
            await _end_session(means, digest, delivery.message.address)
        return AuthReply(outcome="OK")

    return await opened(means, delivery.message.sealed, LogOutForm, decide)


async def _end_session(means: Means, digest: bytes, address: str | None) -> None:
    async with means.transactions() as connection:
        token = await means.repository.lock_refresh_token(connection, digest)
        if token is None or token.revoked_at is not None:
            return
        await means.repository.revoke_family(connection, token.family_id, means.clock())
        await means.events.record(
            connection,
            "session.logged_out",
            "OK",
            user_principal(token.account_id),
            token.account_id,
            address,
            family_id=str(token.family_id),
        )
    _log.info("session.ended", account_id=token.account_id, family_id=token.family_id)


async def _record_refusal(
    means: Means, connection: Connection, token: RefreshToken, verdict: RefreshVerdict, address: str | None
) -> None:
    reused = verdict is RefreshVerdict.REUSED
    # Whoever has a dead token can show it for ever; a reuse kills its family and so happens once.
    events = means.events if reused else means.events.once_a_minute(str(token.family_id))
    await events.record(
        connection,
        "session.refresh_reused" if reused else "session.refresh_refused",
        verdict.name,
        ANONYMOUS,
        token.account_id,
        address,
        family_id=str(token.family_id),
    )


def _tell(token: RefreshToken, verdict: RefreshVerdict, *, continued: bool) -> None:
    whose = {"account_id": token.account_id, "family_id": token.family_id}
    if verdict is RefreshVerdict.REUSED:
        REFRESH_REUSES.inc()
        _log.warning("session.family_revoked", **whose)
    elif continued:
        _log.debug("session.refreshed", **whose)
    else:
        _log.info("session.refresh_refused", verdict=verdict.value, **whose)
