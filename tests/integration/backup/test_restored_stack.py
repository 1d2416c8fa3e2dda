"""A machine is lost. On an empty one, a backup and the keys bring back the same data, and the services go on with it.

The first stack works, is backed up while work is on its way, and ends. Another PostgreSQL and another RabbitMQ, with
other administrators, get the backup; then the services are started on them.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from aiops_local.layout import write_private
from aiops_local.processes import Command
from aiops_local.services import SERVICES
from aiops_local.stack import Stack
from e2e import documents
from support.administrator import administrator
from support.broker_control import management
from support.eventually import eventually
from support.graphql import Json
from support.handing_in import hand_in, unsent
from support.ledger import Ledger
from support.servers import ROOT
from support.stack import RunningStack, running_stack

pytestmark = pytest.mark.timeout(300)

COMMITS = [{"message": "feat: paging of lists", "hash": "a1b2c3d"}, {"message": "fix: wrong total", "hash": "b1b2c3d"}]
ON_ITS_WAY = 15
NEW_MACHINE = ("postgres:superuser", "rabbitmq:administrator", "rabbitmq:cookie")
"""What a machine chooses for itself; the rest of credentials.json are secrets of the services, kept elsewhere."""


Table = tuple[int, str]


def run(command: Command) -> str:
    """What a command printed; its failure fails the test."""
    ended = subprocess.run(
        command.argv, env={**os.environ, **command.environment}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def backup(stack: Stack, *arguments: str) -> str:
    """``python -m deploy.backup`` with the addresses of a stack's servers."""
    servers = {"POSTGRES_ADMIN_URL": stack.postgres.url, "RABBITMQ_MANAGEMENT_URL": stack.rabbitmq.management_url}
    return run(Command("backup", (sys.executable, "-m", "deploy.backup", *arguments), servers, ROOT))


def tables(url: str) -> dict[str, Table]:
    """For every table of the services its number of rows, and a hash over all of them, sorted as text."""
    found = {}
    every = SQL("SELECT count(*), coalesce(md5(string_agg(r::text, chr(10) ORDER BY r::text)), '') FROM {} AS r")
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname <> ALL('{pg_catalog,information_schema}')"
        ).fetchall()
        for schema, name in names:
            row = connection.execute(every.format(Identifier(schema, name))).fetchone()
            assert row is not None
            found[f"{schema}.{name}"] = (row[0], row[1])
    return found


def rights(url: str) -> list[tuple[Any, ...]]:
    """Owner and grants of every table and sequence."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT nspname, relname, pg_get_userbyid(relowner), relacl::text FROM pg_class "
            "JOIN pg_namespace AS n ON n.oid = relnamespace "
            "WHERE relkind IN ('r', 'S') AND nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2"
        ).fetchall()


@dataclass(frozen=True)
class Machine:
    """What the servers of a machine hold."""

    tables: dict[str, Table]
    rights: list[tuple[Any, ...]]

    @classmethod
    def of(cls, url: str) -> "Machine":
        return cls(tables(url), rights(url))


@dataclass(frozen=True)
class Lost:
    """What is left of the first machine, and what is known of it."""

    folder: Path
    secrets: Mapping[str, str]
    held: Machine
    queues: list[str]
    done: list[Json]
    waiting: list[Json]
    changelog: Json


@dataclass(frozen=True)
class Restored:
    """The second machine: what it held after the restore, before anything else, and what the provisioner then said."""

    stack: RunningStack
    held: Machine
    told: str
    provisioned: str


async def queues(stack: RunningStack) -> list[str]:
    return sorted(queue["name"] for queue in (await management(stack, "GET", "/queues")).json())


def ledger_of(stack: RunningStack) -> Ledger:
    environment = stack.environment
    return Ledger(environment["DATABASE_URL"], stack.amqp_url, environment["RABBITMQ_MANAGEMENT_URL"])


@pytest.fixture(scope="module")
async def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    """The first machine, of which a backup and the services' secrets are left."""
    folder = tmp_path_factory.mktemp("backups") / "nightly"
    with running_stack() as stack:
        admin = await administrator(stack)
        done = await hand_in(admin, "Done before the backup", 20)
        changelog = await documents.drafted(admin, project="shop", release="1.4.0", commits=COMMITS)
        log = await documents.submit(admin, documents.SUMMARIZE_LOG, source="app", content="ERROR disk full\n" * 20)
        await documents.settled(admin, documents.WATCH_LOG_ENTRY, log)
        assert (await ledger_of(stack).balance(done)).check().counts == {"completed": 20}
        await stack.kill("triage")
        waiting = await hand_in(admin, "On its way at the time of the backup", ON_ITS_WAY)

        async def all_sent() -> bool:
            return await unsent(stack, "gateway") == 0

        await eventually(all_sent)
        # Nothing changes between the backup and the look at what it must hold.
        await stack.kill(*(name for name in SERVICES if name != "triage"))
        await asyncio.to_thread(backup, stack.stack, "create", str(folder))
        return Lost(
            folder=folder,
            secrets=json.loads(stack.stack.layout.credentials.read_text()),
            held=Machine.of(stack.environment["DATABASE_URL"]),
            queues=await queues(stack),
            done=done,
            waiting=waiting,
            changelog=changelog,
        )


