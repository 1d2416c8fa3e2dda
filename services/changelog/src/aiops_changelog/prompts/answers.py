"""What the model is to answer with."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Rewording(BaseModel):
    """The id of an entry, and its text in other words."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=20)]
    text: Annotated[str, Field(min_length=1, max_length=400)]


class RewriteAnswer(BaseModel):
    """Entries in other words; what is not among them stays as it is."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[list[Rewording], Field(max_length=100)]


class NotesSentence(BaseModel):
    """One sentence of the notes and the ids of the entries that it is based on."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=400)]
    entries: Annotated[list[str], Field(min_length=1, max_length=50)]


class NotesAnswer(BaseModel):
    """The release notes."""

    model_config = ConfigDict(extra="forbid")

    sentences: Annotated[list[NotesSentence], Field(min_length=1, max_length=6)]
