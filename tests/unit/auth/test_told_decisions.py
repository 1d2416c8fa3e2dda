"""What operators see of decisions about accounts: one line each, counters without names, spans without content."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from aiops_auth import passwords as passwords_module
from aiops_auth.passwords import Passwords, TooManyWaiting
from support.metrics import Counted, value
from unit.auth.harness import Auth, refresh_token_of

WRONG = "not the right sentence"


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def events(lines: list[Any]) -> list[str]:
    return [line["event"] for line in lines]


def sign_ins(outcome: str) -> Counted:
    return Counted("aiops_sign_ins_total", outcome=outcome)


async def test_a_log_in_is_one_line_and_one_count(auth: Auth, lines: list[Any]) -> None:
    made = (await auth.sign_up()).reply.user
    assert made is not None
    ok, bad = sign_ins("ok"), sign_ins("bad_credentials")
    await auth.log_in()
    await auth.log_in(password=WRONG)
    assert [(one["event"], one["log_level"]) for one in lines] == [
        ("account.created", "info"),
        ("sign_in.accepted", "info"),
        ("sign_in.refused", "warning"),
    ]
    assert lines[1]["account_id"] == made.id
    assert (ok.more, bad.more) == (1, 1)


async def test_neither_line_nor_count_tells_whether_there_is_an_account(auth: Auth) -> None:
    await auth.sign_up()
    seen = []
    for email in ("ada@example.org", "nobody@example.org"):
        bad, locked = sign_ins("bad_credentials"), sign_ins("locked")
        with capture_logs() as lines:
            outcomes = [(await auth.log_in(email, WRONG)).outcome for _ in range(12)]
        assert "ACCOUNT_LOCKED" in outcomes
        seen.append((lines, bad.more, locked.more))
    assert seen[0] == seen[1]


async def test_a_log_in_that_nobody_decided_is_counted(auth: Auth, passwords: Passwords) -> None:
    overloaded, waiting = sign_ins("overloaded"), value("aiops_password_hashes_waiting")
    passwords._most_waiting = 0
    async with passwords.turn(), passwords.turn():
        with pytest.raises(TooManyWaiting):
            await auth.log_in()
    assert overloaded.more == 1
    assert value("aiops_password_hashes_waiting") == waiting


def test_every_outcome_of_a_log_in_is_at_0_from_the_start() -> None:
    # In a process of its own: here, others may have counted already.
    script = "import aiops_auth.metrics, prometheus_client; print(prometheus_client.generate_latest().decode())"
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    found = set(re.findall(r'^aiops_sign_ins_total\{outcome="(\w+)"\} 0\.0$', shown, re.MULTILINE))
    assert found == {
        "ok", "bad_credentials", "locked", "invalid_input", "key_unknown", "overloaded", "error", "other",
    }  # fmt: skip


async def test_a_token_that_comes_again_is_told_and_counted_once(auth: Auth, lines: list[Any]) -> None:
    reuses = Counted("aiops_refresh_reuses_total")
    first = refresh_token_of(await auth.sign_up())
    auth.clock.forward(seconds=1)
    second = refresh_token_of(await auth.refresh(first))
    auth.clock.forward(seconds=60)
    assert (await auth.refresh(first)).outcome == "BAD_CREDENTIALS"
    assert (await auth.refresh(second)).outcome == "BAD_CREDENTIALS"
    assert events(lines) == [
        "account.created",
        "session.refreshed",
        "session.family_revoked",
        "session.refresh_refused",
    ]
    assert reuses.more == 1


async def test_a_log_out_is_told_where_it_ended_a_session(auth: Auth, lines: list[Any]) -> None:
    token = refresh_token_of(await auth.sign_up())
    await auth.log_out(token)
    await auth.log_out(token)
    assert events(lines) == ["account.created", "session.ended"]


async def test_a_rotation_is_one_line(auth: Auth, lines: list[Any]) -> None:
    rotation = await auth.keys.rotate(at_once=True)
    (line,) = lines
    assert (line["event"], line["kid"], line["at_once"]) == ("keys.rotated", rotation.signing_key.kid, True)


async def test_a_slow_log_in_is_explained_by_its_spans(auth: Auth) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, passwords_module._tracer = passwords_module._tracer, provider.get_tracer("test")
    try:
        with passwords_module._tracer.start_as_current_span("answer"):
            await auth.log_in(password=WRONG)
    finally:
        passwords_module._tracer = before
    hashed, answer = exporter.get_finished_spans()
    assert (hashed.name, hashed.kind, dict(hashed.attributes or {})) == ("hash password", trace.SpanKind.INTERNAL, {})
    assert hashed.parent == answer.get_span_context()
    assert "aiops.password_hash.wait_ms" in (answer.attributes or {})
