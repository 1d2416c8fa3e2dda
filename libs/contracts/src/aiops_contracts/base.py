"""What every message has in common: its envelope, its kinds, and the vocabulary that several owners share."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999 in UTC") from None


def _storable(value: str) -> str:
    # PostgreSQL refuses NUL in text and jsonb, and UTF-8 has no encoding for lone surrogates:
    # such a text can never be stored, so it is refused where it enters instead of being retried.
    if "\x00" in value:
        raise ValueError("must not contain NUL characters (U+0000)")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain lone surrogates (U+D800 to U+DFFF)") from None
    return value


Timestamp = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A point in time, timezone-aware, normalised to UTC."""

Storable = AfterValidator(_storable)
"""For text that PostgreSQL and UTF-8 can hold: no NUL, no lone surrogate. Stands behind limits on the length, so that
pydantic words those for text."""

Text = Annotated[str, Storable]
"""Text of any length that can be stored."""


class Model(BaseModel):
    """Base of everything on the wire: immutable, tolerant of fields that a newer publisher adds."""

    # What breaks a rule may be a secret or personal: errors name the field and the rule, never the value.
    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True, hide_input_in_errors=True)


class Message(Model):
    """A payload with a wire type, which is also its routing key: ``owner.message.vN``."""

    message_type: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "message_type" in cls.__dict__:
            _REGISTRY[cls.message_type] = cls


class Command(Message):
    """Asks its owner to do something; consumed from ``<owner>.work``."""


class Event(Message):
    """Tells what happened at its owner; published to ``aiops.events``."""


class Request(Message):
    """Asks its owner for a decision now; answered over ``<owner>.requests`` within a deadline."""


_REGISTRY: dict[str, type[Message]] = {}


def registered_messages() -> dict[str, type[Message]]:
    """Wire type → class, for all messages whose modules have been imported."""
    return dict(_REGISTRY)


class Envelope(Model):
    """CloudEvents 1.0 context attributes in structured JSON mode.

    ``data`` stays undecoded here: the consumer picks the class by ``type``.
    Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
    """

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: Annotated[str, Field(min_length=1, max_length=200)]
    type: Annotated[str, Field(min_length=1, max_length=200)]
    time: Timestamp
    subject: Annotated[str, Field(max_length=200)] | None = None
    dataschema: Annotated[str, Field(max_length=500)] | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any]

    @classmethod
    def wrap(
        cls, message: Message, *, message_id: UUID, source: str, time: datetime, subject: str | None = None
    ) -> Self:
        """Put ``message`` into an envelope; ``source`` names the publishing process, e.g. ``aiops/triage``."""
        return cls(
            id=message_id,
            source=source,
            type=message.message_type,
            time=time,
            subject=subject,
            data=message.model_dump(mode="json"),
        )


class Engine(StrEnum):
    """Who wrote an answer."""

    BUILTIN = "BUILTIN"
    LLM = "LLM"


class JobState(StrEnum):
    """How far a piece of work has come."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Severity(StrEnum):
    """How bad it is for those who depend on the system."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Provenance(Model):
    """How a result came to be."""

    engine: Engine
    degraded: bool = False
    degraded_reason: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: int


class JobFailure(Model):
    """Why a piece of work was given up, in words that its owner can read."""

    code: str
    message: str
    attempts: int


class Snapshot(Model):
    """The whole of an entity at one version; consumers ignore versions older than the one they have."""

    id: UUID
    version: Annotated[int, Field(ge=0)]
    state: JobState
    failure: JobFailure | None = None
    trace_id: str | None = None
    created_at: Timestamp
    updated_at: Timestamp


class LlmRun(Model):
    """One question to a language model for one piece of work, and what came of it.

    ``operation`` is what was asked for ("summarize", "triage", "changelog"), ``step`` the step of its chain and
    ``template`` the version of the prompt, e.g. "window/v1". ``input`` and ``output`` are redacted and cut; ``output``
    is None where there was none. ``outcome`` is "answered" or why the answer was not used: a short code of ours.
    """

    id: UUID
    operation: Annotated[str, Field(max_length=50)]
    step: Annotated[str, Field(max_length=50)]
    template: Annotated[str, Field(max_length=100)]
    model: Annotated[str, Field(max_length=200)] | None = None
    outcome: Annotated[str, Field(max_length=200)]
    input: str
    output: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: int
    subject: UUID
    trace_id: str | None = None
    at: Timestamp


class FlagKind(StrEnum):
    """What a feature flag says."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"


MAX_FLAG_KEY_LENGTH = 100
MAX_FLAG_VALUE_LENGTH = 200
MAX_FLAG_TARGETS = 1000
MAX_FLAG_ROLES = 20

FlagKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=MAX_FLAG_KEY_LENGTH)]
FlagTarget = Annotated[str, Field(pattern=r"^[a-z_]+:[A-Za-z0-9_-]+$", max_length=100)]


class FeatureFlag(Model):
    """A feature flag at one version: what it says, and for whom.

    While it is ``enabled`` it is on for whoever or whatever ``allow`` names, for all with one of ``roles``, and for
    ``percentage`` of everything else, chosen by a hash of the work's id: raising it takes nobody away. Where it is off
    a BOOLEAN is false, and a STRING says nothing, so that whoever asks goes on with what it has. On, a BOOLEAN is true
    and a STRING says ``value``. ``allow`` has principals (``user:<uuid>``, ``key:<uuid>``, ``partner:<name>``) and
    pieces of work (``<kind>:<uuid>``). With each change ``updated_at`` and, unless the gateway's table was restored or
    the flag made again, ``version`` are greater.
    """

    key: FlagKey
    version: Annotated[int, Field(ge=1)]
    kind: FlagKind = FlagKind.BOOLEAN
    value: Annotated[str, Field(min_length=1, max_length=MAX_FLAG_VALUE_LENGTH), Storable] | None = None
    enabled: bool
    percentage: Annotated[int, Field(ge=0, le=100)] = 100
    roles: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Z_]+$", max_length=50)], ...], Field(max_length=MAX_FLAG_ROLES)
    ] = ()
    allow: Annotated[tuple[FlagTarget, ...], Field(max_length=MAX_FLAG_TARGETS)] = ()
    updated_at: Timestamp

    @model_validator(mode="after")
    def _says_what_its_kind_says(self) -> Self:
        if (self.kind is FlagKind.STRING) != (self.value is not None):
            raise ValueError("value is what a STRING says where it is on: give it with STRING, and only there")
        return self


ReplayLimit = Annotated[int, Field(ge=1, le=1000)]
"""Most snapshots in a page of a replay; the owner cuts the page shorter where they are large."""


class ChangeRecord(Model):
    """One version of an entity in its owner's history.

    ``delta`` maps the name of each field that changed to its value before and after, both as in the JSON of the
    entity's snapshot; before its first version every field is null. ``id`` and ``version`` are not among them.
    ``changed_by`` is a principal (``user:<uuid>``, ``key:<uuid>``), None for the system.
    """

    version: Annotated[int, Field(ge=1)]
    kind: str
    changed_at: Timestamp
    changed_by: str | None = None
    delta: dict[str, tuple[Any, Any]]


class ChangePage(Model):
    """Answer to a request for changes: some, oldest first; ``next_after`` is None where there are no more."""

    changes: tuple[ChangeRecord, ...]
    next_after: int | None = None
