"""What processes inherit from the caller, and the file that tells others how to reach the stack."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from aiops_local.layout import write_private

# What a process may inherit; anything else of the caller's shell stays out, so that a stack does not depend on it.
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_INHERITED_PREFIXES = ("LC_",)


def inherited() -> dict[str, str]:
    """The caller's variables that every process gets."""
    return {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write `values` as KEY=value lines for sh and for readers of .env files; nobody but the owner may read them."""
    lines = "".join(f"{name}={shlex.quote(value) if value else ''}\n" for name, value in values.items())
    write_private(path, lines)