@pytest.fixture(scope="module")
def restored(lost: Lost) -> Iterator[Restored]:
    """The second machine, restored as docs/runbook.md says."""
    seen: dict[str, Any] = {}

    def restore(stack: Stack) -> None:
        kept = {name: value for name, value in lost.secrets.items() if name not in NEW_MACHINE}
        write_private(stack.layout.credentials, json.dumps(kept))
        stack.postgres.start()
        stack.rabbitmq.start()
        run(stack.services.provision_postgres())
        seen["told"] = backup(stack, "restore", str(lost.folder))
        seen["held"] = Machine.of(stack.postgres.url)
        seen["provisioned"] = run(stack.services.provision_rabbitmq())

    with running_stack(prepare=restore) as stack:
        yield Restored(stack, **seen)


def test_every_table_holds_what_it_held_and_belongs_to_whom_it_belonged(lost: Lost, restored: Restored) -> None:
    assert restored.held == lost.held
    assert restored.held.tables["gateway.tickets"][0] == 20 + ON_ITS_WAY
    assert restored.held.tables["triage_history.ticket_changes"][0] == 20
    rows = sum(count for count, _ in lost.held.tables.values())
    assert f"{len(lost.held.tables)} tables, {rows} rows, all as they were" in restored.told


async def test_the_broker_and_the_histories_need_nothing_more(lost: Lost, restored: Restored) -> None:
    assert "created 0, " in restored.provisioned
    assert await queues(restored.stack) == lost.queues
    assert "(0 newly)" in restored.stack.stack.processes.last_lines("protect-postgres")


async def test_people_log_in_see_what_was_done_and_have_new_work_done(lost: Lost, restored: Restored) -> None:
    admin = await administrator(restored.stack)
    shown = (await admin.execute(documents.GET_CHANGELOG, id=lost.changelog["id"]))["changelog"]
    assert (shown["state"], shown["markdown"]) == ("SUCCEEDED", lost.changelog["markdown"])
    new = await hand_in(admin, "After the restore", 10)
    assert (await ledger_of(restored.stack).balance([*lost.done, *new])).check().counts == {"completed": 30}


async def test_what_was_on_its_way_is_done_once_it_is_sent_again(lost: Lost, restored: Restored) -> None:
    stack = restored.stack
    assert (await ledger_of(stack).balance(lost.waiting, seconds=2)).counts == {"lost": ON_ITS_WAY}
    serving = stack.stack.services.serve("gateway", scripted_llm=False)
    since = json.loads((lost.folder / "manifest.json").read_text())["taken_at"][:10]
    run(Command("resend", (*serving.argv[:-1], "resend", "--since", f"{since}T00:00:00Z"), serving.environment, ROOT))
    assert (await ledger_of(stack).balance([*lost.done, *lost.waiting])).check().counts == {
        "completed": 20 + ON_ITS_WAY
    }
