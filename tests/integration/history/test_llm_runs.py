"""What a model was asked, against PostgreSQL: written and told with the effect or not at all, deleted when old."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from aiops_changelog.repository import ChangelogRepository
from aiops_changelog.service import ChangelogService
from aiops_common.llm import LanguageModel
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, Outgoing, new_message_id
from aiops_common.postgres import Pool
from aiops_common.retention import Retention
from aiops_common.run_records import delete_old_runs
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_common.testing.llm_script import Ok, Script, Status
from aiops_contracts.base import Message
from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TriageTicket
from aiops_summarizer.raw_contents import RawContents
from aiops_summarizer.repository import LogRepository, RawContentRepository
from aiops_summarizer.service import SummarizerService
from aiops_triage.prompts import AskedFor
from aiops_triage.repository import TicketRepository
from aiops_triage.service import TriageService
from support.content_keys import keyring

Do = Callable[[Delivery[Any]], Awaitable[None]]
COMMANDS: dict[str, Message] = {
    "summarizer": SummarizeLog(source="shop", content="ERROR disk full, ask bob@example.com\nINFO done\n"),
    "triage": TriageTicket(title="VPN is down", body="Nobody can connect, says bob@example.com."),
    "changelog": GenerateChangelog.model_validate({"project": "shop", "commits": [{"message": "feat: paging"}]}),
}
STEPS = {"summarizer": ["summary"], "triage": ["triage"], "changelog": ["rewrite", "notes"]}
TABLES = {"summarizer": "log_entries", "triage": "tickets", "changelog": "changelogs"}


@dataclass
class Service:
    """One of the three, asked to do its work; ``sent`` is what it handed over to be published."""

    name: str
    pool: Pool
    do: Do
    sent: list[Outgoing]

    async def work(self, message_id: UUID | None = None) -> UUID:
        """Do the work of a command, under a new id unless one is given."""
        identity = message_id or new_message_id()
        message = COMMANDS[self.name]
        await self.do(Delivery(identity, message, "partner:acme", attempt=1, time=datetime.now(UTC), digest=b"one"))
        return identity

    async def rows(self, subject: UUID) -> list[dict[str, Any]]:
        """The runs about this entity."""
        async with self.pool.connection() as connection:
            found = await connection.fetch("SELECT * FROM llm_runs WHERE subject = $1 ORDER BY id", subject)
        return [dict(row) for row in found]

    async def events(self, subject: UUID) -> list[dict[str, Any]]:
        """What the outbox tells of runs about this entity."""
        async with self.pool.connection() as connection:
            found = await connection.fetch(
                "SELECT convert_from(body, 'UTF8') AS body FROM outbox WHERE routing_key = $1",
                f"{self.name}.llm_runs_recorded.v1",
            )
        bodies = [json.loads(row["body"]) for row in found]
        return [body for body in bodies if body["subject"] == str(subject)]


def service(name: str, pools: dict[str, Pool], model: LanguageModel | None) -> Service:
    pool, sent = pools[name], list[Outgoing]()
    leases, hand_over = Leases(pool, seconds=60), sent.extend
    do: Do
    if name == "summarizer":
        raw = RawContents(pool, RawContentRepository(), keyring())
        do = SummarizerService(pool, LogRepository(), raw, hand_over, model, leases).summarize
    elif name == "triage":
        do = TriageService(pool, TicketRepository(), hand_over, model, leases, asked_for=AskedFor.ALL).triage
    else:
        do = ChangelogService(pool, ChangelogRepository(), hand_over, model, leases).generate
    return Service(name, pool, do, sent)


@pytest.mark.parametrize("name", COMMANDS)
async def test_runs_are_written_and_told_with_the_effect(pools: dict[str, Pool], name: str) -> None:
    asked = service(name, pools, FakeLanguageModel())
    subject = await asked.work()
    rows = await asked.rows(subject)
    assert [row["step"] for row in rows] == STEPS[name]
    assert {row["outcome"] for row in rows} == {"answered"}
    assert all(row["input"] and row["output"] and row["input_tokens"] and row["model"] == "fake" for row in rows)
    assert "bob@example.com" not in str(rows)
    (event,) = await asked.events(subject)
    told = event["data"]["runs"]
    assert [(run["id"], run["step"], run["template"], run["subject"]) for run in told] == [
        (str(row["id"]), row["step"], row["template"], str(subject)) for row in rows
    ]
    assert [message.routing_key for message in asked.sent][1:] == [f"{name}.llm_runs_recorded.v1"]


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_question_without_an_answer_is_recorded_too(pools: dict[str, Pool], name: str) -> None:
    asked = service(name, pools, FakeLanguageModel(Script(steps=(Status(status=500),))))
    subject = await asked.work()
    (row,) = await asked.rows(subject)
    assert (row["outcome"], row["output"], row["input_tokens"]) == ("server error", None, None)
    assert len(await asked.events(subject)) == 1


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_built_in_answer_leaves_no_run(pools: dict[str, Pool], name: str) -> None:
    asked = service(name, pools, None)
    subject = await asked.work()
    assert await asked.rows(subject) == []
    assert await asked.events(subject) == []
    assert len(asked.sent) == 1


@pytest.mark.parametrize("name", COMMANDS)
async def test_what_is_not_written_leaves_none(pools: dict[str, Pool], name: str) -> None:
    first, second = (service(name, pools, FakeLanguageModel()) for _ in range(2))
    subject = await first.work()
    before = await first.rows(subject)
    await second.work(subject)  # the same message once more
    await asyncio.gather(*(first.work(subject) for _ in range(3)), return_exceptions=True)
    assert await first.rows(subject) == before
    assert len(await first.events(subject)) == 1
    assert second.sent == []


async def test_a_ticket_that_the_engine_is_sure_of_is_not_asked_about(pools: dict[str, Pool]) -> None:
    model = FakeLanguageModel()
    pool = pools["triage"]
    none = TriageService(pool, TicketRepository(), print, model, Leases(pool, seconds=None), asked_for=AskedFor.NONE)
    await Service("triage", pool, none.triage, []).work()
    assert model.prompts == []


async def test_runs_that_cannot_be_written_take_the_effect_back(pools: dict[str, Pool]) -> None:
    asked = service("triage", pools, FakeLanguageModel())
    subject = new_message_id()
    async with asked.pool.connection() as connection:
        await connection.execute("ALTER TABLE llm_runs ADD CONSTRAINT none CHECK (outcome <> 'answered') NOT VALID")
    try:
        with pytest.raises(Exception, match="none"):
            await asked.work(subject)
    finally:
        async with asked.pool.connection() as connection:
            await connection.execute("ALTER TABLE llm_runs DROP CONSTRAINT none")
    async with asked.pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM tickets WHERE id = $1", subject) == 0
    assert await asked.rows(subject) == []
    assert asked.sent == []
    await asked.work(subject)
    assert len(await asked.rows(subject)) == 1


async def test_old_runs_are_deleted_in_steps(pools: dict[str, Pool]) -> None:
    asked = service("changelog", pools, FakeLanguageModel(Script(steps=(Ok(),))))
    old, new = await asked.work(), await asked.work()
    async with asked.pool.connection() as connection:
        await connection.execute("UPDATE llm_runs SET at = at - interval '31 days' WHERE subject = $1", old)
        await connection.execute(
            """
            INSERT INTO llm_runs SELECT gen_random_uuid(), operation, step, template, model, outcome, input, output,
                input_tokens, output_tokens, duration_ms, subject, trace_id, at
            FROM llm_runs, generate_series(1, 75) WHERE subject = $1
            """,
            old,
        )
        assert await delete_old_runs(connection, older_than_days=30) == 100
    await Retention(asked.pool, "llm_runs", partial(delete_old_runs, older_than_days=30)).sweep()
    assert await asked.rows(old) == []
    assert len(await asked.rows(new)) == 2
