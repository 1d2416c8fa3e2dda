"""Whatever a valid message holds, it arrives as it was sent."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aiops_common.messaging.message import decode_data, decode_envelope, encode
from aiops_contracts.auth import SignUp
from aiops_contracts.base import Engine, JobFailure, JobState, Message, Provenance, Severity
from aiops_contracts.changelog import ChangeSection, CommitInput, EntryInput, GenerateChangelog
from aiops_contracts.summarizer import (
    MAX_LOG_BYTES,
    LogLevel,
    LogPattern,
    LogSnapshot,
    LogSummarized,
    LogSummary,
    SummarizeLog,
)
from aiops_contracts.triage import (
    Priority,
    TicketCategory,
    TicketSnapshot,
    TicketStatus,
    TicketTriaged,
    TriageResult,
    TriageTicket,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80)
MAYBE_TEXT = st.none() | TEXT
TIME = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- made aware by `timezones`
COUNT = st.integers(0, 2**31)

EMAIL = st.builds("{}@{}.example".format, st.from_regex(r"[a-z0-9.+-]{1,20}", fullmatch=True), st.sampled_from("ab"))
PROVENANCE = st.builds(
    Provenance, engine=st.sampled_from(Engine), degraded=st.booleans(), degraded_reason=MAYBE_TEXT, duration_ms=COUNT
)
SNAPSHOT = {
    "id": st.uuids(),
    "version": COUNT,
    "state": st.sampled_from(JobState),
    "failure": st.none() | st.builds(JobFailure, code=TEXT, message=TEXT, attempts=COUNT),
    "trace_id": MAYBE_TEXT,
    "created_at": TIME,
    "updated_at": TIME,
}
PATTERN = st.builds(
    LogPattern,
    template=TEXT,
    level=st.sampled_from(LogLevel),
    count=COUNT,
    first_seen=st.none() | TIME,
    first_line=COUNT,
    example=TEXT,
)
SUMMARY = st.builds(
    LogSummary,
    headline=TEXT,
    text=TEXT,
    severity=st.sampled_from(Severity),
    patterns=st.lists(PATTERN, max_size=3).map(tuple),
    pattern_count=COUNT,
    redactions=COUNT,
    provenance=PROVENANCE,
)
LOG = st.builds(
    LogSnapshot,
    source=TEXT,
    content=TEXT,
    line_count=COUNT,
    byte_count=COUNT,
    summary=st.none() | SUMMARY,
    **SNAPSHOT,
)
TRIAGE = st.builds(
    TriageResult,
    category=st.sampled_from(TicketCategory),
    severity=st.sampled_from(Severity),
    priority=st.sampled_from(Priority),
    confidence=st.floats(0, 1),
    needs_review=st.booleans(),
    reasons=st.lists(TEXT, max_size=3).map(tuple),
    provenance=PROVENANCE,
)
TICKET = st.builds(
    TicketSnapshot,
    title=TEXT,
    body=TEXT,
    source=TEXT,
    status=st.sampled_from(TicketStatus),
    triage=st.none() | TRIAGE,
    **SNAPSHOT,
)
COMMIT = st.builds(
    CommitInput, message=TEXT, committed_at=st.none() | TIME, paths=st.lists(TEXT, max_size=3).map(tuple)
)
ENTRY = st.builds(EntryInput, section=st.sampled_from(ChangeSection), text=TEXT, breaking=st.booleans())
MESSAGE: st.SearchStrategy[Message] = st.one_of(
    st.builds(SummarizeLog, source=TEXT, content=TEXT),
    st.builds(TriageTicket, title=TEXT, body=TEXT, reporter_email=st.none() | EMAIL, source=MAYBE_TEXT),
    st.builds(GenerateChangelog, project=TEXT, commits=st.lists(COMMIT, max_size=3).map(tuple), entries=st.none()),
    st.builds(GenerateChangelog, project=TEXT, commits=st.none(), entries=st.lists(ENTRY, max_size=3).map(tuple)),
    st.builds(LogSummarized, log=LOG),
    st.builds(TicketTriaged, ticket=TICKET),
    st.builds(SignUp, sealed=TEXT, address=MAYBE_TEXT),
)


@given(message=MESSAGE, message_id=st.uuids(), subject=st.none() | st.uuids().map(str), time=TIME)
def test_what_is_sent_arrives(message: Message, message_id: UUID, subject: str | None, time: datetime) -> None:
    body = encode(message, message_id=message_id, source="aiops/test", subject=subject, time=time)
    envelope = decode_envelope(body)
    assert (envelope.id, envelope.subject, envelope.time) == (message_id, subject, time)
    assert envelope.type == message.message_type
    assert decode_data(envelope, type(message)) == message


@given(
    time=st.datetimes(
        min_value=datetime(1971, 1, 1),  # noqa: DTZ001 -- as above
        max_value=datetime(9000, 1, 1),  # noqa: DTZ001 -- as above
        timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone),
    )
)
def test_times_are_utc_wherever_they_were_written(time: datetime) -> None:
    commit = CommitInput(message="m", committed_at=time)
    assert commit.committed_at == time
    assert commit.committed_at is not None
    assert commit.committed_at.tzinfo is UTC


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\udfff"])
@pytest.mark.parametrize("field", ["title", "body", "source"])
def test_what_no_database_can_hold_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError, match=field):
        TriageTicket.model_validate({"title": "t", "body": "b", field: text})


def test_a_log_may_have_a_mebibyte_of_utf8_and_no_more() -> None:
    assert SummarizeLog(source="s", content="é" * (MAX_LOG_BYTES // 2)).content
    with pytest.raises(ValidationError, match="1 MiB"):
        SummarizeLog(source="s", content="é" * (MAX_LOG_BYTES // 2) + "x")


@pytest.mark.parametrize("given_inputs", [{}, {"commits": [{"message": "m"}], "entries": []}])
def test_a_changelog_is_made_from_exactly_one_input(given_inputs: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="exactly one of commits and entries"):
        GenerateChangelog.model_validate({"project": "p", **given_inputs})
