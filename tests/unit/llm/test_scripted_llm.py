"""The scripted server: answers that fit any schema from the prompt's words alone, and its controls over HTTP."""

from enum import StrEnum
from typing import Annotated

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from aiops_common.testing.llm_answers import answer_to
from aiops_common.testing.llm_server import ScriptedLLM


class Kind(StrEnum):
    RED = "RED"
    GREEN = "GREEN"
    BLUE = "BLUE"


class Item(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=40)]
    sources: Annotated[list[str], Field(min_length=1)]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Kind
    others: Annotated[tuple[Kind, ...], Field(max_length=3)]
    finding: Annotated[str, Field(pattern=r"^F[0-9]+$")] = "F0"
    items: Annotated[list[Item], Field(min_length=2)]
    line: Annotated[int, Field(ge=1)]
    sure: Annotated[float, Field(ge=0, le=1)]
    note: str | None = None
    urgent: bool


_PROMPT = """A guess was made: kind GREEN. BLUE is rare. See F17.
<data>
{"id": "r1", "text": "the first record is here", "size": 12}
{"id": "r2", "text": "the second record is here, and goes on for more than forty"}
</data>"""


def test_an_answer_follows_the_rules() -> None:
    answer = Answer.model_validate(answer_to(Answer.model_json_schema(), _PROMPT))
    assert (answer.kind, answer.others, answer.finding) == (Kind.GREEN, (Kind.GREEN,), "F17")
    assert answer.items[0] == Item(text="the first record is here", sources=["r1"])
    assert answer.items[1] == Item(text="the second record is here, and goes on", sources=["r2"])
    assert (answer.line, answer.sure, answer.note, answer.urgent) == (12, 0.9, None, False)


class Plain(BaseModel):
    words: Annotated[str, Field(min_length=1, max_length=60)]


@given(st.text(max_size=200))
def test_words_are_words_of_the_prompt(prompt: str) -> None:
    words = Plain.model_validate(answer_to(Plain.model_json_schema(), prompt)).words
    assert words in prompt or words == "none"


@pytest.fixture
def body() -> dict[str, object]:
    form = {"name": "Plain", "schema": Plain.model_json_schema()}
    message = {"role": "user", "content": "only these words"}
    return {"model": "m", "messages": [message], "response_format": {"type": "json_schema", "json_schema": form}}


async def test_it_is_controlled_over_http(body: dict[str, object]) -> None:
    async with ScriptedLLM() as llm, httpx.AsyncClient(base_url=llm.base_url.removesuffix("/v1")) as http:
        assert (await http.get("/v1/models")).json()["data"][0]["id"] == "scripted"
        started = await http.post(
            "/script", json={"steps": [{"kind": "status", "status": 503, "times": 2}, {"kind": "ok"}]}
        )
        assert started.status_code == 200
        statuses = [(await http.post("/v1/chat/completions", json=body)).status_code for _ in range(4)]
        assert statuses == [503, 503, 200, 200]
        seen = (await http.get("/requests")).json()
        assert (seen["count"], seen["requests"][0]) == (4, body)
        assert (await http.delete("/requests")).json()["count"] == 0


async def test_a_wrong_script_or_body_is_told(body: dict[str, object]) -> None:
    async with ScriptedLLM() as llm, httpx.AsyncClient(base_url=llm.base_url.removesuffix("/v1")) as http:
        refused = await http.post("/script", json={"steps": [{"kind": "explode"}]})
        assert refused.status_code == 422
        assert "explode" in refused.text
        assert (await http.post("/v1/chat/completions", content=b"{")).status_code == 400
        assert (await http.post("/v1/chat/completions", json=body)).status_code == 200
