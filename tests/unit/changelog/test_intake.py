import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from aiops_changelog.__main__ import cli
from aiops_changelog.command.gitlog import from_git, from_git_with_paths
from aiops_changelog.domain import Commit
from aiops_changelog.engine.intake import InvalidCommit, from_text

from .drafting import draft_of, sections_of

WITH_PATHS = (
    b"\0" + b"a" * 40 + b"\0Ann\0feat: x\n\nbody\n\0\nsrc/a.py\0docs/b \xc3\xa9\0"
    b"\0" + b"b" * 40 + b"\0\0\0"
    b"\0" + b"c" * 40 + b"\0Bo \xff\0fix: y\n\0"
)
PLAIN = b"a" * 40 + b"\0Ann\0feat: x\n\nbody\n\0" + b"b" * 40 + b"\0\0\0" + b"c" * 40 + b"\0Bo \xff\0fix: y\n\0"
REST = [Commit("", "b" * 40), Commit("fix: y\n", "c" * 40, "Bo \ufffd")]


@given(st.lists(st.integers(0, len(WITH_PATHS)), max_size=6))
def test_git_streams_may_be_cut_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(WITH_PATHS)]
    first = Commit("feat: x\n\nbody\n", "a" * 40, "Ann")
    plain = [PLAIN[start:end] for start, end in pairwise(edges)]
    assert list(from_git(plain)) == [first, *REST]
    with_paths = [WITH_PATHS[start:end] for start, end in pairwise(edges)]
    assert list(from_git_with_paths(with_paths)) == [replace(first, paths=("src/a.py", "docs/b é")), *REST]


def test_raw_messages_and_json_lines() -> None:
    assert from_text(b"feat: a\0fix: b\n\nbody\0") == [Commit("feat: a"), Commit("fix: b\n\nbody")]
    assert from_text(b"feat: a\n") == [Commit("feat: a\n")]
    assert from_text(b" \n") == []
    line = {
        "message": "feat: a",
        "hash": "abcd",
        "author": "Ann",
        "committed_at": "2024-05-01T10:00:00Z",
        "paths": ["a"],
    }
    noon = datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert from_text((json.dumps(line) + "\n\n").encode()) == [Commit("feat: a", "abcd", "Ann", noon, ("a",))]


def test_a_nul_inside_of_a_json_text_is_a_blank() -> None:
    (commit,) = from_text(rb'{"message":"feat: a\u0000b"}')
    assert sections_of(draft_of(commit)) == {"ADDED": ["a b"]}


def test_half_a_surrogate_pair_in_json_is_replaced() -> None:
    line = rb'{"message":"feat: \ud800","author":"\udfff","paths":["\ud800"]}'
    assert from_text(line) == [Commit("feat: ?", None, "?", None, ("?",))]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is not a JSON object"),
        ("{}", 'line 2 has no "message"'),
        ('{"message":"x","hash":7}', 'line 2: "hash" must be a text, not 7'),
        ('{"message":"x","paths":"a"}', 'line 2: "paths" must be a list of texts'),
        ('{"message":' + "[" * 100_000, "line 2 is not JSON"),
        ('{"message":"a\0b"}', "line 2 is not JSON"),
        ('{"message":"x","committed_at":"noon"}', "line 2: \"committed_at\" is no ISO 8601 time: 'noon'"),
    ],
)
def test_bad_lines_are_named(line: str, complaint: str) -> None:
    with pytest.raises(InvalidCommit) as raised:
        from_text(f'{{"message":"feat: a"}}\n{line}\n'.encode())
    assert complaint in str(raised.value)


def test_the_command_reads_stdin_and_writes_markdown_or_json() -> None:
    result = CliRunner().invoke(
        cli, ["render", "--date", "2024-05-01", "--release", "1.0.0"], input="feat: a\0fix: b\0"
    )
    assert result.exit_code == 0
    assert result.stdout == "## [1.0.0] - 2024-05-01\n\n### Added\n\n- a\n\n### Fixed\n\n- b\n"
    as_json = json.loads(CliRunner().invoke(cli, ["render", "--json"], input="feat!: a").stdout)
    assert (as_json["suggested_bump"], as_json["sections"][0]["section"]) == ("MAJOR", "BREAKING")


@pytest.mark.parametrize(
    ("arguments", "given_input", "complaint"),
    [
        (["render"], "", "error: no commits on stdin"),
        (["render"], "{oops", "error: line 1 is not JSON"),
        (["render", "v1..v2"], "", "error: v1..v2 is a range of a repository"),
        (["render", "--git", "/does/not/exist"], "", "error: /does/not/exist is not a directory"),
        (["render", "--date", "soon"], "feat: a", "error: --date soon is not a day"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], given_input: str, complaint: str) -> None:
    result = CliRunner().invoke(cli, arguments, input=given_input)
    assert result.exit_code == 2
    assert complaint in result.stderr
