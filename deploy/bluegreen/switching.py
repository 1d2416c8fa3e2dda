"""The way from one colour to the other: preflight, hand-over, watch, and back where something is not well.

Every state on the way serves clients and does the work: first the work of each service goes over, with both colours
taking it for a moment, then the clients. So it may end anywhere, and be taken back. A step is made only from the state
that the one before has left: of two who decide at once, one stops. Taking back asks for no state.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from deploy.bluegreen.place import (
    SERVICES,
    STAGES,
    DecidedMeanwhile,
    Health,
    Place,
    PlaceFailed,
    Process,
    health,
    other,
)
from deploy.bluegreen.watching import Limits, Watch
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from aiops_common.colours import named
from aiops_common.settings import Colour

T = TypeVar("T")
R = TypeVar("R")

_TRIES = 8
"""Over about a minute, as long as a database or an API server takes to fail over."""

_AT_ONCE = 8
"""Processes that are asked at the same time."""


class Refused(Exception):
    """Nothing was changed; the message says why."""


class TakenBack(Exception):
    """Everything is as before; the message says why. ``left`` says what could not be taken back."""

    def __init__(self, why: str, left: list[str]) -> None:
        super().__init__(why)
        self.left = left


@dataclass(frozen=True, slots=True)
class Plan:
    """How long is looked, in seconds, and what is borne."""

    watch_seconds: float = 300.0
    before_seconds: float = 20.0
    """For how long the colour of before is looked at: what is not well before would be laid to the switch."""
    look_seconds: float = 5.0
    hand_over_seconds: float = 60.0
    limits: Limits = field(default_factory=Limits)


Say = Callable[[str], None]


def switch(place: Place, to: Colour, plan: Plan, say: Say) -> None:
    """Let ``to`` take the work and the clients, and watch it.

    Raises:
        Refused: ``to`` is not fit, the other colour is not well itself, or somebody else began to decide meanwhile.
        TakenBack: it was not well afterwards.
    """
    preflight(place, to, plan, say)
    watch = Watch(plan.limits)
    try:
        _look(place, to, watch)
        _hand_over_all(place, to, plan, say)
        place.point_clients_at(to)
        say(f"clients reach {to}; looking at it for {plan.watch_seconds:.0f} s")
        if problems := _watched(place, to, watch, plan.watch_seconds, plan, in_turn=True):
            raise PlaceFailed("; ".join(problems))
    except Refused:
        raise
    except (Exception, KeyboardInterrupt) as error:  # a mistake in here leaves nobody half way either
        why = str(error) if isinstance(error, PlaceFailed) else _worded(error)
        say(f"taking back: {why}")
        raise TakenBack(why, _taken_back(place, other(to), plan, say)) from None
    say(f"{to} is well: {watch.told()}")


def _taken_back(place: Place, to: Colour, plan: Plan, say: Say) -> list[str]:
    try:
        return back(place, to, plan, say)
    except (Exception, KeyboardInterrupt) as error:
        return [f"broken off: {_worded(error)}"]


def preflight(place: Place, to: Colour, plan: Plan, say: Say) -> None:
    """Raises Refused, with everything that is in the way, unless ``to`` can take over from a colour that is well."""
    try:
        problems = _unfit(place, to)
        if not problems:
            before = Watch(plan.limits)
            _look(place, other(to), before)
            problems = _watched(place, other(to), before, plan.before_seconds, plan)
            say(f"{other(to)}: {before.told()} in {plan.before_seconds:.0f} s")
    except PlaceFailed as error:
        problems = [str(error)]
    if problems:
        raise Refused("; ".join(problems))


def back(place: Place, to: Colour, plan: Plan, say: Say) -> list[str]:
    """Let ``to`` take the clients, then the work, whatever the other colour does; returns what could not be done."""
    left = []
    if why := _insisted(partial(place.point_clients_at, to)):
        left.append(f"clients: {why}")
    else:
        say(f"clients reach {to}")
    for stage in reversed(STAGES):
        tried = _at_once(lambda service: _insisted(partial(_let_take, place, {to}, to, service)), stage)
        left += [f"{service}: {why}" for service, why in tried.items() if why]
        if done := [service for service, why in tried.items() if not why]:
            say(f"{to} takes the work of {', '.join(done)}")
    if left:
        return left
    if late := _awaited(place, to, SERVICES, lambda one: one.takes_work, plan):
        return [late]
    # A decision that was under way when this began may have come after it.
    found = _at_once(lambda service: _insisted(partial(_sure, place, to, service)), SERVICES)
    return [f"{service}: {why}" for service, why in found.items() if why]


def all_health(place: Place, processes: list[Process]) -> dict[Process, Health]:
    """What each says of itself."""
    return _at_once(partial(health, place), processes)


def _at_once(step: Callable[[T], R], parts: Iterable[T]) -> dict[T, R]:
    """What the step gives for each part; the first error is raised when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        begun = {part: pool.submit(step, part) for part in parts}
        # Within the block: on Ctrl-C what is under way is waited for, else it would come after what takes it back.
        wait(begun.values())
    return {part: one.result() for part, one in begun.items()}


