"""What feature flags say about asking a model: whether to, and with which version of a prompt template.

``<owner>.llm`` is a kill switch: off, the work is done by the built-in engine as if no model were configured, and the
configuration stays. Work in hand asks nothing more; its result is degraded where it lacks answers.
``<owner>.template.<step>`` is a canary: the work for which it is on is asked with the template that it names instead of
the configured one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from aiops_common.flags import Flags
from aiops_common.llm.chain import Chain, InvalidChain, Link, Operation
from aiops_common.llm.metrics import SWITCHED_OFF
from aiops_common.llm.port import Completion, LanguageModel, ModelUnavailable, Prompt, Room, T
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asking:
    """With what one piece of work is asked: no model, nothing is asked."""

    model: LanguageModel | None
    chain: Chain


class GuardedModel:
    """The configured ``model`` and ``chain`` of ``operation``, as ``flags`` change them; None: nothing changes them."""

    def __init__(
        self, model: LanguageModel | None, chain: Chain, operation: Operation, flags: Flags | None, *, owner: str
    ) -> None:
        self._model = model
        self._chain = chain
        self._operation = operation
        self._flags = flags
        self._owner = owner
        # What a flag says may be anything: looked up once, and told once where it is of no use.
        self._relinked = lru_cache(maxsize=64)(self._relink)

    async def asking(self, delivery: Delivery[Any], *, is_wanted: bool = True) -> Asking:
        """How this work is asked for; without ``is_wanted`` not at all, and no flag either.

        Raises:
            DatabaseUnavailable: the flags were never looked up since the start.
        """
        if self._model is None or not is_wanted:
            return Asking(None, self._chain)
        if self._flags is None:
            return Asking(self._model, self._chain)
        is_on = partial(self._flags.is_on, f"{self._owner}.llm", delivery, default=True)
        if not await is_on():
            return Asking(None, self._chain)
        links = {step: await self._link(step, link, self._flags, delivery) for step, link in self._chain.links.items()}
        return Asking(_SwitchedModel(self._model, is_on), replace(self._chain, links=links))

    async def _link(self, step: str, link: Link, flags: Flags, delivery: Delivery[Any]) -> Link:
        configured = link.template.version
        template = await flags.text(f"{self._owner}.template.{step}", delivery, default=configured)
        return link if template == configured else self._relinked(step, template)

    def _relink(self, step: str, template: str) -> Link:
        link = self._chain.required(step)
        try:
            return self._operation.relink(link, template)
        except InvalidChain as error:
            in_use = link.template.version
            _log.warning("llm.template_unusable", step=step, in_use=in_use, error=str(error))
            return link


class _SwitchedModel:
    """``model`` for one piece of work, which may ask for minutes: until its switch is thrown."""

    def __init__(self, model: LanguageModel, is_on: Callable[[], Awaitable[bool]]) -> None:
        self._model = model
        self._is_on = is_on
        self._has_asked = False

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """As ``model`` does; raises ``ModelUnavailable`` for every question after the switch was thrown."""
        # It was just looked at for the first one.
        if self._has_asked:
            await self._check()
        self._has_asked = True
        # A question may wait in line for as long as an answer takes, and longest when a model is in trouble.
        return await self._model.complete(replace(prompt, check_wanted=self._check), answer)

    def room(self, model: str | None = None) -> Room:
        """As ``model`` has it."""
        return self._model.room(model)

    async def _check(self) -> None:
        if not await self._is_on():
            raise ModelUnavailable(SWITCHED_OFF)
