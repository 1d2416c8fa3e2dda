"""What resolvers get beside their arguments."""

from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import AUDITED, Forbidden, InvalidCredential, Unauthenticated, Viewer, require
from aiops_gateway.graphql.masking import Masked
from aiops_gateway.graphql.observation import Observation
from aiops_gateway.repository.llm_runs import Texts
from aiops_gateway.service.admission import Visit
from aiops_gateway.service.api_keys import ApiKeys
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.audit_log import AuditLog
from aiops_gateway.service.dead_letters import DeadLetterOffice
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.feature_flags import FeatureFlags
from aiops_gateway.service.history import Histories
from aiops_gateway.service.llm_runs import LlmRuns
from aiops_gateway.service.raw_contents import RawContents
from aiops_gateway.service.reading import Reader
from aiops_gateway.service.submissions import Submissions
from aiops_gateway.service.viewers import Viewers
from aiops_gateway.service.workflow import Workflow


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the API can have done."""

    viewers: Viewers
    reader: Reader
    submissions: Submissions
    decisions: Decisions
    workflow: Workflow
    api_keys: ApiKeys
    audit: Audit
    audit_log: AuditLog
    dead_letters: DeadLetterOffice
    histories: Histories
    llm_runs: LlmRuns
    raw_contents: RawContents
    feature_flags: FeatureFlags


@dataclass(slots=True)
class Context:
    """One HTTP request or WebSocket, and then each operation of it; ``connection_params`` is filled in by the WebSocket
    protocol."""

    use_cases: UseCases
    authorization: str | None
    address: str | None = None
    """Network address of the client, as far as it can be believed."""
    visit: Visit | None = None
    """What counts the operations of this client; None where nothing is counted."""
    connection_params: dict[str, Any] = field(default_factory=dict)
    _viewer: Viewer | None = None
    _refusal: Unauthenticated | DatabaseUnavailable | None = None
    _identified: bool = False
    masked: Masked = field(default_factory=Masked)
    """What the answer leaves out."""
    history_bytes: int = 0
    """Size of the history in the answer: see service/history.py."""
    observation: Observation | None = None
    """The operation as operators see it; None outside of any."""
    _contents: DataLoader[UUID, str | None] | None = None
    _run_texts: DataLoader[UUID, Texts | None] | None = None

    def for_operation(self, observation: Observation | None = None) -> Self:
        """The same for one operation: many share a WebSocket, each with an answer and a moment of its own.

        Who asks is found out anew: a role may have changed since the operation before.
        """
        context = copy(self)
        context.masked, context.history_bytes, context.observation = Masked(), 0, observation
        context._contents, context._run_texts, context._identified = None, None, False
        return context

    @property
    def contents(self) -> DataLoader[UUID, str | None]:
        """Texts of log entries: those that one answer needs are read together. Not kept, a subscription lives long."""
        if self._contents is None:
            self._contents = DataLoader(load_fn=self._load_contents, cache=False)
        return self._contents

    async def _load_contents(self, ids: list[UUID]) -> list[str | None]:
        found = await self.use_cases.reader.contents(ids)
        return [found.get(identity) for identity in ids]

    @property
    def run_texts(self) -> DataLoader[UUID, Texts | None]:
        """Texts of runs of language models: those that one answer needs are read together, and once."""
        if self._run_texts is None:
            self._run_texts = DataLoader(load_fn=self._load_run_texts)
        return self._run_texts

    async def _load_run_texts(self, ids: list[UUID]) -> list[Texts | None]:
        found = await self.use_cases.llm_runs.texts(ids)
        return [found.get(identity) for identity in ids]

    async def identify(self) -> None:
        """Find out who asks; what goes wrong is told to those fields only that need a log-in."""
        try:
            self._viewer = await self.use_cases.viewers.identify(self.authorization or self._parameter())
            self._refusal = None
        except (Unauthenticated, DatabaseUnavailable) as error:
            self._viewer, self._refusal = None, error
            if isinstance(error, InvalidCredential):
                await self.use_cases.audit.refuse_credential(self.address)
        self._identified = True

    async def admit(self) -> None:
        """Count an operation.

        Raises:
            TooManyRequests: there were too many of this account or address.
            TooManyConnections: it would be streamed, and the account has as many streams as it may.
        """
        if self.visit is not None:
            await self.identify()
            self.visit.admit(self._viewer.principal if self._viewer else None)

    async def has_credential(self) -> bool:
        """Whether a token or API key came with the request; also where nobody can tell now if it is valid.

        Raises:
            Unauthenticated: one came that is not valid.
        """
        if not self._identified:
            await self.identify()
        if isinstance(self._refusal, Unauthenticated):
            raise self._refusal
        return self._viewer is not None or self._refusal is not None

    def count_message(self) -> None:
        """Count a message that has to be answered without being an operation.

        Raises:
            TooManyRequests: there were too many from this address.
        """
        if self.visit is not None:
            self.visit.admit(None)

    async def take_seat(self) -> None:
        """Count this WebSocket.

        Raises:
            TooManyConnections: the account has as many as it may.
        """
        if self.visit is not None:
            await self.identify()
            if self._viewer is not None:
                self.visit.seat(self._viewer.principal)

    def sign_in(self) -> None:
        """Count an attempt to get in; also one to get out, which nobody has to be logged in for either.

        Raises:
            TooManyRequests: there were too many from this address.
        """
        if self.visit is not None:
            self.visit.sign_in()

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
                await self.use_cases.audit.refuse(self._viewer, operation, self.address)
            raise


Info: TypeAlias = StrawberryInfo[Context, None]
