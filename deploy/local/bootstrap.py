"""`make setup`: from a machine that has make and Python to a complete `.venv`, with PostgreSQL, RabbitMQ and Node.js.

Runs under whatever `python3` is, needs the standard library only, and takes a moment when there is nothing to do.
Arguments name further programs to install if they are missing (`make bench` needs wrk). With `--python-only` it makes
`.venv` and nothing else, on any system: who runs the stack in containers needs no server here.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MINIMUM = (3, 11)
PYTHON_ONLY = "--python-only"
ROOT = Path(__file__).resolve().parents[2]


def use_new_enough_python() -> None:
    """Go on under a newer interpreter where python3 is too old; exit with 2 where there is none."""
    if sys.version_info >= MINIMUM:
        return
    for minor in range(20, MINIMUM[1] - 1, -1):
        newer = shutil.which("python3.%d" % minor)  # noqa: UP031 - an old interpreter must be able to read this far
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 - no shell is wanted
    sys.exit("Python %d.%d or newer is needed, python3 is %s" % (*MINIMUM, sys.version.split()[0]))  # noqa: UP031


def main(arguments: "list[str]") -> int:
    """Install what is missing and say what was found; returns the exit code."""
    everything, tools = PYTHON_ONLY not in arguments, [tool for tool in arguments if tool != PYTHON_ONLY]
    began = time.monotonic()
    sys.path.insert(0, str(Path(__file__).parent / "src"))
    from aiops_local import node, packages, virtualenv  # noqa: PLC0415 - an old interpreter cannot read them
    from aiops_local.installations import NotInstalled, find_node, find_postgres, find_rabbitmq  # noqa: PLC0415

    try:
        if everything:
            packages.install(packages.missing(tools))
        found = [find() for find in (find_postgres, find_rabbitmq, find_node) if everything]
        changed = virtualenv.prepare(ROOT)
        if everything:
            changed = node.prepare(ROOT / "tests" / "conformity") or changed
    except packages.NeedsRoot as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (NotInstalled, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"setup failed: {error}\n")
        return 1
    python = sys.version.split()[0]
    state = "prepared" if changed else "up to date"
    programs = ", ".join([f"Python {python}", *map(str, found)])
    sys.stdout.write(f"setup {state} in {time.monotonic() - began:.1f} s: {programs}\n")
    return 0


if __name__ == "__main__":
    use_new_enough_python()
    sys.exit(main(sys.argv[1:]))
