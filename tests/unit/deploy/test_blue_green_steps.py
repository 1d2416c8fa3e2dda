"""The steps from one colour to the other, at a place that does at once what it is told."""

import json
import signal
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import pytest
from deploy.bluegreen.place import SERVICES, DecidedMeanwhile, PlaceFailed, Process, other
from deploy.bluegreen.switching import Plan, Refused, TakenBack, back, switch

from aiops_common.colours import named
from aiops_common.settings import Colour

BLUE, GREEN = Colour.BLUE, Colour.GREEN
PLAN = Plan(watch_seconds=0.02, before_seconds=0.01, look_seconds=0.005, hand_over_seconds=0.05)
LONG = replace(PLAN, watch_seconds=30)
"""For what is told after several looks."""
METRICS = '# TYPE aiops_graphql_operations counter\naiops_graphql_operations_total{{outcome="error"}} {errors}\n'
SERVED = '{"data": {"__typename": "Query"}}'
OTHERS_BACK = {f"{name} blue" for name in SERVICES if name != "gateway"}


@dataclass
class FakePlace:
    """Two processes of each service."""

    reached: Colour | None = BLUE
    active: dict[str, frozenset[Colour]] = field(default_factory=lambda: dict.fromkeys(SERVICES, frozenset({BLUE})))
    gone: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    """By process, what its readiness says of its database."""
    answers: dict[str, str] = field(default_factory=dict)
    """By process, what it answers to GraphQL where that is not what it should."""
    steps: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _step: None
    errors: int = 0
    """How many operations of green fail between two looks."""
    failed: int = 0

    def processes(self, colour: Colour) -> list[Process]:
        names = [(service, f"{service}-{colour}-{number}") for service in SERVICES for number in (1, 2)]
        return [Process(service, name, "1.0") for service, name in names if name not in self.gone]

    def get(self, process: Process, path: str) -> str:
        colour = Colour(process.name.split("-")[1])
        if path == "/metrics":
            if colour is GREEN and self.reached is GREEN:
                self.failed += self.errors
            return METRICS.format(errors=self.failed)
        taking = self.active[process.service]
        turn = "ok" if colour in taking else f"idle: {' and '.join(sorted(taking))} takes the work, this is {colour}"
        return json.dumps({"checks": {"database": self.broken.get(process.name, "ok"), "colour": turn}})

    def post(self, process: Process, path: str, body: str) -> str:
        assert (process.service, path, json.loads(body)) == ("gateway", "/graphql", {"query": "{ __typename }"})
        return self.answers.get(process.name, SERVED)

    def clients_reach(self) -> Colour | None:
        return self.reached

    def point_clients_at(self, colour: Colour) -> None:
        self._step(f"clients {colour}")
        self.reached = colour

    def taking(self, service: str, through: Colour) -> frozenset[Colour]:
        assert through
        return self.active[service]

    def let_take(
        self, service: str, colours: Collection[Colour], through: Colour, instead_of: Collection[Colour] = ()
    ) -> None:
        step = f"{service} {'+'.join(sorted(colours))}"
        self.before(step)
        assert through in colours
        if instead_of and self.active[service] != set(instead_of):
            raise DecidedMeanwhile(f"{named(self.active[service])} takes the work of {service} by now")
        self.steps.append(step)
        self.active[service] = frozenset(colours)

    def _step(self, step: str) -> None:
        self.before(step)
        self.steps.append(step)


def go(place: FakePlace, to: Colour = GREEN, plan: Plan = PLAN) -> list[str]:
    said: list[str] = []
    switch(place, to, plan, said.append)
    return said


def assert_taken_back(place: FakePlace) -> None:
    clients, *others, gateway = place.steps[-6:]
    assert (clients, set(others), gateway) == ("clients blue", OTHERS_BACK, "gateway blue")
    assert (place.reached, set(place.active.values())) == (BLUE, {frozenset({BLUE})})


