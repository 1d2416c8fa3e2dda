"""The files of this repository, as the rules about them see them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def committed() -> tuple[Path, ...]:
    """Files that a commit of everything would hold, relative to ROOT: git's index and what is not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    paths = [Path(name) for name in listed.decode().split("\0") if name]
    return tuple(sorted(path for path in set(paths) if (ROOT / path).is_file()))


def python_files(*folders: str) -> list[Path]:
    """Committed Python files under ``folders``, relative to ROOT."""
    return [path for path in committed() if path.suffix == ".py" and path.parts[0] in folders]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file named relative to ROOT."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def services() -> list[str]:
    """Names of the folders in services/ that hold a distribution."""
    return sorted(found.parent.name for found in (ROOT / "services").glob("*/pyproject.toml"))


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function and method, also those inside of others."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything imported; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def lines_without_docstring(function: Function) -> int:
    """Lines from ``def`` to the end, not counting the docstring: it may be as long as it has to be."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    return total - _docstring_lines(function)


def body_lines(function: Function) -> int:
    """Lines of the body, not counting the docstring."""
    total = (function.end_lineno or function.lineno) - function.body[0].lineno + 1
    return total - _docstring_lines(function)


def _docstring_lines(function: Function) -> int:
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return 0
    return (first.end_lineno or first.lineno) - first.lineno + 1