def _unfit(place: Place, to: Colour) -> list[str]:
    if place.clients_reach() is None:
        return [f"clients reach both colours; decide it first, while both have one release: back {other(to)}"]
    if place.clients_reach() is to:
        return [f"clients reach {to} already; if it shall have the work too: back {to}"]
    problems = []
    for colour in (to, other(to)):
        processes = place.processes(colour)
        problems += _absent(colour, processes)
        problems += [problem for one in all_health(place, processes).values() for problem in one.problems]
    return problems or _undecided(place, to)


def _undecided(place: Place, to: Colour) -> list[str]:
    """Services whose work is not the other colour's alone."""
    before = other(to)
    taking = _at_once(lambda service: place.taking(service, to), SERVICES)
    return [
        f"{named(colours)} takes the work of {service}: "
        f"a switch is under way, or broke off; if it broke off: back {before}"
        for service, colours in taking.items()
        if colours != {before}
    ]


def _absent(colour: Colour, processes: Iterable[Process], services: Iterable[str] = SERVICES) -> list[str]:
    there = {process.service for process in processes}
    return [f"no process of {name} is {colour}" for name in services if name not in there]


def _hand_over_all(place: Place, to: Colour, plan: Plan, say: Say) -> None:
    for stage in STAGES:
        _at_once(partial(_step, place, to, {other(to)}, {to, other(to)}), stage)
        if late := _awaited(place, to, stage, lambda one: one.takes_work, plan):
            raise PlaceFailed(late)
        _at_once(partial(_step, place, to, {to, other(to)}, {to}), stage)
        if late := _awaited(place, other(to), stage, lambda one: one.is_idle, plan):
            raise PlaceFailed(late)
        say(f"{to} takes the work of {', '.join(stage)}")


def _step(place: Place, to: Colour, before: set[Colour], after: set[Colour], service: str) -> None:
    try:
        place.let_take(service, after, to, before)
    except DecidedMeanwhile as error:
        if service in STAGES[0] and after != {to}:  # the first step of all, of one service: nothing was changed
            raise Refused(str(error)) from None
        if place.taking(service, to) != {to}:  # else who had no time did what was to be done
            raise


def _sure(place: Place, colour: Colour, service: str) -> None:
    if (taking := place.taking(service, colour)) != {colour}:
        raise PlaceFailed(f"{named(taking)} takes the work")


def _let_take(place: Place, colours: set[Colour], through: Colour, service: str) -> None:
    place.let_take(service, colours, through)


def _awaited(
    place: Place, colour: Colour, services: tuple[str, ...], reached: Callable[[Health], bool], plan: Plan
) -> str:
    """Wait until all processes of ``services`` are as they should be; what they say where they are not in time."""
    deadline = time.monotonic() + plan.hand_over_seconds
    while True:
        try:
            concerned = [one for one in place.processes(colour) if one.service in services]
            found = all_health(place, concerned)
            late = [f"{one.name} ({', '.join(it.problems) or it.turn})" for one, it in found.items() if not reached(it)]
            late += _absent(colour, concerned, services)
        except PlaceFailed as error:  # who does not answer once may answer the next time
            late = [str(error)]
        if not late:
            return ""
        if time.monotonic() >= deadline:
            return f"after {plan.hand_over_seconds:.0f} s not as it should be: {'; '.join(late)}"
        time.sleep(min(0.5, plan.look_seconds))


def _watched(
    place: Place, colour: Colour, watch: Watch, seconds: float, plan: Plan, *, in_turn: bool = False
) -> list[str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(min(plan.look_seconds, max(0.0, deadline - time.monotonic())))
        if problems := _look(place, colour, watch, in_turn=in_turn):
            return problems
    return []


def _look(place: Place, colour: Colour, watch: Watch, *, in_turn: bool = False) -> list[str]:
    """``in_turn``: a process that takes no work is not well."""
    try:
        found = all_health(place, place.processes(colour))
    except PlaceFailed as error:
        return watch.look({}, {colour: [str(error)]}, time.monotonic())
    metrics, problems = {}, {}
    told = _at_once(partial(_metrics, place), [one for one, it in found.items() if it.turn])
    for process, it in found.items():
        metrics[process.name], unread = told.get(process, ([], []))
        idle = [f"{process.name}: {it.turn}"] if in_turn and it.is_idle else []
        problems[process.name] = [*it.problems, *unread, *idle]
    well = {process.service for process in found if not problems[process.name]}
    problems[colour] = _absent(colour, found)
    problems[colour] += [one for process in found if process.service not in well for one in problems[process.name]]
    return watch.look(metrics, problems, time.monotonic())


def _metrics(place: Place, process: Process) -> tuple[list[Metric], list[str]]:
    """What the process counted, and why that is not known."""
    try:
        return list(text_string_to_metric_families(place.get(process, "/metrics"))), []
    except PlaceFailed as error:
        return [], [str(error)]
    except ValueError as error:
        return [], [f"{process.name} answers /metrics with no metrics: {error}"]


def _worded(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"


def _insisted(step: Callable[[], None]) -> str:
    """Try it again and again; what was wrong the last time, or nothing."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.5 * 2 ** (attempt - 1))
        try:
            step()
        except PlaceFailed as error:
            why = str(error)
        else:
            return ""
    return why
