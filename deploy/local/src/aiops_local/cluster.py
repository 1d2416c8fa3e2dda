"""The files of a PostgreSQL cluster, and the user that they belong to."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psutil

from aiops_local.environment import inherited
from aiops_local.installations import Installation, find_postgres
from aiops_local.layout import Layout
from aiops_local.process_tree import end, wait_until_gone

SUPERUSER = "postgres"
# Where the data goes when the user that runs the server cannot reach the checkout, e.g. one below /root.
_REACHABLE = Path("/var/tmp")  # noqa: S108 - a directory of mode 0700 in it, and only when it is ours


class Cluster:
    """The cluster behind `layout`.postgres, which is a symbolic link where its user cannot reach the checkout."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        # The server refuses to run as root.
        self.user = SUPERUSER if os.geteuid() == 0 else None

    @property
    def data(self) -> Path:
        return self._layout.postgres.resolve() / "data"

    @property
    def installation(self) -> Installation:
        """The programs that fit the cluster, or the newest when there is none yet. Raises NotInstalled."""
        version = self.data / "PG_VERSION"
        return find_postgres(int(version.read_text()) if version.exists() else None)

    def prepare(self, password: str) -> None:
        """Make the cluster, with `password` for SUPERUSER, unless it exists. Raises RuntimeError with the reason."""
        home = self._home()
        self.end_orphans()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(home, password)

    def remove(self) -> None:
        """Remove every file of the cluster, which must not be running."""
        home = self._layout.postgres
        shutil.rmtree(home.resolve(), ignore_errors=True)
        if home.is_symlink():
            home.unlink()

    def run(self, *argv: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program as the cluster's user; its exit code is the caller's business."""
        return subprocess.run(  # noqa: S603 - the commands are this package's own
            argv,
            env={**inherited(), **(environment or {})},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )

    def says_ready(self) -> bool:
        """Whether the last line of postmaster.pid says so, which the server keeps for pg_ctl."""
        try:
            return (self.data / "postmaster.pid").read_text().split()[-1] == "ready"
        except (OSError, IndexError):
            return False

    def end_orphans(self) -> None:
        """End what still works in the data directory after the postmaster was killed.

        The server's children rewrite their environment, so they are known by their program and directory instead.
        A postmaster.pid whose pid now belongs to something else would keep the server from starting: it goes.
        """
        orphans = []
        for process in psutil.process_iter():
            try:
                if Path(process.exe()).name == "postgres" and Path(process.cwd()) == self.data:
                    orphans.append(process)
            except (psutil.Error, OSError):
                continue
        end(wait_until_gone(orphans, 3), signal.SIGKILL)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _home(self) -> Path:
        """The directory of the cluster, made if need be, without symbolic links."""
        home = self._layout.postgres
        if home.is_dir():
            return home.resolve()
        home.unlink(missing_ok=True)
        if self.user is None:
            home.mkdir(mode=0o700)
            return home
        owner = pwd.getpwnam(self.user)
        if self.run("test", "-x", str(self._layout.state)).returncode == 0:
            home.mkdir(mode=0o700)
        else:
            self._home_elsewhere(owner.pw_uid)
        os.chown(home.resolve(), owner.pw_uid, owner.pw_gid)
        return home.resolve()

    def _home_elsewhere(self, owner: int) -> None:
        place = _REACHABLE / f"aiops-{self._layout.identity}"
        if place.is_dir() and place.lstat().st_uid == owner:
            # Left from a state directory that stood in this place before.
            self._layout.postgres.symlink_to(place)
            self.end_orphans()
            self.remove()
        place.mkdir(mode=0o700)  # fails when it exists: somebody else's directory is not taken over
        self._layout.postgres.symlink_to(place)

    def _initialise(self, home: Path, password: str) -> None:
        draft, secret = home / "data.new", home / "password"
        shutil.rmtree(draft, ignore_errors=True)
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)
        if self.user:
            os.chown(secret, pwd.getpwnam(self.user).pw_uid, -1)
        result = self.run(
            *(str(self.installation.programs / "initdb"), "-D", str(draft), "-U", SUPERUSER, f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"),
        )
        secret.unlink()
        if result.returncode != 0:
            raise RuntimeError(f"initdb failed: {result.stderr.strip()}")
        draft.rename(self.data)  # only a complete cluster gets the name
