"""`make docs`: write what the documentation says of messages, API and services, from the code that does it.

    python -m docs.generate [--check [ROOT]]

To be run from the root of the checkout. With --check nothing is written: pages below ROOT (by default this checkout)
that are not what the code says are named, and the status is 1.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from docs.reference import api, messages, services
from docs.reference.sources import ROOT


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Every page below ``root`` that is written, and what must stand in it."""
    yield root / "docs" / "messages.md", messages.write()
    yield root / "docs" / "api.md", api.write()
    yield root / "docs" / "schema.graphql", api.sdl()
    for name in services.names():
        page = root / "services" / name / "README.md"
        yield page, services.readme(name, _text(page) or f"# {name}\n")


def differing(root: Path) -> dict[Path, str]:
    """The pages that are not there or not as they must be, and what must stand in them."""
    return {page: text for page, text in pages(root) if _text(page) != text}


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; returns the exit code."""
    match arguments:
        case []:
            for page, text in differing(ROOT).items():
                page.write_text(text, encoding="utf-8")
                sys.stdout.write(f"wrote {page.relative_to(ROOT)}\n")
            return 0
        case ["--check", *rest] if len(rest) < 2:
            root = Path(rest[0]) if rest else ROOT
            stale = differing(root)
            for page in stale:
                sys.stderr.write(f"{page.relative_to(root)} is not what the code says; run: make docs\n")
            return 1 if stale else 0
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
