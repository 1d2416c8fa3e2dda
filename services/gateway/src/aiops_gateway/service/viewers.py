"""Who is behind a token, and what they may do now."""

from uuid import UUID

from aiops_common.postgres import Pool
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Role, Unauthenticated, Viewer
from aiops_gateway.repository import accounts

_MAX_KNOWN = 10_000


class Viewers:
    """Verifies tokens and looks up present roles.

    Roles and keys are kept in memory; ``forget`` and ``forget_keys`` are called for every change that the database
    notifies of, so a changed role counts from the next request on.
    """

    def __init__(self, pool: Pool, verifier: TokenVerifier) -> None:
        self._pool = pool
        self._verifier = verifier
        self._known: dict[UUID, Viewer] = {}
        self._keys_loaded = False
        # Counts what was forgotten: an answer that was on its way meanwhile may be the old one, and is not kept.
        self._forgotten = 0

    def forget(self, user_id: UUID | None) -> None:
        """Look the account up again next time; None means all of them."""
        self._forgotten += 1
        if user_id is None:
            self._known.clear()
        else:
            self._known.pop(user_id, None)

    def forget_keys(self) -> None:
        """Load the signing keys again next time."""
        self._forgotten += 1
        self._keys_loaded = False

    async def identify(self, authorization: str | None) -> Viewer | None:
        """The viewer behind an Authorization header, None where there is no header.

        Raises:
            Unauthenticated: the header is not a valid access token of an account that exists.
            DatabaseUnavailable: roles or keys cannot be read.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("the Authorization header must be: Bearer <access token>")
        if not self._keys_loaded:
            await self._load_keys()
        user_id = self._verifier.verify(token)
        return self._known.get(user_id) or await self._look_up(user_id)

    async def _load_keys(self) -> None:
        forgotten = self._forgotten
        async with self._pool.connection() as connection:
            self._verifier.use_keys(await accounts.signing_keys(connection))
        self._keys_loaded = forgotten == self._forgotten

    async def _look_up(self, user_id: UUID) -> Viewer:
        forgotten = self._forgotten
        async with self._pool.connection() as connection:
            user = await accounts.get_user(connection, user_id)
        if user is None:
            raise Unauthenticated("there is no such account")
        viewer = Viewer(user_id, Role(user.role))
        if forgotten == self._forgotten:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[user_id] = viewer
        return viewer
