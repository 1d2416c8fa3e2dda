"""What the model is to answer with."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Statement(BaseModel):
    """Something that is said, and the ids of the findings and patterns that it is based on."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=400)]
    findings: Annotated[list[str], Field(min_length=1, max_length=20)]


class WindowAnswer(BaseModel):
    """What one part of a long log says."""

    model_config = ConfigDict(extra="forbid")

    statements: Annotated[list[Statement], Field(min_length=1, max_length=6)]


class SummaryAnswer(BaseModel):
    """What a log says."""

    model_config = ConfigDict(extra="forbid")

    headline: Statement
    sentences: Annotated[list[Statement], Field(min_length=1, max_length=8)]
