import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from aiops_local.layout import Layout
from aiops_local.process_tree import is_alive
from aiops_local.processes import Command, Processes, ProcessFailed
from aiops_local.readiness import wait_until

SLEEP = "import time; time.sleep(60)"
# Starts a child, and says its pid in the log.
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{SLEEP}"])
print(child.pid, flush=True)
child.wait()
"""
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    table = Processes(Layout.of(tmp_path / "state"))
    yield table
    for name in table.names():
        table.stop(name, force=True)
    assert table.marked() == []


def python(code: str, name: str = "worker", **environment: str) -> Command:
    return Command(name, (sys.executable, "-c", code), environment, Path("/"), stop_seconds=0.5)


def eventually(condition: Callable[[], bool]) -> None:
    wait_until({"condition": condition}, 10, lambda _: None)


def first_line(processes: Processes, name: str = "worker") -> str:
    eventually(lambda: processes.last_lines(name).strip() not in ("", "(no log)"))
    return processes.last_lines(name).splitlines()[0]


def test_the_pid_file_holds_the_pid_of_the_process_itself(processes: Processes) -> None:
    started = processes.start(python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"))

    assert processes.layout.pid_file("worker").read_text() == f"{started.pid}\n"
    assert first_line(processes) == str(started.pid)


def test_a_process_has_a_session_of_its_own_so_that_the_terminal_cannot_interrupt_it(processes: Processes) -> None:
    started = processes.start(python(SLEEP))

    assert os.getsid(started.pid) == started.pid


def test_another_look_finds_the_process_and_stops_it(processes: Processes) -> None:
    started = processes.start(python(SLEEP))
    later = Processes(processes.layout)

    found = later.running("worker")
    later.stop("worker")

    assert found == started
    assert later.running("worker") is None
    assert later.names() == []


def test_a_killed_process_is_noticed(processes: Processes) -> None:
    started = processes.start(python(SLEEP))
    os.kill(started.pid, signal.SIGKILL)

    eventually(lambda: processes.running("worker") is None)
    with pytest.raises(ProcessFailed, match="exit code -9"):
        processes.check("worker")


def test_a_pid_that_was_given_to_another_process_is_not_signalled(processes: Processes) -> None:
    started = processes.start(python(SLEEP, name="somebody-else"))
    record = json.loads(processes.layout.record("somebody-else").read_text())
    processes.layout.record("worker").write_text(json.dumps(record | {"started": "another boot:1"}))
    processes.layout.pid_file("worker").write_text(f"{started.pid}\n")

    assert processes.running("worker") is None
    processes.stop("worker")

    assert is_alive(started)
    assert processes.names() == ["somebody-else"]


def test_children_end_with_their_parent(processes: Processes) -> None:
    processes.start(python(PARENT))
    child = psutil.Process(int(first_line(processes)))

    processes.stop("worker")

    assert not is_alive(child)


def test_orphans_of_a_killed_process_are_ended_before_it_starts_again(processes: Processes) -> None:
    parent = processes.start(python(PARENT))
    orphan = psutil.Process(int(first_line(processes)))
    parent.kill()
    parent.wait()
    assert is_alive(orphan)

    processes.start(python(SLEEP))

    assert not is_alive(orphan)


def test_who_ignores_the_signal_is_killed_after_a_while(processes: Processes) -> None:
    started = processes.start(python(STUBBORN))
    assert first_line(processes) == "deaf"

    processes.stop("worker")

    assert not is_alive(started)


def test_a_process_is_current_only_with_the_same_arguments_and_environment(processes: Processes) -> None:
    processes.start(python(SLEEP, LLM_MODEL="a"))

    assert processes.is_current(python(SLEEP, LLM_MODEL="a"))
    assert not processes.is_current(python(SLEEP, LLM_MODEL="b"))
    assert not processes.is_current(python(SLEEP + " ", LLM_MODEL="a"))


def test_the_record_reveals_no_secret_of_the_environment(processes: Processes) -> None:
    processes.start(python(SLEEP, PASSWORD="open sesame"))

    assert "sesame" not in processes.layout.record("worker").read_text()


def test_the_callers_environment_stays_out(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_PORT", "1")

    processes.run(python("import os; print(sorted(os.environ))", GIVEN="1"), 10)

    told = processes.last_lines("worker")
    assert "'GIVEN'" in told
    assert "TRIAGE_PORT" not in told


def test_a_task_that_fails_tells_its_exit_code_and_the_end_of_its_log(processes: Processes) -> None:
    with pytest.raises(ProcessFailed) as failure:
        processes.run(python("import sys; [print('line', n) for n in range(30)]; sys.exit(7)"), 10)

    assert failure.value.exit_code == 7
    assert str(failure.value).splitlines()[1:] == [f"line {number}" for number in range(10, 30)]


def test_a_task_that_takes_too_long_is_ended(processes: Processes) -> None:
    with pytest.raises(ProcessFailed, match="unknown exit code"):
        processes.run(python(SLEEP), 0.1)

    assert processes.marked() == []


def test_a_shared_process_does_not_count_as_left_behind(processes: Processes) -> None:
    shared = processes.start(replace(python(SLEEP), shared=True))

    assert processes.marked() == []
    processes.stop("worker")
    assert not is_alive(shared)
