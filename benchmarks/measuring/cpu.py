"""CPU seconds of groups of processes."""

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

Usage = dict[str, float]
"""Name of a group of processes → CPU seconds, user and system."""

CLIENT = "wrk (the client)"


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds so far: of each group, and of the whole machine; ``at`` is monotonic seconds."""

    groups: Usage
    machine: float
    at: float


def read(groups: Mapping[str, psutil.Process]) -> Reading:
    """What each process and all that it started have used so far, and the load generators that have ended."""
    spent = {name: _tree(root) for name, root in groups.items()}
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = psutil.cpu_times()
    busy = sum(whole) - whole.idle - whole.iowait - whole.guest - whole.guest_nice
    return Reading({**spent, CLIENT: ended.ru_utime + ended.ru_stime}, busy, time.monotonic())


def per_thousand(before: Reading, after: Reading, messages: int) -> Usage:
    """CPU seconds per 1,000 messages between two readings."""
    return {name: (after.groups[name] - before.groups[name]) * 1000 / messages for name in before.groups}


def others_percent(before: Reading, after: Reading) -> float:
    """How much of the machine's CPU time went to processes that are not part of the measurement, 0..100.

    Above a few per cent, the absolute figures tell more about those processes.
    """
    ours = sum(after.groups.values()) - sum(before.groups.values())
    capacity = (after.at - before.at) * (psutil.cpu_count() or 1)
    return max(0.0, 100 * (after.machine - before.machine - ours) / capacity)


def _tree(root: psutil.Process) -> float:
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        # A child that ended counts from then on as its parent's: backends of PostgreSQL come and go.
        total += times.user + times.system + times.children_user + times.children_system
    return total
