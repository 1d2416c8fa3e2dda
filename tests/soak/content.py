"""Work to hand in, made up: the same number always gives the same work."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """The three kinds of work."""

    TICKET = "ticket"
    LOG = "log"
    CHANGELOG = "changelog"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work; ``values`` is the input of its mutation, its idempotency key included."""

    kind: JobKind
    values: dict[str, Any]

    @property
    def key(self) -> str:
        """The idempotency key, unique in a run."""
        return str(self.values["idempotencyKey"])


_SHARES = {JobKind.TICKET: 14, JobKind.LOG: 3, JobKind.CHANGELOG: 3}
_SYSTEMS = (
    "checkout",
    "payroll",
    "search",
    "VPN gateway",
    "mail relay",
    "staging cluster",
    "invoice export",
    "intranet",
)
_TROUBLES = (
    "{system} is down for all customers",
    "{system} answers with 502 since the last deployment",
    "Please give me access to {system}",
    "{system} is very slow in the mornings",
    "How do I reset my password for {system}?",
    "Feature request: dark mode in {system}",
    "Suspicious log-ins at {system} from abroad",
    "Wrong total on the bill of {system}",
    "Disk of {system} is almost full",
)
_DETAILS = (
    "It began at {hour}:15 and concerns {people} colleagues.",
    "Anna (anna.schmidt{people}@example.com) can show it on the phone, +49 30 1234{people:04}.",
    "We tried to restart it twice; the error came back after {hour} minutes.",
    "There is no urgency, next week is fine.",
    "Customers cannot pay. Production is blocked!",
    "The message was: connection to 10.1.{hour}.{people}:5432 refused.",
)
_LEVELS = ("DEBUG", "INFO", "INFO", "INFO", "INFO", "WARN", "ERROR")
_LINES = (
    "request {id} served in {ms} ms",
    "connection to 10.0.{octet}.7:5432 refused, retrying in {octet} s",
    "user user{octet}@example.com logged in from 192.0.2.{octet}",
    "job {id} finished, {ms} rows written",
    "cache miss for key session:{id}",
    "queue orders has {ms} messages",
)
_COMMITS = (
    "feat({area}): add paging to lists (#{number})",
    "fix({area}): wrong total on the invoice",
    "fix: do not lose the last line of an upload (#{number})",
    "feat({area})!: drop the old export\n\nBREAKING CHANGE: use /v2/export",
    "docs: explain how to restore a backup",
    "perf({area}): read a page in one query",
    "Update the {area} dependencies",
    "wip {area} {number}",
    "refactor({area}): one name for one thing",
)


def job(seed: int, number: int) -> Job:
    """Job ``number`` of the run with this seed: mostly tickets, and some logs and changelogs."""
    chance = random.Random(f"{seed}/{number}")
    kind = chance.choices(list(_SHARES), weights=list(_SHARES.values()))[0]
    make = {JobKind.TICKET: _ticket, JobKind.LOG: _log, JobKind.CHANGELOG: _changelog}[kind]
    return Job(kind, {**make(chance, number), "idempotencyKey": f"soak-{seed}-{number}"})


def _ticket(chance: random.Random, number: int) -> dict[str, Any]:
    title = chance.choice(_TROUBLES).format(system=chance.choice(_SYSTEMS))
    details = chance.sample(_DETAILS, chance.randint(1, 4))
    body = " ".join(detail.format(hour=chance.randint(1, 23), people=chance.randint(1, 250)) for detail in details)
    ticket = {"title": f"{title} ({number})", "body": body, "source": chance.choice(("mail", "monitoring", "phone"))}
    return ticket | ({"reporterEmail": f"reporter{number}@example.org"} if chance.random() < 0.5 else {})


def _log(chance: random.Random, number: int) -> dict[str, Any]:
    moment = datetime(2026, 3, 1, 10, tzinfo=UTC) + timedelta(seconds=number)
    lines = []
    for _ in range(chance.randint(5, 120)):
        moment += timedelta(milliseconds=chance.randint(1, 900))
        text = chance.choice(_LINES).format(
            id=f"{chance.getrandbits(32):08x}", ms=chance.randint(1, 4000), octet=chance.randint(1, 250)
        )
        lines.append(f"{moment:%Y-%m-%dT%H:%M:%S}Z {chance.choice(_LEVELS):5} {text}")
    return {"source": f"{chance.choice(_SYSTEMS)} {number}", "content": "\n".join(lines) + "\n"}


def _changelog(chance: random.Random, number: int) -> dict[str, Any]:
    commits = [
        {
            "message": chance.choice(_COMMITS).format(
                area=chance.choice(("api", "export", "ui", "db")), number=chance.randint(1, 999)
            ),
            "hash": f"{chance.getrandbits(160):040x}",
            "author": chance.choice(("Ann", "Bob", "Chris")),
        }
        for _ in range(chance.randint(1, 25))
    ]
    return {"project": f"{chance.choice(('shop', 'search', 'billing'))}-{number}", "commits": commits}
