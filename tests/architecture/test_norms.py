"""Sizes of files and functions, and docstrings where somebody else reads."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.sources import (
    ROOT,
    Function,
    body_lines,
    functions,
    lines_without_docstring,
    parsed,
    python_files,
)

OURS = ("libs", "services", "deploy", "tests", "benchmarks", "evals")
MAX_FILE_LINES = 300
MAX_TEST_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
MAX_CONSUMER_LINES = 12


def test_files_are_short() -> None:
    too_long = []
    for path in python_files(*OURS):
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        limit = MAX_TEST_FILE_LINES if path.parts[0] == "tests" else MAX_FILE_LINES
        if lines > limit:
            too_long.append(f"{path}: {lines} lines; the limit is {limit}")
    assert not too_long, "\n".join(too_long)


def test_functions_are_short() -> None:
    too_long = [
        f"{path}:{function.lineno}: {function.name} has {lines} lines; the limit is {MAX_FUNCTION_LINES}"
        for path in python_files(*OURS)
        for function in functions(parsed(path))
        if (lines := lines_without_docstring(function)) > MAX_FUNCTION_LINES
    ]
    assert not too_long, "\n".join(too_long)


def test_consumers_decode_and_call_and_do_nothing_else() -> None:
    consumers = [path for path in python_files("services") if path.name == "consumers.py"]
    assert consumers
    too_long = [
        f"{path}:{function.lineno}: the body of {function.name} has {lines} lines; the limit is {MAX_CONSUMER_LINES}"
        for path in consumers
        for function in functions(parsed(path))
        if (lines := body_lines(function)) > MAX_CONSUMER_LINES
    ]
    assert not too_long, "\n".join(too_long)


def test_public_names_of_libraries_say_what_they_are() -> None:
    undocumented = [
        f"{path}:{node.lineno}: {name} has no docstring"
        for path in python_files("libs")
        for name, node in _public(parsed(path).body)
        if ast.get_docstring(node) is None
    ]
    assert not undocumented, "\n".join(undocumented)


def test_modules_of_libraries_say_what_they_are() -> None:
    undocumented = [
        str(path)
        for path in python_files("libs")
        if ast.get_docstring(parsed(path)) is None and (ROOT / path).read_text(encoding="utf-8").strip()
    ]
    assert not undocumented, "\n".join(undocumented)


def _public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Public classes and functions of a module, and public methods of those classes.

    Special methods and overrides are left out: what they do is said by Python, or by what they override.
    """
    for node in body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        if any(isinstance(d, ast.Name) and d.id in ("override", "overload") for d in node.decorator_list):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f():\n    return 1\n", 2),
        ('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n', 2),
        ("@decorated\ndef f(\n    a,\n):\n    return a\n", 4),
    ],
)
def test_lines_of_a_function(source: str, lines: int) -> None:
    assert lines_without_docstring(next(functions(ast.parse(source)))) == lines


def test_what_counts_as_public() -> None:
    tree = ast.parse("class A:\n  def a(self): ...\n  def _b(self): ...\n  def __len__(self): ...\ndef _c(): ...\n")
    assert [name for name, _ in _public(tree.body)] == ["A", "A.a"]


def test_the_rules_look_at_something() -> None:
    assert Path("libs/contracts/src/aiops_contracts/base.py") in python_files("libs")
