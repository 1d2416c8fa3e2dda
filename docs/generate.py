"""`make docs`: write what the documentation says of messages, API and services, from the code that does it.

    python -m docs.generate [--accept-breaking | --check] [ROOT]

To be run from the root of the checkout; the pages are those below ROOT, by default this checkout. With --check nothing
is written: pages that are not what the code says are named, and the status is 1. A schema that breaks clients of the
one that stands there is written with --accept-breaking only.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from docs.reference import api, messages, services
from docs.reference.breaking import changes as schema_changes
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


def breaking(root: Path) -> list[str]:
    """What the present schema breaks for clients of the one that is committed below ``root``, in words."""
    return schema_changes(_text(root / "docs" / "schema.graphql"), api.sdl())


def write(root: Path, *, accept_breaking: bool) -> int:
    """Write the pages that differ; returns the exit code: 1, and nothing was written, if clients would break."""
    if (broken := breaking(root)) and not accept_breaking:
        _tell(broken)
        return 1
    for page, text in differing(root).items():
        page.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {page.relative_to(root)}\n")
    return 0


def check(root: Path) -> int:
    """Name the pages that differ; returns the exit code."""
    stale = differing(root)
    for page in stale:
        sys.stderr.write(f"{page.relative_to(root)} is not what the code says; run: make docs\n")
    if broken := breaking(root):
        _tell(broken)
    return 1 if stale else 0


def _tell(broken: list[str]) -> None:
    sys.stderr.write("the schema breaks clients of docs/schema.graphql; add instead, and deprecate what is there:\n")
    sys.stderr.writelines(f"  - {change}\n" for change in broken)
    sys.stderr.write("where that is wanted all the same: python -m docs.generate --accept-breaking\n")


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; returns the exit code."""
    match arguments:
        case ["--check", *rest] if len(rest) < 2:
            return check(_root(rest))
        case ["--accept-breaking", *rest] if len(rest) < 2:
            return write(_root(rest), accept_breaking=True)
        case [*rest] if len(rest) < 2 and not any(one.startswith("-") for one in rest):
            return write(_root(rest), accept_breaking=False)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


def _root(arguments: list[str]) -> Path:
    return Path(arguments[0]) if arguments else ROOT


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
