"""The trained model that decides in this process: always the one that the registry says is active."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiops_common.logging import get_logger
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_common.tasks import stop_task
from aiops_triage.domain import TicketCategory
from aiops_triage.engine.model import InvalidModel, TrainedModel, load
from aiops_triage.repository import ModelRecord, ModelRepository, channel

_log = get_logger(__name__)

FIRST_LOOK_SECONDS = 10.0
"""How long the start waits for the first look, so that the first tickets are decided by the model as well."""


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """A model that is in use, and its version."""

    version: str
    model: TrainedModel


class ActiveModels:
    """A component that holds the active model and takes the next one when the registry tells of it, or soon after.

    A model that cannot be used is left alone until another one is activated; the one before it goes on.
    """

    def __init__(
        self,
        pool: Pool,
        listener: Listener,
        *,
        schema: str,
        poll_seconds: float = 5.0,
        read: Callable[[bytes], TrainedModel] = load,
    ) -> None:
        self._pool = pool
        self._repository = ModelRepository()
        self._poll_seconds = poll_seconds
        self._read = read
        self._current: ActiveModel | None = None
        self._seen: tuple[str, object] | None = None
        self._problem: str | None = None
        self._told: str | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        listener.subscribe(channel(schema), lambda _payload: self._changed.set())

    @property
    def current(self) -> ActiveModel | None:
        """The model to decide with now; None where the rules decide alone."""
        return self._current

    async def check(self) -> str | None:
        """For ``/readyz``: why the active model is not the one that decides, None where it is."""
        return self._problem

    async def start(self) -> None:
        """Look once, for a bounded time, and go on in the background; never fails."""
        try:
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await self._look_safely()
        except TimeoutError:
            _log.warning("triage_model.not_looked_up", error=f"no answer within {FIRST_LOOK_SECONDS:g} s")
        self._task = asyncio.create_task(self._run(), name="active-model")

    async def stop(self) -> None:
        """Stop looking."""
        await stop_task(self._task)
        self._task = None

    async def look(self) -> None:
        """Take the active model if it is not the one in use; raises DatabaseUnavailable."""
        async with self._pool.connection() as connection:
            record = await self._repository.active(connection)
            # Activated again counts as another one: that is how a look is asked for.
            seen = (record.version, record.activated_at) if record else None
            if seen == self._seen:
                return
            data = await self._repository.data(connection, record.version) if record else None
        if record is None or data is None:
            self._take(None)
        else:
            await self._load(record, data)
        self._seen = seen

    async def _load(self, record: ModelRecord, data: bytes) -> None:
        try:
            # In a thread: unpacking takes a tenth of a second, the first time also the import of numpy.
            model = await asyncio.to_thread(self._read, data)
            if strange := sorted(set(model.labels) - set(TicketCategory)):
                raise InvalidModel(f"it answers with labels that are no category: {', '.join(strange)[:200]}")
        except (InvalidModel, MemoryError) as error:
            in_use = self._current.version if self._current else "none, the rules decide alone"
            self._problem = f"model {record.version} cannot be used ({error}); in use: {in_use}"
            _log.error(
                "triage_model.unusable",
                version=record.version,
                in_use=self._current.version if self._current else None,
                error=str(error),
            )
        else:
            self._take(ActiveModel(record.version, model))

    def _take(self, model: ActiveModel | None) -> None:
        before, self._current = self._current, model
        self._problem = None
        if before is not None or model is not None:
            _log.info(
                "triage_model.taken",
                version=model.version if model else None,
                before=before.version if before else None,
            )

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass  # the registry is looked at in any case: a notification may be lost
            self._changed.clear()
            await self._look_safely()

    async def _look_safely(self) -> None:
        try:
            await self.look()
            self._told = None
        except DatabaseUnavailable:
            return  # whoever lost it has said so, and tickets wait for it too
        except Exception as error:
            # Without the look a new model would never be taken; the schema may only be migrated later, for example.
            if self._told != str(error):
                self._told = str(error)
                _log.warning("triage_model.not_looked_up", error=self._told)
