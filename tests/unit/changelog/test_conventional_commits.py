"""Every example and rule of https://www.conventionalcommits.org/en/v1.0.0/."""

import pytest

from aiops_changelog.domain import Bump, Commit
from aiops_changelog.engine.footers import Footer
from aiops_changelog.engine.message import parse

from .drafting import draft_of, sections_of

EXTENDS = "`extends` key in config file is now used for extending other config files"
MULTI_PARAGRAPH = """fix: prevent racing of requests

Introduce a request id and a reference to latest request. Dismiss
incoming responses other than from latest request.

Remove timeouts which were used to mitigate the racing issue but are
obsolete now.

Reviewed-by: Z
Refs: #123
"""


@pytest.mark.parametrize(
    ("message", "type_", "scope", "breaking", "description"),
    [
        (
            f"feat: allow provided config object to extend other configs\n\nBREAKING CHANGE: {EXTENDS}\n",
            *("feat", None, True, "allow provided config object to extend other configs"),
        ),
        ("refactor!: drop support for Node 6", "refactor", None, True, "drop support for Node 6"),
        ("refactor(runtime)!: drop support for Node 6", "refactor", "runtime", True, "drop support for Node 6"),
        (
            "refactor!: drop support for Node 6\n\nBREAKING CHANGE: refactor to use features not available in Node 6.",
            *("refactor", None, True, "drop support for Node 6"),
        ),
        ("docs: correct spelling of CHANGELOG", "docs", None, False, "correct spelling of CHANGELOG"),
        ("feat(lang): add polish language", "feat", "lang", False, "add polish language"),
        ("fix: correct minor typos in code\n\nsee the issue", "fix", None, False, "correct minor typos in code"),
        (MULTI_PARAGRAPH, "fix", None, False, "prevent racing of requests"),
        (
            "revert: let us never speak of it\n\nRefs: 676104e, a215868",
            "revert",
            None,
            False,
            "let us never speak of it",
        ),
        ("fix: array parsing issue: multiple spaces", "fix", None, False, "array parsing issue: multiple spaces"),
    ],
)
def test_examples(message: str, type_: str, scope: str | None, breaking: bool, description: str) -> None:
    parsed = parse(message)
    assert (parsed.type, parsed.scope, parsed.breaking, parsed.description) == (type_, scope, breaking, description)


@pytest.mark.parametrize(
    "subject",
    [
        *("feat:no space", "feat : space before", "feat(): empty scope", "feat!(x): misplaced", "feat x: two words"),
        *("feat: ", ": x", "feat(a)(b): two scopes", "feat(a: open scope"),
    ],
)
def test_malformed_prefixes_are_no_headers(subject: str) -> None:
    parsed = parse(subject)
    assert (parsed.type, parsed.breaking) == (None, False)


def test_types_are_case_insensitive_and_free() -> None:
    assert parse("FEAT(Api): x").type == "feat"
    assert parse("Fix: x").type == "fix"
    parsed = parse("vendoring(api)!: pull in zlib")
    assert (parsed.type, parsed.scope, parsed.breaking) == ("vendoring", "api", True)


def test_footers_of_several_kinds() -> None:
    footers = parse("fix: typos\n\nsee the issue\n\non typos fixed.\n\nReviewed-by: Z\nRefs #133\n").footers
    assert footers == (Footer("Reviewed-by", "Z", ":"), Footer("Refs", "133", "#"))


def test_a_footer_value_spans_lines_until_the_next_token() -> None:
    footers = parse("fix: x\n\nBREAKING CHANGE: one\ntwo\n\n  three: four\nAcked-by: Q\n").footers
    assert footers == (Footer("BREAKING CHANGE", "one\ntwo\n\n  three: four", ":"), Footer("Acked-by", "Q", ":"))


@pytest.mark.parametrize(
    "footer",
    [
        *("BREAKING CHANGE: gone", "BREAKING-CHANGE: gone", "Reviewed-by: Z\nBREAKING CHANGE: gone\nRefs #1"),
        *("Refs #1\nBREAKING-CHANGE: gone", "BREAKING CHANGE:\ngone", "BREAKING CHANGE: gone\r\n"),
    ],
)
@pytest.mark.parametrize("body", ["", "a body\n\n", "two\n\nparagraphs\n\n"])
@pytest.mark.parametrize("subject", ["chore: x", "docs(a): x", "Rework everything"])
def test_breaking_footers(subject: str, body: str, footer: str) -> None:
    parsed = parse(f"{subject}\n\n{body}{footer}")
    assert parsed.breaking
    assert parsed.note == "gone"


