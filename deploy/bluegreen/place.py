"""Where two releases run beside each other: what can be learned and done there."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from aiops_common.settings import Colour

STAGES = (("gateway",), ("auth", "changelog", "summarizer", "triage"))
"""In which order services hand over their work: a gateway that does not know a new type of event dead-letters it, so it
is there before whoever sends it. Those of one stage need not wait for each other."""

SERVICES = tuple(service for stage in STAGES for service in stage)

API = "gateway"
"""The service that clients ask."""

PROBE = "{ __typename }"
"""What every gateway answers, to everybody, with no help of a database or a broker."""

ONLY_PERSISTED = "only persisted operations are served here"
"""How a gateway that serves no others begins to refuse it; who refuses in these words serves."""

_SHOWN = 200


class PlaceFailed(Exception):
    """Something could not be learned or done; the message says what, and what was answered."""


class DecidedMeanwhile(PlaceFailed):
    """Others take the work of a service than whoever decides believed; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a service; ``release`` is what it runs, in words."""

    service: str
    name: str
    release: str


class Place(Protocol):
    """A namespace of Kubernetes, or whatever else runs both colours. Every method raises PlaceFailed."""

    def processes(self, colour: Colour) -> list[Process]:
        """All that are there now, ready or not."""

    def get(self, process: Process, path: str) -> str:
        """The body of an answer of its HTTP port, whatever the status."""

    def post(self, process: Process, path: str, body: str) -> str:
        """The body of the answer to a POST of JSON, whatever the status; no answer after 10 s is PlaceFailed."""

    def clients_reach(self) -> Colour | None:
        """The colour to which new connections go; None where it was never decided, so that both are reached."""

    def point_clients_at(self, colour: Colour) -> None:
        """Let new connections go to ``colour``; those that are open stay where they are."""

    def taking(self, service: str, through: Colour) -> frozenset[Colour]:
        """Who takes the work of ``service``; a process of the colour ``through`` is asked."""

    def let_take(
        self, service: str, colours: Collection[Colour], through: Colour, instead_of: Collection[Colour] = ()
    ) -> None:
        """Decide that; a process of the colour ``through`` does it.

        Raises DecidedMeanwhile where others than ``instead_of`` take it; if that is nobody, whoever does.
        """


def other(colour: Colour) -> Colour:
    """The colour that ``colour`` is not."""
    return Colour.GREEN if colour is Colour.BLUE else Colour.BLUE


@dataclass(frozen=True, slots=True)
class Health:
    """What a process says of itself: its turn as ``ok``, ``idle: …`` or ``finishing: …``, and what is wrong with it."""

    turn: str
    problems: tuple[str, ...]

    @property
    def takes_work(self) -> bool:
        """Whether it consumes all its queues."""
        return self.turn == "ok" and not self.problems

    @property
    def is_idle(self) -> bool:
        """Whether it takes no work and has none in hand."""
        return self.turn.startswith("idle")


def health(place: Place, process: Process) -> Health:
    """Ask a process, and a gateway for GraphQL too; one that does not answer has that for a problem."""
    try:
        body = place.get(process, "/readyz")
        checks = dict(json.loads(body)["checks"])
    except PlaceFailed as error:
        return Health("", (f"{process.name} does not answer: {error}",))
    except (ValueError, KeyError, TypeError):
        return Health("", (f"{process.name} answers /readyz with no checks",))
    turn = checks.pop("colour", "")
    problems = [f"{process.name}: {name}: {said}" for name, said in checks.items() if said != "ok"]
    if not turn:
        problems.append(f"{process.name} knows no colour: set {process.service.upper()}_COLOUR")
    if process.service == API:
        problems += _unserved(place, process)
    return Health(turn, tuple(problems))


def _unserved(place: Place, process: Process) -> list[str]:
    """What fails before GraphQL begins is no operation: neither readiness nor metrics tell of it."""
    try:
        answer = place.post(process, "/graphql", json.dumps({"query": PROBE}))
    except PlaceFailed as error:
        return [f"{process.name} does not answer POST /graphql: {error}"]
    return [] if _serves(answer) else [f"{process.name} answers POST /graphql with no data: {answer[:_SHOWN].strip()}"]


def _serves(answer: str) -> bool:
    try:
        told = json.loads(answer)
        if "data" in told:
            return bool(told["data"]["__typename"])
        return str(told["errors"][0]["message"]).startswith(ONLY_PERSISTED)
    except (ValueError, LookupError, TypeError):
        return False
