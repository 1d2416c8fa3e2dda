"""What the code asks of flags, about a piece of work: one that was handed to it, or another that it names."""

import itertools
from collections.abc import Mapping
from typing import Any, Final, Protocol

from openfeature import api
from openfeature.evaluation_context import EvaluationContext

from aiops_common.flags.deciding import Context
from aiops_common.flags.provider import PRINCIPAL, ROLE, KnownFlagsProvider
from aiops_common.flags.telling import Telling
from aiops_common.messaging.message import Delivery
from aiops_contracts.base import FeatureFlag

_numbers: Final = itertools.count(1)


class Source(Protocol):
    """Where the flags are."""

    @property
    def current(self) -> Mapping[str, FeatureFlag]:
        """All flags by their keys."""

    async def ready(self) -> None:
        """Returns when they were looked up; raises DatabaseUnavailable where that takes too long."""


class Flags:
    """Asks the flags of ``source`` through OpenFeature, in a domain of its own.

    Both methods raise DatabaseUnavailable while the flags were never looked up since the start: a switch that was
    thrown must hold from the first piece of work on.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        domain = f"aiops-{next(_numbers)}"
        api.set_provider_and_wait(KnownFlagsProvider(lambda: source.current), domain)
        self._client = api.get_client(domain)
        self._client.add_hooks([Telling()])

    async def is_on(self, key: str, work: Delivery[Any] | Context, *, default: bool) -> bool:
        """Whether the BOOLEAN ``key`` is on for this work; ``default`` where nobody has made it."""
        await self._source.ready()
        return self._client.get_boolean_value(key, default, _asked(work))

    async def text(self, key: str, work: Delivery[Any] | Context, *, default: str) -> str:
        """What the STRING ``key`` says about this work; ``default`` where it is off or nobody has made it."""
        await self._source.ready()
        return self._client.get_string_value(key, default, _asked(work))


def _asked(work: Delivery[Any] | Context) -> EvaluationContext:
    context = Context(str(work.id), work.principal, work.role) if isinstance(work, Delivery) else work
    told = {PRINCIPAL: context.principal, ROLE: context.role}
    return EvaluationContext(context.work, {name: value for name, value in told.items() if value is not None})
