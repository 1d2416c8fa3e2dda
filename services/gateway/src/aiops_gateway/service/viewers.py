"""Who is behind a token or an API key, and what they may do now."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from aiops_common.postgres import Pool
from aiops_common.single_flight import SingleFlight
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import InvalidCredential, PrincipalKind, Role, Unauthenticated, Viewer
from aiops_gateway.repository import accounts, api_keys
from aiops_gateway.service.signing_keys import SigningKeys

_MAX_KNOWN: Final = 10_000
_API_KEY_PREFIX: Final = "aiops_"
_API_KEY: Final = re.compile(r"aiops_[A-Za-z0-9_-]{43}")
_BAD_API_KEY: Final = "the API key is not valid; ask an administrator for another"


@dataclass(frozen=True, slots=True)
class _KnownKey:
    viewer: Viewer
    expires_at: datetime | None


class Viewers:
    """Verifies tokens and API keys and looks up present roles.

    Roles and keys are kept in memory; ``forget`` is called for every change that the database notifies of, so a
    changed role counts from the next request on. While nothing can be heard of changes, as ``listening`` tells, nothing
    that was kept is believed: every request looks it up.
    """

    def __init__(
        self,
        pool: Pool,
        verifier: TokenVerifier,
        *,
        listening: Callable[[], bool] = lambda: True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.keys = SigningKeys(pool, verifier)
        self._pool = pool
        self._listening = listening
        self._clock = clock
        self._known: dict[UUID, Viewer] = {}
        self._known_keys: dict[bytes, _KnownKey] = {}
        # Counts what was forgotten: an answer that was on its way meanwhile may be the old one, and is not kept.
        self._forgotten = 0
        self._looking_up = SingleFlight[Viewer]()

    def forget(self, identity: UUID | None) -> None:
        """Look the account or API key up again next time; None means all of them."""
        self._forgotten += 1
        if identity is None:
            self._known.clear()
            self._known_keys.clear()
            return
        self._known.pop(identity, None)
        for digest in [digest for digest, known in self._known_keys.items() if known.viewer.user_id == identity]:
            del self._known_keys[digest]

    def forget_keys(self) -> None:
        """Load the signing keys again next time."""
        self.keys.forget()

    async def published_keys(self) -> list[Mapping[str, Any]]:
        """The public keys that may verify a token now or will."""
        if not self._listening():
            self.keys.forget()
        return await self.keys.published()

    async def identify(self, authorization: str | None) -> Viewer | None:
        """The viewer behind an Authorization header, None where there is no header.

        Raises:
            Unauthenticated: the header is not a valid access token of an account that exists, nor a valid API key.
            DatabaseUnavailable: roles or keys cannot be read.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("the Authorization header must be: Bearer <access token or API key>")
        if token.startswith(_API_KEY_PREFIX):
            return await self._machine(token)
        if not self._listening():
            self.keys.forget()
        user_id = await self.keys.verify(token)
        if not self._listening():
            return await self._look_up(user_id)
        return self._known.get(user_id) or await self._look_up_once(user_id)

    async def _machine(self, secret: str) -> Viewer:
        if not _API_KEY.fullmatch(secret):
            raise InvalidCredential(_BAD_API_KEY)
        # Looked up by its digest: nothing is compared with the secret, so no timing tells of it.
        digest = hashlib.sha256(secret.encode()).digest()
        known = self._known_keys.get(digest) if self._listening() else None
        known = known or await self._look_up_key(digest)
        if known is None or (known.expires_at is not None and known.expires_at <= self._clock()):
            raise InvalidCredential(_BAD_API_KEY)
        return known.viewer

    async def _look_up_once(self, user_id: UUID) -> Viewer:
        """One answer for all who ask while it is on its way: an account may have thousands of subscriptions."""
        return await self._looking_up.do((user_id, self._forgotten), lambda: self._look_up(user_id))

    async def _look_up(self, user_id: UUID) -> Viewer:
        forgotten = self._forgotten
        async with self._pool.connection() as connection:
            user = await accounts.get_user(connection, user_id)
        if user is None:
            raise InvalidCredential("there is no such account")
        viewer = Viewer(user_id, Role(user.role))
        if forgotten == self._forgotten:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[user_id] = viewer
        return viewer

    async def _look_up_key(self, digest: bytes) -> _KnownKey | None:
        """What is not there is not kept: anybody could fill the memory with keys that there are not."""
        forgotten = self._forgotten
        async with self._pool.connection() as connection:
            access = await api_keys.access(connection, digest)
        if access is None:
            return None
        known = _KnownKey(Viewer(access.id, Role(access.role), PrincipalKind.API_KEY), access.expires_at)
        if forgotten == self._forgotten:
            if len(self._known_keys) >= _MAX_KNOWN:
                self._known_keys.clear()
            self._known_keys[digest] = known
        return known