def test_the_gateway_takes_the_work_first_and_clients_come_last() -> None:
    place = FakePlace()
    said = go(place)
    both, alone = (
        {f"{service} {colours}" for service in SERVICES if service != "gateway"} for colours in ("blue+green", "green")
    )
    steps = place.steps
    assert (steps[:2], steps[-1]) == (["gateway blue+green", "gateway green"], "clients green")
    assert (set(steps[2:6]), set(steps[6:10]), len(steps)) == (both, alone, 11)
    assert said[-1] == "green is well: 0 operations, 0 failed; 0 deliveries, 0 failed"
    place.steps.clear()
    go(place, BLUE)
    assert (place.reached, set(place.active.values())) == (BLUE, {frozenset({BLUE})})


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (
            FakePlace(reached=GREEN),
            "clients reach green already; if it shall have the work too: back green",
        ),
        (
            FakePlace(reached=None),
            "clients reach both colours; decide it first, while both have one release: back blue",
        ),
        (FakePlace(gone={"auth-green-1", "auth-green-2"}), "no process of auth is green"),
        (FakePlace(broken={"triage-green-2": "away"}), "triage-green-2: database: away"),
        (FakePlace(broken={"triage-blue-1": "away"}), "triage-blue-1: database: away"),
        (
            FakePlace(answers={"gateway-green-2": "Internal Server Error"}),
            "gateway-green-2 answers POST /graphql with no data: Internal Server Error",
        ),
        (
            FakePlace(active={**dict.fromkeys(SERVICES, frozenset({BLUE})), "triage": frozenset(Colour)}),
            "blue and green takes the work of triage: a switch is under way, or broke off; if it broke off: back blue",
        ),
    ],
)
def test_what_is_in_the_way_is_named_and_nothing_changed(place: FakePlace, why: str) -> None:
    with pytest.raises(Refused) as refused:
        go(place)
    assert str(refused.value) == why
    assert place.steps == []


def test_a_colour_that_is_not_well_itself_is_not_left() -> None:
    class Failing(FakePlace):
        def get(self, process: Process, path: str) -> str:
            if path == "/metrics":
                self.failed += 10
                return METRICS.format(errors=self.failed)
            return super().get(process, path)

    place = Failing()
    with pytest.raises(Refused, match="GraphQL operations failed"):
        go(place)
    assert place.steps == []


def test_errors_of_the_new_colour_take_it_back() -> None:
    place = FakePlace(errors=5)
    with pytest.raises(TakenBack, match="GraphQL operations failed; 5% are borne") as taken:
        go(place)
    assert taken.value.left == []
    assert_taken_back(place)


@pytest.mark.parametrize("step", ["gateway green", "summarizer blue+green", "clients green"])
@pytest.mark.parametrize("problem", [PlaceFailed("no answer"), KeyboardInterrupt()])
def test_whatever_ends_it_on_the_way_it_is_taken_back(step: str, problem: BaseException) -> None:
    def before(now: str) -> None:
        if now == step:
            raise problem

    place = FakePlace(before=before)
    with pytest.raises(TakenBack, match=r"no answer|interrupted"):
        go(place)
    assert_taken_back(place)


def test_of_two_who_switch_at_once_one_changes_nothing() -> None:
    def before(now: str) -> None:
        if now == "gateway blue+green":  # the other one came first
            place.active["gateway"] = frozenset({GREEN})

    place = FakePlace(before=before)
    with pytest.raises(Refused, match="green takes the work of gateway by now"):
        go(place)
    assert (place.steps, place.reached) == ([], BLUE)
    assert place.active["gateway"] == {GREEN}


@pytest.mark.parametrize("step", ["triage green", "gateway green"])
def test_who_takes_back_meanwhile_is_not_overruled(step: str) -> None:
    service = step.partition(" ")[0]

    def before(now: str) -> None:
        if now == step:
            place.active[service] = frozenset({BLUE})

    place = FakePlace(before=before)
    with pytest.raises(TakenBack, match=f"blue takes the work of {service} by now"):
        go(place)
    assert step not in place.steps
    assert_taken_back(place)


@pytest.mark.parametrize("step", ["triage blue+green", "triage green"])
def test_who_decides_the_same_without_a_look_is_not_overruled(step: str) -> None:
    def before(now: str) -> None:
        if now == step:  # back green
            place.active["triage"] = frozenset({GREEN})

    place = FakePlace(before=before)
    go(place)
    assert step not in place.steps
    assert (place.reached, set(place.active.values())) == (GREEN, {frozenset({GREEN})})


def test_a_process_that_does_not_begin_takes_it_back() -> None:
    def before(now: str) -> None:
        if now == "changelog blue+green":
            place.broken["changelog-green-1"] = "away"

    place = FakePlace(before=before)
    with pytest.raises(TakenBack, match=r"changelog-green-1 \(changelog-green-1: database: away\)"):
        go(place)
    assert_taken_back(place)


def test_back_does_what_it_can_and_names_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    monkeypatch.setattr("deploy.bluegreen.switching.time.sleep", lambda _: None)

    def before(now: str) -> None:
        if now.startswith("summarizer"):
            tries.append(now)
            raise PlaceFailed("its schema cannot be reached")

    place = FakePlace(reached=GREEN, active=dict.fromkeys(SERVICES, frozenset({GREEN})), before=before)
    assert back(place, BLUE, PLAN, lambda _: None) == ["summarizer: its schema cannot be reached"]
    assert len(tries) == 8
    assert place.active["triage"] == {BLUE}
    assert place.active["gateway"] == {BLUE}


def test_back_says_who_does_not_take_the_work() -> None:
    place = FakePlace(reached=GREEN, broken={"triage-blue-1": "away"})
    (left,) = back(place, BLUE, PLAN, lambda _: None)
    assert "triage-blue-1: database: away" in left


