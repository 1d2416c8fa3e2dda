"""A model as bytes: NPZ for the numbers, JSON for the words; never pickle. Hostile bytes are refused, not run."""

import io
import zipfile
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aiops_triage.engine.model.example import InvalidModel
from aiops_triage.engine.model.features import MAX_READ
from aiops_triage.engine.model.trained import TrainedModel
from aiops_triage.engine.model.vocabulary import MAX_TERMS, Block, Vocabulary

FORMAT: Final = 2
MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a stored model, and of what it unpacks to."""
MAX_LABELS: Final = 100

_MEMBERS: Final = frozenset({"about.npy", "coefficients.npy"})
_Label = Annotated[str, Field(min_length=1, max_length=200)]
_Term = Annotated[str, Field(min_length=1, max_length=2 * MAX_READ)]
_Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
"""Far beyond what is ever learned; bounded, so that no sum of products of them overflows."""
_Numbers = Annotated[list[_Number], Field(max_length=MAX_LABELS)]


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    terms: Annotated[list[_Term], Field(max_length=MAX_TERMS)]
    weights: Annotated[list[_Number], Field(max_length=MAX_TERMS)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.terms) != len(self.weights) or len(set(self.terms)) != len(self.terms):
            raise ValueError("terms are different from each other, and each has a weight")
        return self

    def block(self) -> Block:
        return Block(tuple(self.terms), tuple(self.weights))


class _Format(BaseModel):
    """Read first: of another format nothing else is known."""

    format: int


class _About(BaseModel):
    """All of a model but its coefficients."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int
    labels: Annotated[list[_Label], Field(min_length=2, max_length=MAX_LABELS)]
    words: _Block
    lead: _Block
    letters: _Block
    phrases: _Block
    intercepts: _Numbers
    scale: Annotated[float, Field(gt=0, lt=1e6)]
    offsets: _Numbers
    threshold: Annotated[float, Field(ge=0, le=2)]
    metrics: Annotated[dict[str, _Number], Field(max_length=50)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        labels = len(set(self.labels))
        if not labels == len(self.labels) == len(self.intercepts) == len(self.offsets):
            raise ValueError("labels are different from each other, and each has an intercept and an offset")
        return self

    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.words.block(), self.lead.block(), self.letters.block(), self.phrases.block())


def written(model: TrainedModel) -> bytes:
    """``model`` as bytes that ``read_back`` reads; the same model gives the same bytes."""
    words, lead, letters, phrases = (
        _Block(terms=list(block.terms), weights=list(block.weights)) for block in model.vocabulary.blocks
    )
    about = _About(
        format=FORMAT,
        labels=list(model.labels),
        words=words,
        lead=lead,
        letters=letters,
        phrases=phrases,
        intercepts=list(model.intercepts),
        scale=model.scale,
        offsets=list(model.offsets),
        threshold=model.threshold,
        metrics=dict(model.metrics),
    )
    into = io.BytesIO()
    described = np.frombuffer(about.model_dump_json().encode(), np.uint8)
    np.savez_compressed(into, about=described, coefficients=model.coefficients.astype(np.float16))
    return into.getvalue()


def read_back(data: bytes) -> TrainedModel:
    """The model that ``written`` wrote; raises InvalidModel for anything else, whatever the bytes are."""
    described, coefficients = _arrays(data)
    try:
        said = described.tobytes()
        if (found := _Format.model_validate_json(said).format) != FORMAT:
            raise InvalidModel(f"the model has format {found}, this version reads {FORMAT}: train it again")
        about = _About.model_validate_json(said)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise InvalidModel(f"the model's description cannot be read: {place}: {first['msg']}") from None
    vocabulary = about.vocabulary()
    shape = (len(vocabulary), len(about.labels))
    if coefficients.shape != shape or coefficients.dtype != np.float16 or not np.isfinite(coefficients).all():
        raise InvalidModel(
            f"coefficients are {coefficients.dtype} {coefficients.shape}, expected finite float16 {shape}"
        )
    return TrainedModel(
        labels=tuple(about.labels),
        vocabulary=vocabulary,
        coefficients=coefficients.astype(np.float32),
        intercepts=about.intercepts,
        scale=about.scale,
        offsets=about.offsets,
        threshold=about.threshold,
        metrics=about.metrics,
    )


def _arrays(data: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """Description and coefficients; their sizes are checked before anything is unpacked."""
    if len(data) > MAX_BYTES:
        raise InvalidModel(f"{len(data):,} bytes, a model has at most {MAX_BYTES:,}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            size = sum(member.file_size for member in members)
        if names != _MEMBERS or len(members) != len(_MEMBERS):
            raise InvalidModel(f"it does not hold exactly {', '.join(sorted(_MEMBERS))}")
        if size > MAX_BYTES:
            raise InvalidModel(f"it unpacks to {size:,} bytes, a model has at most {MAX_BYTES:,}")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return stored["about"], stored["coefficients"]
    except InvalidModel:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds for broken bytes
        raise InvalidModel(f"not a stored model: {error}"[:300]) from None
