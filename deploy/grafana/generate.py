"""`make dashboards`: write deploy/grafana/dashboards/*.json from boards/.

    python -m deploy.grafana.generate [--check] [FOLDER]

To be run from the root of the checkout. With --check nothing is written: files that are not what boards/ say, and
files that no board wrote, are named, and the status is 1.
"""

import json
import sys
from pathlib import Path

from deploy.grafana.boards import accounts, api, data, engines, messaging, overview, processes
from deploy.grafana.rendering import render

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = (overview.BOARD, api.BOARD, messaging.BOARD, engines.BOARD, data.BOARD, processes.BOARD, accounts.BOARD)


def files() -> dict[str, str]:
    """Name → text of every file."""
    return {f"{board.uid}.json": json.dumps(render(board), indent=2, ensure_ascii=False) + "\n" for board in BOARDS}


def stale(folder: Path) -> list[str]:
    """Names of the files that are missing, not what they must be, or too many."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    wanted = files()
    return sorted(name for name in present.keys() | wanted.keys() if present.get(name) != wanted.get(name))


def write(folder: Path) -> None:
    """Make the files in ``folder`` what they must be."""
    wanted = files()
    for name in stale(folder):
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
        else:
            (folder / name).unlink()
            sys.stdout.write(f"removed {name}\n")


def check(folder: Path) -> int:
    """Name the files that differ; returns the exit code."""
    differing = stale(folder)
    for name in differing:
        sys.stderr.write(f"{name} is not what deploy/grafana/boards say; run: make dashboards\n")
    return 1 if differing else 0


def main(arguments: list[str]) -> int:
    """Write the files, or check them; returns the exit code."""
    match arguments:
        case ["--check", *rest] if len(rest) < 2:
            return check(Path(rest[0]) if rest else FOLDER)
        case [*rest] if len(rest) < 2 and not any(one.startswith("-") for one in rest):
            write(Path(rest[0]) if rest else FOLDER)
            return 0
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
