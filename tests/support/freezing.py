"""Processes that stand still without being gone: connections to them stay open, and nothing answers."""

import signal

import psutil

from aiops_local.process_tree import descendants


def freeze(leader: psutil.Process) -> list[psutil.Process]:
    """SIGSTOP for ``leader`` and all that it started; returns whom to thaw."""
    # The leader first: it cannot make new children while they are being stopped.
    _signal(leader, signal.SIGSTOP)
    frozen = [leader, *descendants(leader)]
    for child in frozen[1:]:
        _signal(child, signal.SIGSTOP)
    return frozen


def thaw(frozen: list[psutil.Process]) -> None:
    """Let them go on."""
    for process in frozen:
        _signal(process, signal.SIGCONT)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
