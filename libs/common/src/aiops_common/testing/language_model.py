"""A language model in this process: plays the same scripts as the scripted server, without HTTP."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from aiops_common.llm.port import Completion, ModelUnavailable, Prompt
from aiops_common.testing.llm_answers import spoken
from aiops_common.testing.llm_script import Broken, Delay, Drip, Script, Status, Step

T = TypeVar("T", bound=BaseModel)

_UNUSABLE = {"refusal": "refused", "length": "answer cut off"}


class FakeLanguageModel:
    """``LanguageModel`` that keeps what it was asked in ``prompts``; the same tests run against it and the real one.

    A delay longer than ``timeout_seconds`` and every drip is a timeout, at once.
    """

    def __init__(self, script: Script | None = None, *, name: str = "fake", timeout_seconds: float = 30) -> None:
        self.prompts: list[Prompt] = []
        self._name = name
        self._timeout_seconds = timeout_seconds
        self.start(script or Script())

    def start(self, script: Script) -> None:
        """Play ``script`` from its first step."""
        self._script = script
        self._steps = script.play()

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """Answer by script, with one second attempt where the answer breaks its schema."""
        self.prompts.append(prompt)
        for _ in range(2):
            text = self._said(next(self._steps), prompt, answer)
            try:
                value = answer.model_validate_json(text)
            except ValidationError:
                continue
            return Completion(value, self._name, len(prompt.system + prompt.user) // 4 + 1, len(text) // 4 + 1)
        raise ModelUnavailable("invalid answer")

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
