"""What resolvers get beside their arguments."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import AUDITED, Forbidden, Unauthenticated, Viewer, require
from aiops_gateway.service.audit import tell_forbidden
from aiops_gateway.service.dead_letters import DeadLetterOffice
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.reading import Reader
from aiops_gateway.service.submissions import Submissions
from aiops_gateway.service.viewers import Viewers


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the API can have done."""

    viewers: Viewers
    reader: Reader
    submissions: Submissions
    decisions: Decisions
    dead_letters: DeadLetterOffice


@dataclass(slots=True)
class Context:
    """One HTTP request or WebSocket; ``connection_params`` is filled in by the WebSocket protocol."""

    use_cases: UseCases
    authorization: str | None
    connection_params: dict[str, Any] = field(default_factory=dict)
    _viewer: Viewer | None = None
    _refusal: Unauthenticated | DatabaseUnavailable | None = None
    _identified: bool = False
    contents: DataLoader[UUID, str | None] = field(init=False)
    """Texts of log entries: those that one answer needs are read together. Not kept, a WebSocket lives long."""

    def __post_init__(self) -> None:
        self.contents = DataLoader(load_fn=self._load_contents, cache=False)

    async def _load_contents(self, ids: list[UUID]) -> list[str | None]:
        found = await self.use_cases.reader.contents(ids)
        return [found.get(identity) for identity in ids]

    async def identify(self) -> None:
        """Find out who asks; what goes wrong is told to those fields only that need a log-in."""
        try:
            self._viewer = await self.use_cases.viewers.identify(self.authorization or self._parameter())
            self._refusal = None
        except (Unauthenticated, DatabaseUnavailable) as error:
            self._viewer, self._refusal = None, error
        self._identified = True

    def _parameter(self) -> str | None:
        # Browsers cannot set headers on a WebSocket: the token comes in connection_init instead.
        for name, value in self.connection_params.items():
            if name.lower() == "authorization" and isinstance(value, str):
                return value
        return None

    async def require(self, operation: str) -> Viewer:
        """The viewer, if it may use the root field ``operation``.

        Raises:
            Unauthenticated, Forbidden, DatabaseUnavailable: it may not, or nobody can tell now.
        """
        if not self._identified:
            await self.identify()
        if self._refusal is not None:
            raise self._refusal
        try:
            return require(self._viewer, operation)
        except Forbidden:
            if self._viewer is not None and operation in AUDITED:
                tell_forbidden(self._viewer, operation)
            raise


Info: TypeAlias = StrawberryInfo[Context, None]