@pytest.mark.parametrize(
    "rest",
    [
        "\n\nbreaking change: lower case",
        "\n\nBreaking Change: title case",
        "\n\nBREAKING CHANGE without colon",
        "\n\nBREAKING CHANGE:no space",
        "\n\nBREAKING CHANGE #12",
        "\n\nBREAKING CHANGE:",
        "\n\nBREAKING CHANGES: plural",
        "\n\nNON-BREAKING CHANGE: prefixed",
        "\n\nA body that says\nBREAKING CHANGE: inside a paragraph",
        "\nBREAKING CHANGE: no blank line before",
        "\n\n> BREAKING CHANGE: a quotation",
        "\n\n    BREAKING CHANGE: indented code",
        "\n\n- BREAKING CHANGE: in a list",
        "\n\n`BREAKING CHANGE: x` makes a release breaking",
        '\n\n"BREAKING CHANGE: x" makes a release breaking',
        "\n\n```\n\nBREAKING CHANGE: fenced\n\n```\n\nRefs: #1",
        "\n\n~~~ text\nfeat!: x\n\nBREAKING CHANGE: fenced\n~~~~",
        "\n\n````\n```\n\nBREAKING CHANGE: in a longer fence\n````",
        "\n\n```\n\nBREAKING CHANGE: in a fence that is never closed",
        "\n\n<!--\n\nBREAKING CHANGE: a form's comment\n-->",
        '\n\nThe guide now says "write\n\nBREAKING CHANGE: and why\n\nat the end".',
    ],
)
def test_what_does_not_break(rest: str) -> None:
    assert not parse("docs: explain" + rest).breaking


def test_a_footer_behind_a_fence_breaks() -> None:
    assert parse("docs: x\n\n```\nBREAKING CHANGE: no\n```\n\nBREAKING CHANGE: yes").note == "yes"


@pytest.mark.parametrize(
    ("message", "bump"),
    [
        *(("feat: x", Bump.MINOR), ("fix: x", Bump.PATCH), ("perf: x", Bump.NONE), ("foo: add x", Bump.NONE)),
        *(("docs!: x", Bump.MAJOR), ("chore: x\n\nBREAKING-CHANGE: y", Bump.MAJOR)),
    ],
)
def test_bumps(message: str, bump: Bump) -> None:
    assert draft_of(message).suggested_bump is bump


def test_additional_types_keep_their_name_and_get_an_inferred_section() -> None:
    draft = draft_of("parser: fix leak of handles", "build: use newer compiler")
    assert sections_of(draft) == {"FIXED": ["fix leak of handles"], "INTERNAL": ["use newer compiler"]}
    entries = {entry.type: entry for part in draft.sections for entry in part.entries}
    assert entries["parser"].inferred
    assert not entries["build"].inferred


@pytest.mark.parametrize(
    ("subject", "type_", "scope", "references"),
    [
        ("✨ feat(ui): themes", "feat", "ui", ()),
        (":bug: fix: crash", "fix", None, ()),
        ("🧑\u200d💻 chore: x", "chore", None, ()),
        ("OPS-12: feat(ui): themes", "feat", "ui", ("OPS-12",)),
        ("[OPS-12] fix: crash (#34)", "fix", None, ("OPS-12", "#34")),
        ("OPS-12 ⚡️ perf: faster", "perf", None, ("OPS-12",)),
        ("OPS-12: make it faster", None, None, ("OPS-12",)),
        ("UTF-8: decode names", "utf-8", None, ()),
        ("fix: GH-7 and acme/tool#8, not SHA-256 nor &#39; nor a/#5", "fix", None, ("GH-7", "acme/tool#8")),
        ("fix: CVE-2024-12345", "fix", None, ("CVE-2024-12345",)),
    ],
)
def test_prefixes_and_references(
    subject: str, type_: str | None, scope: str | None, references: tuple[str, ...]
) -> None:
    parsed = parse(subject)
    assert (parsed.type, parsed.scope, parsed.references) == (type_, scope, references)


def test_a_leading_collision_emoji_breaks() -> None:
    assert sections_of(draft_of("💥 rename every option")) == {"BREAKING": ["rename every option"]}


def test_co_authors_are_named_without_addresses() -> None:
    draft = draft_of(Commit("feat: x\n\nCo-authored-by: Bo <bo@example.org>", "abcd", "Ann <ann@example.org>"))
    assert draft.sections[0].entries[0].authors == ("Ann", "Bo")
