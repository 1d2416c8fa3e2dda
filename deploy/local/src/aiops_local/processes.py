"""Detached processes that a stack starts, finds again and stops by their pid; nobody supervises them.

A process is known by its pid together with the moment it started, so a pid that the kernel gave to someone else
meanwhile is never signalled. Everything a stack starts carries MARK in its environment, and so does what that starts:
so a process is found again after its parent died or its pid file was removed.
"""

import hashlib
import json
import os
import pwd
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import psutil

from aiops_local.environment import inherited
from aiops_local.layout import Layout, write_private
from aiops_local.process_tree import descendants, end, environment_of, is_alive, line, start_of, wait_until_gone

MARK = "AIOPS_STATE_DIR"
MARK_NAME = "AIOPS_PROCESS"
_LARGEST_LOG = 20 * 2**20


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start. `environment` comes on top of what every process inherits (PATH, locale, ...).

    `version` tells one state of the program from another, so that a changed program counts as another command.
    A `shared` one may come to serve other stacks: it is ended by its pid file only, not as something left behind.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    version: str = ""
    shared: bool = False

    @property
    def fingerprint(self) -> str:
        """Differs when the command line, the environment, the user or the version differs; reveals none of them."""
        told = [self.argv, sorted(self.environment.items()), self.user, self.version]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class _Record(TypedDict):
    """What tells a process from another one that got its pid later, and how to end it."""

    pid: int
    started: str
    command: str
    stop_signal: int
    stop_seconds: float


class ProcessFailed(Exception):
    """A process ended before it was ready."""

    def __init__(self, name: str, exit_code: int | None, last_lines: str) -> None:
        code = "with an unknown exit code" if exit_code is None else f"with exit code {exit_code}"
        super().__init__(f"{name} ended {code}. The last lines of its log:\n{last_lines}")
        self.name = name
        self.exit_code = exit_code


class Processes:
    """The processes of one stack. Their pids stand in run/NAME.pid, what tells them apart in run/NAME.json."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def names(self) -> list[str]:
        """Every name with a pid file, whether or not its process lives."""
        return sorted(file.stem for file in self.layout.run.glob("*.pid"))

    def running(self, name: str) -> psutil.Process | None:
        """The living process `name`, or None."""
        record = self._record(name)
        if record is None or start_of(record["pid"]) != record["started"]:
            return None
        try:
            process = psutil.Process(record["pid"])
        except psutil.NoSuchProcess:
            return None
        return process if is_alive(process) else None

    def is_current(self, command: Command) -> bool:
        """Whether the process runs and was started by this very command."""
        record = self._record(command.name)
        return (
            record is not None and record["command"] == command.fingerprint and self.running(command.name) is not None
        )

    def start(self, command: Command) -> psutil.Process:
        """Start `command` in a session of its own, its output appended to log/NAME.log; returns at once.

        What an earlier process of that name left behind is ended first.
        """
        self.stop(command.name)
        child = self._spawn(command)
        self._children[command.name] = child
        record = _Record(
            pid=child.pid,
            started=start_of(child.pid),
            command=command.fingerprint,
            stop_signal=int(command.stop_signal),
            stop_seconds=command.stop_seconds,
        )
        write_private(self.layout.record(command.name), json.dumps(record) + "\n")
        write_private(self.layout.pid_file(command.name), f"{child.pid}\n")
        return psutil.Process(child.pid)

    def run(self, command: Command, timeout: float) -> None:
        """Run `command` to its end. Raises ProcessFailed when it does not exit with 0 within `timeout` seconds."""
        child = self._spawn(command)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            end([psutil.Process(child.pid)], signal.SIGKILL)
            child.wait()
            code = None
        if code != 0:
            raise ProcessFailed(command.name, code, self.last_lines(command.name))

    def check(self, name: str) -> None:
        """Raise ProcessFailed when the process `name` is gone."""
        if self.running(name) is None:
            raise ProcessFailed(name, self._exit_code(name), self.last_lines(name))

    def stop(self, name: str, *, force: bool = False) -> None:
        """End the process `name` and everything it started: by its own signal, after a while or by `force` SIGKILL.

        Its pid file goes. Nothing happens when there is none.
        """
        leader, record = self.running(name), self._record(name)
        family = {process.pid: process for process in self.marked(name)}
        if leader is not None and record is not None:
            family |= {process.pid: process for process in (leader, *descendants(leader))}
            first = signal.SIGKILL if force else signal.Signals(record["stop_signal"])
            end([leader], first, record["stop_seconds"])
        # The rest sees its parent gone and ends; what does not is ended.
        end(wait_until_gone(family.values(), 2 if leader else 0), signal.SIGKILL)
        self.forget(name)

    def forget(self, name: str) -> None:
        """Remove the pid file of `name`: whatever it names no longer belongs to this stack."""
        self._exit_code(name)
        self.layout.pid_file(name).unlink(missing_ok=True)
        self.layout.record(name).unlink(missing_ok=True)

    def marked(self, name: str | None = None) -> list[psutil.Process]:
        """Living processes that this stack started (as part of `name`), directly or not, without the caller's line."""
        own = line(psutil.Process())
        found = []
        for process in psutil.process_iter():
            environment = environment_of(process)
            if environment.get(MARK) != str(self.layout.state) or process.pid in own:
                continue
            if name in (None, environment.get(MARK_NAME)):
                found.append(process)
        return found

    def last_lines(self, name: str, count: int = 20) -> str:
        """The last `count` lines of the log of `name`."""
        try:
            with self.layout.log(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - count * 1000))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])
        except FileNotFoundError:
            return "(no log)"

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        log = self.layout.log(command.name)
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        marks = {} if command.shared else {MARK: str(self.layout.state), MARK_NAME: command.name}
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            return subprocess.Popen(  # noqa: S603 - the commands are this package's own
                command.argv,
                env={**inherited(), **command.environment, **marks},
                cwd=command.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=command.user,
                group=pwd.getpwnam(command.user).pw_gid if command.user else None,
                extra_groups=[] if command.user else None,
            )

    def _exit_code(self, name: str) -> int | None:
        child = self._children.get(name)
        return None if child is None else child.poll()

    def _record(self, name: str) -> _Record | None:
        try:
            record: _Record = json.loads(self.layout.record(name).read_text())
        except FileNotFoundError:
            return None
        return record
