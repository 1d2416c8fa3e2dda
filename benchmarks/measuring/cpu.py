"""CPU seconds of groups of processes."""

import resource
from collections.abc import Mapping

import psutil

Usage = dict[str, float]
"""Name of a group of processes → CPU seconds, user and system."""

CLIENT = "wrk (the client)"


def usage(groups: Mapping[str, psutil.Process]) -> Usage:
    """What each process and all that it started have used so far, and the load generators that have ended."""
    spent = {name: _tree(root) for name, root in groups.items()}
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {**spent, CLIENT: ended.ru_utime + ended.ru_stime}


def per_thousand(before: Usage, after: Usage, messages: int) -> Usage:
    """CPU seconds per 1,000 messages between two readings."""
    return {name: (after[name] - before[name]) * 1000 / messages for name in before}


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
