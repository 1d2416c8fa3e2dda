"""What import-linter cannot say: portions of namespace packages, the standard library, and business words."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.sources import ROOT, imported_modules, parsed, python_files, services

COMMON = Path("libs/common/src/aiops_common")

# The words of what the services are about. "commit" alone is not among them: transactions are committed.
BUSINESS = re.compile(
    r"tickets?|triag\w*|changelogs?|summar(?:y|ies|i[sz]e\w*|i[sz]ation)|log entr(?:y|ies)|commit messages?"
    r"|release notes?|reporters?|incidents?",
    re.IGNORECASE,
)
# What the semantic conventions call things.
CONVENTIONS = re.compile(r"db\.query\.summary")
# Also words of HTTP and of secrets, so only refused where they can mean nothing but the service.
AMBIGUOUS = {"auth"}


def test_the_telemetry_sdk_has_one_door() -> None:
    door = COMMON / "telemetry"
    elsewhere = [
        f"{path}:{line}: {name}"
        for path in python_files("libs", "services", "deploy")
        if not path.is_relative_to(door)
        for line, name in imported_modules(parsed(path))
        if re.match(r"opentelemetry\.(sdk|exporter)\b", name)
    ]
    assert not elsewhere, "\n".join(elsewhere)


def test_a_domain_needs_the_standard_library_only() -> None:
    modules = [path for path in python_files("services") if path.name == "domain.py" or path.parent.name == "domain"]
    assert {path.parts[1] for path in modules} == set(services())
    foreign = [
        f"{path}:{line}: {name}"
        for path in modules
        for line, name in imported_modules(parsed(path))
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(f"aiops_{path.parts[1]}.domain")
    ]
    assert not foreign, "\n".join(foreign)


def test_the_plumbing_knows_no_business() -> None:
    told = [
        f"{path}:{line}: {word}"
        for path in python_files("libs")
        if path.is_relative_to(COMMON)
        for line, word in _business_words((ROOT / path).read_text(encoding="utf-8"), set(services()))
    ]
    assert not told, "\n".join(told)


def _business_words(source: str, names: set[str]) -> Iterator[tuple[int, str]]:
    """(line, word) of identifiers, texts and comments that name a service or something a service is about."""
    plain = "|".join(sorted(names - AMBIGUOUS))
    any_name = "|".join(sorted(names))
    service = re.compile(rf"(?<![a-z])(?:{plain})(?![a-z])|aiops[_/-](?:{any_name})\b|['\"](?:{any_name})['\".]", re.I)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
            continue
        told = CONVENTIONS.sub("", token.string)
        text = re.sub(r"[_\s]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", told))
        for pattern, searched in ((service, token.string), (BUSINESS, text)):
            for found in pattern.finditer(searched):
                yield token.start[0] + searched.count("\n", 0, found.start()), found.group()


@pytest.mark.parametrize(
    "source",
    [
        "def triage_ticket(): ...",
        "class TicketStore: ...",
        "# as a changelog needs it",
        "OWNER = 'auth'",
        "OWNER = 'auth.log_in.v1'",
        "name = 'aiops/auth'",
        "summary = 1",
        "text = 'a commit message'",
    ],
)
def test_a_business_word_is_found(source: str) -> None:
    assert list(_business_words(source + "\n", {"triage", "auth", "gateway"}))


@pytest.mark.parametrize("source", ["transaction.commit()", "# group commit", "client(auth=auth)", "gateways = 1"])
def test_a_word_of_the_trade_is_not(source: str) -> None:
    assert list(_business_words(source + "\n", {"triage", "auth", "gateway"})) == []


def test_both_forms_of_import_are_seen() -> None:
    tree = ast.parse("import a.b\nfrom c import d\nfrom . import e\n")
    assert [name for _, name in imported_modules(tree)] == ["a.b", "c", "c.d"]
