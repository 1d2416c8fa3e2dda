"""A language model in this process: plays the same scripts as the scripted server, without HTTP."""

from collections import defaultdict
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from aiops_common.llm.budget import TokenRate, estimated_tokens
from aiops_common.llm.port import Completion, ModelUnavailable, Prompt, Room, Spoken
from aiops_common.testing.llm_answers import spoken
from aiops_common.testing.llm_script import Broken, Delay, Drip, Script, Status, Step

T = TypeVar("T", bound=BaseModel)

_UNUSABLE = {"refusal": "refused", "length": "answer cut off"}


class FakeLanguageModel:
    """``LanguageModel`` that keeps what it was asked in ``prompts``; the same tests run against it and the real one.

    A delay longer than ``timeout_seconds`` and every drip is a timeout, at once. With ``bytes_per_token`` it reports as
    many tokens and each model learns by that, as behind a server; without, room is as at first for ever.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        name: str = "fake",
        timeout_seconds: float = 30,
        bytes_per_token: float | None = None,
    ) -> None:
        self.prompts: list[Prompt] = []
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._bytes_per_token = bytes_per_token
        self._rates: defaultdict[str, TokenRate] = defaultdict(TokenRate)
        self.start(script or Script())

    def start(self, script: Script) -> None:
        """Play ``script`` from its first step."""
        self._script = script
        self._playing = script.play()

    def room(self, model: str | None = None) -> Room:
        """Room as in the settings' defaults, with the bytes per token that are known by now."""
        name = model or self._name
        return Room(name, 12_000, 2_048, self._rates[name].bytes_per_token)

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """Answer by script, with one second attempt where the answer breaks its schema."""
        self.prompts.append(prompt)
        room = self.room(prompt.model)
        whole = prompt.system + prompt.user
        rate = prompt.bytes_per_token or room.bytes_per_token
        if estimated_tokens(whole, rate) > (prompt.max_input_tokens or room.input_tokens):
            raise ModelUnavailable("prompt too large")
        asked, told, text = 0, 0, ""
        for _ in range(2):
            try:
                text = self._said(self._playing.next(room.model), prompt, answer)
            except ModelUnavailable as error:
                error.spoken = Spoken(text, asked, told) if asked else None
                raise
            asked, told = asked + self._counted(room.model, whole), told + len(text) // 4 + 1
            try:
                value = answer.model_validate_json(text)
            except ValidationError:
                continue
            return Completion(value, room.model, asked, told, text)
        raise ModelUnavailable("invalid answer", spoken=Spoken(text, asked, told))

    def _counted(self, model: str, sent: str) -> int:
        if self._bytes_per_token is None:
            return len(sent) // 4 + 1
        tokens = estimated_tokens(sent, self._bytes_per_token)
        self._rates[model].observe(sent, tokens)
        return tokens

    def _said(self, step: Step, prompt: Prompt, answer: type[BaseModel]) -> str:
        match step:
            case Status(status=429):
                raise ModelUnavailable("rate limited", retry_after=_seconds(step.retry_after), passing=True)
            case Status(status=401 | 403):
                raise ModelUnavailable("not authorized")
            case Status():
                failed = step.status >= 500
                reason = "server error" if failed else f"request refused with status {step.status}"
                raise ModelUnavailable(reason, passing=failed)
            case Delay() if step.seconds >= self._timeout_seconds:
                raise ModelUnavailable("timeout", passing=True)
            case Drip():
                raise ModelUnavailable("timeout", passing=True)
            case Broken(kind="garbage" | "html" | "empty"):
                raise ModelUnavailable("invalid answer")
            case Broken(kind="refusal" | "length"):
                raise ModelUnavailable(_UNUSABLE[step.kind])
        return spoken(step, self._script, answer.__name__, answer.model_json_schema(), prompt.user)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdigit() else None
