"""Installs what set-up needs from the packages of Debian or Ubuntu, where it is missing.

Standard library only: it runs before there is a virtual environment.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys

from aiops_local.installations import NotInstalled, find_node, find_postgres, find_rabbitmq

# Debian starts a server as soon as its package is installed, and at every boot from then on: on the default ports,
# which we do not want, as the stack runs servers of its own on ports of its own. maintainer scripts ask
# /usr/sbin/policy-rc.d before they start anything (RUNLEVEL=1 stopped only the init scripts of old). So one that
# refuses stands there during the installation, unless the machine has its own, and is removed whatever happens; the
# units of the servers that we installed are then disabled. Nothing that was there before is touched.
_INSTALL = """\
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y --no-install-recommends -q "$@"; }
# The package lists are fetched only if the installation fails without, because they are missing or too old.
install "$@" || { apt-get update -q; install "$@"; }
if [ -d /run/systemd/system ]; then
  for unit in "$@"; do
    case $unit in postgresql|rabbitmq-server) systemctl disable --quiet "$unit" ;; esac
  done
fi
"""


class NeedsRoot(Exception):
    """Packages are missing and nobody here may install them; the message is the command to run."""


def missing(tools: list[str]) -> list[str]:
    """The packages to install for this interpreter, PostgreSQL, RabbitMQ, Node.js and the programs `tools`."""
    packages = []
    if importlib.util.find_spec("ensurepip") is None:
        # Debian keeps the part of Python that puts pip into a virtual environment in a package of its own.
        packages.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    for package, find in (("postgresql", find_postgres), ("rabbitmq-server", find_rabbitmq)):
        try:
            find()
        except NotInstalled:
            packages.append(package)
    try:
        find_node()
    except NotInstalled:
        # Debian keeps npm in a package of its own; others bring it along with Node.js, and do not go with Debian's.
        packages += ["nodejs"] if shutil.which("npm") else ["nodejs", "npm"]
    return packages + [tool for tool in tools if shutil.which(tool) is None]


def install(packages: list[str]) -> None:
    """Install `packages`. Raises NeedsRoot, or subprocess.CalledProcessError when apt-get failed."""
    if not packages:
        return
    by_hand = f"apt-get install -y --no-install-recommends {shlex.join(packages)}"
    if shutil.which("apt-get") is None:
        raise NeedsRoot(f"this is not Debian or Ubuntu; install what these packages hold: {' '.join(packages)}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and not _may_use_sudo():
        raise NeedsRoot(f"missing: {' '.join(packages)}; run this once:\n  sudo {by_hand}")
    subprocess.run([*as_root, "sh", "-c", _INSTALL, "install", *packages], check=True)  # noqa: S603 - fixed names


def _may_use_sudo() -> bool:
    sudo = shutil.which("sudo")
    if sudo is None:
        return False
    return subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed
