"""Programs of others that a test starts and that answer over HTTP."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from aiops_local.environment import inherited
from aiops_local.readiness import answers_http, wait_until

_SECONDS = 30.0


@contextmanager
def answering(argv: Sequence[str | Path], health: str, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """A process of ``argv``, from when ``health`` answers with 2xx on; ended by force afterwards.

    AssertionError with what it said if it ends before, NotReady if it takes longer than half a minute.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(argv, env={**inherited(), **(environment or {})}, stdout=output, stderr=output)

        def still_runs(name: str) -> None:
            if process.poll() is not None:
                output.seek(0)
                raise AssertionError(f"{name} ended with {process.returncode}:\n{output.read().decode()}")

        try:
            wait_until({str(argv[0]): partial(answers_http, health)}, _SECONDS, still_runs)
            yield
        finally:
            process.kill()
            process.wait()
