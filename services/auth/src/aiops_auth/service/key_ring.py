"""The keys of auth take turns, with overlap: nobody who holds a good token notices.

A new signing key is announced before it signs, so that every gateway knows it by then; the one before it is believed
for as long as a token that it signed may live. Both announcements leave with the transaction that decides them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aiops_auth.domain import KEPT_AFTER, SYSTEM, StoredSigningKey, retired, signing_key_at
from aiops_auth.repository import SigningKeyRepository
from aiops_auth.service.credentials import Credentials
from aiops_auth.service.ports import Clock, Publish, Transactions
from aiops_auth.service.replies import public_key
from aiops_auth.service.security_events import SecurityEvents
from aiops_auth.tokens import TokenIssuer
from aiops_common.logging import get_logger
from aiops_common.postgres import Connection
from aiops_contracts.auth import SigningKeyPublished

_log = get_logger(__name__)

LEEWAY = timedelta(seconds=5)
"""How far the clocks of auth and of the gateways may be apart; gateways allow for as much."""


class SigningKeyMissing(Exception):
    """There is no key that signs now, so no token can be issued; ``KeyRing.ensure`` makes one."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The new signing key, those that got an end by it, and the ``kid`` of the new credential key."""

    signing_key: StoredSigningKey
    ended: tuple[StoredSigningKey, ...]
    credential_kid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """Makes keys and says which one signs. ``lead`` is how long a new key is announced before it signs."""

    transactions: Transactions
    repository: SigningKeyRepository
    publish: Publish
    tokens: TokenIssuer
    credentials: Credentials
    security_events: SecurityEvents
    clock: Clock
    lead: timedelta

    async def signing(self, connection: Connection, now: datetime) -> StoredSigningKey:
        """The key that signs ``now``. It is read each time, so that every replica changes over at the same moment.

        Raises:
            SigningKeyMissing: there is none.
        """
        key = signing_key_at(await self.repository.believed(connection, now), now)
        if key is None:
            raise SigningKeyMissing("no signing key signs now: one is made when the service starts, or by rotate-keys")
        return key

    async def ensure(self) -> None:
        """Make and announce a signing key if none signs, and a credential key; otherwise make sure that they open.

        Raises:
            aiops_auth.tokens.SigningKeyUnreadable, aiops_auth.tokens.CredentialKeyUnreadable: a stored key was sealed
                with another master key.
        """
        await self.credentials.ensure_key()
        async with self.transactions() as connection:
            await self.repository.lock(connection)
            now = self.clock()
            keys = await self.repository.believed(connection, now)
            for key in keys:
                self.tokens.open_key(key)
            if signing_key_at(keys, now) is not None:
                return
            key = await self._add(connection, now, signs_from=now)
        _log.info("signing_key.created", kid=key.kid)

    async def rotate(self, *, at_once: bool = False) -> Rotation:
        """Make new keys: the signing key signs after ``lead``, the others are believed until their tokens are gone.

        ``at_once`` is for keys that others may hold: the new ones count from now on, and nothing of the old ones is
        believed or opened any more.
        """
        async with self.transactions() as connection:
            await self.repository.lock(connection)
            rotation = await self._rotate(connection, self.clock(), at_once=at_once)
        return _told(rotation, at_once=at_once)

    async def rotate_if_older(self, age: timedelta) -> Rotation | None:
        """Rotate if the newest signing key was made that long ago; of replicas that try together one does."""
        async with self.transactions() as connection:
            if not await self._is_due(connection, age):
                return None
            await self.repository.lock(connection)
            if not await self._is_due(connection, age):
                return None
            rotation = await self._rotate(connection, self.clock(), at_once=False)
        return _told(rotation, at_once=False)

    async def delete_ended(self) -> None:
        """Delete the signing keys that ended long ago."""
        async with self.transactions() as connection:
            deleted = await self.repository.delete_ended(connection, self.clock() - KEPT_AFTER)
        if deleted:
            _log.info("signing_keys.deleted", count=deleted)

    async def _is_due(self, connection: Connection, age: timedelta) -> bool:
        now = self.clock()
        made = [key.created_at for key in await self.repository.believed(connection, now)]
        return bool(made) and max(made) <= now - age

    async def _rotate(self, connection: Connection, now: datetime, *, at_once: bool) -> Rotation:
        signs_from = now if at_once else now + self.lead
        end = now if at_once else signs_from + self.tokens.access_lifetime + LEEWAY
        ended = retired(await self.repository.believed(connection, now), end)
        key = await self._add(connection, now, signs_from=signs_from)
        for old in ended:
            await self.repository.save_end(connection, old)
        await self.publish(connection, [(SigningKeyPublished(key=public_key(old)), UUID(old.kid)) for old in ended])
        credential_kid = await self.credentials.rotate(connection, at_once=at_once)
        await self.security_events.record(
            connection,
            "keys.rotated",
            "OK",
            SYSTEM,
            subject=UUID(key.kid),
            at_once=at_once,
            ended=len(ended),
            credential_kid=credential_kid,
        )
        return Rotation(key, tuple(ended), credential_kid)

    async def _add(self, connection: Connection, now: datetime, *, signs_from: datetime) -> StoredSigningKey:
        key = self.tokens.new_signing_key(now, signs_from=signs_from)
        await self.repository.add(connection, key)
        await self.publish(connection, [(SigningKeyPublished(key=public_key(key)), UUID(key.kid))])
        return key


def _told(rotation: Rotation, *, at_once: bool) -> Rotation:
    """``rotation``, now that it is committed."""
    key = rotation.signing_key
    _log.info(
        "keys.rotated",
        kid=key.kid,
        signs_from=key.signs_from,
        ended=len(rotation.ended),
        credential_kid=rotation.credential_kid,
        at_once=at_once,
    )
    return rotation
