"""What a scripted model does, request by request: data, so that a test, a file or an HTTP call can say it."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    times: Annotated[int, Field(ge=1)] = 1
    """For how many requests in a row."""


class Ok(_Step):
    """A valid answer: ``answer``, else the script's for the schema's name, else one made from schema and prompt."""

    kind: Literal["ok"] = "ok"
    answer: dict[str, Any] | None = None


class Status(_Step):
    """An HTTP error, e.g. 429 with ``retry_after`` (seconds or a date) or 500."""

    kind: Literal["status"] = "status"
    status: Annotated[int, Field(ge=400, le=599)]
    retry_after: str | None = None


class Delay(_Step):
    """A valid answer after ``seconds`` of silence."""

    kind: Literal["delay"] = "delay"
    seconds: Annotated[float, Field(ge=0)]


class Drip(_Step):
    """A valid answer, one byte every ``interval`` seconds: each read succeeds, the whole takes for ever."""

    kind: Literal["drip"] = "drip"
    interval: Annotated[float, Field(gt=0)] = 0.05


class Broken(_Step):
    """A response with status 200 that is no use.

    garbage: a body that is no JSON. html: a page. empty: JSON without choices. truncated: an answer cut amid its JSON.
    wrong_schema: JSON of another shape. invented: a valid answer with fields nobody asked for. refusal, length: the
    API's own ways to say no and to stop early.
    """

    kind: Literal["garbage", "html", "empty", "truncated", "wrong_schema", "invented", "refusal", "length"]


Step = Annotated[Ok | Status | Delay | Drip | Broken, Field(discriminator="kind")]


class Script(BaseModel):
    """Steps are used up in order and the last one repeats; ``answers`` maps a schema's name to an answer.

    ``models`` are the steps of requests that name one of these models; all others share ``steps``. With ``api_key``,
    requests that carry another one are answered with 401 and play no step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[tuple[Step, ...], Field(min_length=1)] = (Ok(),)
    models: dict[str, Annotated[tuple[Step, ...], Field(min_length=1)]] = {}
    answers: dict[str, dict[str, Any]] = {}
    api_key: str | None = None

    def play(self) -> "Playing":
        """The script from its first step."""
        return Playing(self)


class Playing:
    """How far a script has been played."""

    def __init__(self, script: Script) -> None:
        self._others = _endless(script.steps)
        self._of_model = {model: _endless(steps) for model, steps in script.models.items()}

    def next(self, model: str) -> Step:
        """The step for a request that names ``model``."""
        return next(self._of_model.get(model, self._others))


def _endless(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        for _ in range(step.times):
            yield step
    while True:
        yield steps[-1]
