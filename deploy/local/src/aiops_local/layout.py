"""Where a stack keeps its files: everything stands below one state directory (`.local` for `make up`).

Standard library only.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of the stack whose state directory is `state` (absolute)."""

    state: Path

    @classmethod
    def of(cls, state: Path) -> "Layout":
        """The layout of `state`, made absolute, with its directories created."""
        layout = cls(state.resolve())
        # Others may pass through, not list: PostgreSQL runs as another user when root starts it.
        layout.state.mkdir(mode=0o711, parents=True, exist_ok=True)
        for directory in (layout.run, layout.logs, layout.rabbitmq):
            directory.mkdir(mode=0o700, exist_ok=True)
        return layout

    @property
    def identity(self) -> str:
        """Eight hexadecimal digits that differ between state directories of one machine."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def postgres(self) -> Path:
        return self.state / "postgres"

    @property
    def rabbitmq(self) -> Path:
        return self.state / "rabbitmq"

    @property
    def ports(self) -> Path:
        return self.state / "ports.json"

    @property
    def credentials(self) -> Path:
        return self.state / "credentials.json"

    @property
    def stack_env(self) -> Path:
        return self.state / "stack.env"

    @property
    def traces(self) -> Path:
        return self.state / "traces.jsonl"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    def pid_file(self, name: str) -> Path:
        return self.run / f"{name}.pid"

    def record(self, name: str) -> Path:
        """What tells the process `name` from another one that got its pid later."""
        return self.run / f"{name}.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