def test_there_are_two_colours() -> None:
    assert (other(BLUE), other(GREEN)) == (GREEN, BLUE)


class Disturbed(FakePlace):
    """Something goes wrong now and then while clients reach green, or come back."""

    def __init__(self, disturb: Callable[["Disturbed", str], None]) -> None:
        super().__init__()
        self.disturb = disturb
        self.asked = 0

    def processes(self, colour: Colour) -> list[Process]:
        self.disturb(self, "processes")
        return super().processes(colour)

    def get(self, process: Process, path: str) -> str:
        if path == "/metrics" and self.reached is GREEN:
            self.disturb(self, path)
        return super().get(process, path)

    def post(self, process: Process, path: str, body: str) -> str:
        if self.reached is GREEN:
            self.disturb(self, path)
        return super().post(process, path, body)


def test_who_does_not_answer_once_is_asked_again() -> None:
    def now_and_then(place: Disturbed, asked: str) -> None:
        place.asked += asked == "processes" and bool(place.steps)
        if place.steps and asked == "processes" and place.asked % 3 == 1:
            raise PlaceFailed("connection refused")

    place = Disturbed(now_and_then)
    go(place)
    assert place.reached is GREEN
    assert back(place, BLUE, PLAN, lambda _: None) == []
    assert place.asked > 3


def test_metrics_that_are_none_take_it_back() -> None:
    class Garbled(FakePlace):
        def get(self, process: Process, path: str) -> str:
            garbled = path == "/metrics" and self.reached is GREEN
            return "Internal Server Error" if garbled else super().get(process, path)

    place = Garbled()
    with pytest.raises(TakenBack, match="answers /metrics with no metrics"):
        go(place, plan=LONG)
    assert_taken_back(place)


@pytest.mark.parametrize("borne", [True, False])
def test_a_gateway_that_fails_before_graphql_takes_it_back_unless_it_was_once(*, borne: bool) -> None:
    def failing(place: Disturbed, asked: str) -> None:
        if asked == "/graphql":  # it is ready, and counts no operation
            place.asked += 1
            if not borne or place.asked <= 4:  # two processes, two looks
                raise PlaceFailed("no answer after 10 s")

    place = Disturbed(failing)
    if borne:
        go(place, plan=replace(PLAN, watch_seconds=0.5))
        assert (place.reached, place.asked > 10) == (GREEN, True)
        return
    with pytest.raises(TakenBack, match="gateway-green-1 does not answer POST /graphql: no answer after 10 s"):
        go(place, plan=LONG)
    assert_taken_back(place)


def test_a_mistake_of_its_own_takes_it_back() -> None:
    def mistaken(place: Disturbed, asked: str) -> None:
        if asked == "/metrics":
            raise ZeroDivisionError("a mistake")

    place = Disturbed(mistaken)
    with pytest.raises(TakenBack, match="ZeroDivisionError: a mistake") as taken:
        go(place)
    assert taken.value.left == []
    assert_taken_back(place)


def test_a_second_interrupt_says_that_not_all_was_taken_back() -> None:
    def before(now: str) -> None:
        if now in ("clients green", "triage blue"):
            raise KeyboardInterrupt

    with pytest.raises(TakenBack, match="interrupted") as taken:
        go(FakePlace(before=before))
    assert taken.value.left == ["broken off: interrupted"]


def test_who_was_given_the_work_but_does_not_take_it_is_not_well() -> None:
    def meanwhile(place: Disturbed, asked: str) -> None:
        if asked == "/metrics":  # a database that failed over has forgotten it, or somebody else decided
            place.active["triage"] = frozenset({BLUE})

    place = Disturbed(meanwhile)
    with pytest.raises(TakenBack, match=r"triage-green-1: idle: blue takes the work"):
        go(place, plan=LONG)
    assert_taken_back(place)


def test_a_decision_that_comes_late_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.bluegreen.switching.time.sleep", lambda _: None)

    class Late(FakePlace):
        def taking(self, service: str, through: Colour) -> frozenset[Colour]:
            return frozenset(Colour) if service == "triage" else super().taking(service, through)

    assert back(Late(), BLUE, PLAN, lambda _: None) == ["triage: blue and green takes the work"]


def test_what_is_under_way_ends_before_it_is_taken_back() -> None:
    def before(now: str) -> None:
        if now == "auth green":
            signal.raise_signal(signal.SIGINT)  # to the main thread, which waits
            assert not interrupted.wait(0.1)
        elif now == "clients blue":
            interrupted.set()

    interrupted = threading.Event()
    place = FakePlace(before=before)
    with pytest.raises(TakenBack, match="interrupted"):
        go(place)
    assert_taken_back(place)
