"""What the kernel knows of processes, and how to end some of them."""

import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

_PAUSE = 0.02


def is_alive(process: psutil.Process) -> bool:
    """Whether it still works; one that ended counts as gone though its parent has not asked for its exit code yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait up to `seconds`; returns those that are still alive."""
    return _wait(processes, is_alive, seconds)


def wait_until_reaped(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Wait up to `seconds` until the parents of those that ended (here: init) have asked for their exit codes."""
    _wait(processes, lambda process: process.is_running() and not is_alive(process), seconds)


def end(processes: Iterable[psutil.Process], first: int = signal.SIGTERM, seconds: float = 5) -> None:
    """Signal `processes`, wait up to `seconds`, then SIGKILL what is left and wait again."""
    left = list(processes)
    for number in (first, signal.SIGKILL):
        for process in left:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        left = wait_until_gone(left, seconds)
        if not left:
            return


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """The children of `process`, their children, ...; empty when it is gone."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def line(process: psutil.Process) -> set[int]:
    """The pids of `process`, its parent, its parent's parent, ...; empty when it is gone."""
    try:
        return {process.pid, *(parent.pid for parent in process.parents())}
    except psutil.NoSuchProcess:
        return set()


def environment_of(process: psutil.Process) -> dict[str, str]:
    """The environment that `process` was started with; empty when it is gone or somebody else's."""
    try:
        return process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return {}


def start_of(pid: int) -> str:
    """The boot and the clock tick since boot at which `pid` started; empty when it does not exist.

    Not psutil's create_time(): that is derived from the wall clock, and moves when the clock is set.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # Field 22 of proc(5); the second field, the command's name, may hold spaces and parentheses.
    return f"{boot}:{status.rpartition(')')[2].split()[19]}"


def _wait(
    processes: Iterable[psutil.Process], there: Callable[[psutil.Process], bool], seconds: float
) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    left = [process for process in processes if there(process)]
    while left and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        left = [process for process in left if there(process)]
    return left
