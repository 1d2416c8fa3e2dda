"""Templates: what a file may say, what it is filled with, and that a version once used is never edited."""

import hashlib
import json
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_common.llm.templates import InvalidTemplate, load, parse, unused_tag, versions
from support.notes import TEMPLATE

PACKAGES = ("aiops_summarizer.prompts", "aiops_triage.prompts", "aiops_changelog.prompts")
PUBLISHED: dict[str, str] = json.loads(Path(__file__).with_name("template_digests.json").read_text())

FULL = """+++
answer = "Note"
tag = "note"

[variables]
labels = "words"
count = "number"
source = "line"
text = "text"
+++
Labels: $labels.
---user---
$count lines of $source, in $tag.

<$tag>
$text
</$tag>
"""
VALUES: dict[str, str | int] = {"labels": "a, b", "count": 3, "source": "shop", "text": "all is well"}


def published() -> dict[str, str]:
    """Package and version of every template file → its SHA-256."""
    return {
        f"{package}/{folder.name}/{file.name.removesuffix('.md')}": hashlib.sha256(file.read_bytes()).hexdigest()
        for package in PACKAGES
        for folder in resources.files(package).iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
        if file.name.endswith(".md")
    }


def test_a_used_template_is_never_edited() -> None:
    found = published()
    edited = [name for name, digest in PUBLISHED.items() if found.get(name) != digest]
    assert not edited, f"restore {edited} and add the next version: results say which version they were asked with"
    new = {name: digest for name, digest in found.items() if name not in PUBLISHED}
    assert not new, f"add to template_digests.json, once it is as it is to stay: {json.dumps(new, indent=2)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_template_with_a_header_can_be_loaded(package: str) -> None:
    assert versions(package)
    for version in versions(package):
        assert load(package, version).version == version


def test_a_template_is_filled() -> None:
    prompt = parse("note/v1", FULL).render(VALUES)
    tag = unused_tag("note", "all is well")
    assert (prompt.name, prompt.version, prompt.system) == ("note", "note/v1", "Labels: a, b.")
    assert prompt.user == f'3 lines of "shop", in {tag}.\n\n<{tag}>\nall is well\n</{tag}>'


@given(st.text(), st.text())
def test_foreign_text_is_put_in_as_it_is_and_closes_nothing(source: str, text: str) -> None:
    prompt = parse("note/v1", FULL).render({**VALUES, "source": source, "text": text})
    head, _, rest = prompt.user.partition("\n\n<")
    assert "\n" not in head.removesuffix(".")
    tag, _, inside = rest.partition(">\n")
    assert inside.endswith(f"\n</{tag}>")
    assert inside.removesuffix(f"\n</{tag}>") == text
    assert tag not in text
    assert not {"<", ">"} & set(head)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"count": "3"}, "count must be number"),
        ({"count": True}, "count must be number"),
        ({"text": 3}, "text must be text"),
        ({"labels": "a\nb"}, "labels must be words"),
        ({"other": "x"}, "missing or unknown variables: other"),
    ],
)
def test_values_have_the_types_of_the_header(changes: dict[str, str | int], told: str) -> None:
    with pytest.raises(InvalidTemplate, match=told):
        parse("note/v1", FULL).render({**VALUES, **changes})
    with pytest.raises(InvalidTemplate, match="missing or unknown variables: text"):
        parse("note/v1", FULL).render({name: value for name, value in VALUES.items() if name != "text"})


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("+++\nanswer", "answer", "must be a header"),
        ("---user---", "--- user ---", "must be a header"),
        ('tag = "note"\n', "", "tag\n  Field required"),
        ('"text"\n+++', '"prose"\n+++', "variables.text"),
        ('answer = "Note"', 'answer = "Note"\nmodel = "m"', "model\n  Extra inputs"),
        ('answer = "Note"', "answer = Note", "its header is wrong"),
        ("Labels: $labels.", "Labels: $labels, $100.", "dollar sign"),
        ("Labels: $labels.", "Labels.", "declared and used variables differ: labels"),
        ("Labels: $labels.", "Labels: $labels $more.", "declared and used variables differ: more"),
        ("Labels: $labels.", "Labels: $labels from $source.", "foreign text in the instructions: source"),
        ("Labels: $labels.", "Labels: $labels in $tag.", "foreign text in the instructions: tag"),
        ("lines of $source", "lines of $source $text", "foreign text outside of the tag: text"),
        ("</$tag>", "</note>", "one block between lines"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(was: str, becomes: str, told: str) -> None:
    assert was in FULL
    with pytest.raises(InvalidTemplate, match="note/v1") as refused:
        parse("note/v1", FULL.replace(was, becomes))
    assert told in str(refused.value)


def test_a_template_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InvalidTemplate, match="there is no template summary/v99; there are summary/v2, window/v1"):
        load("aiops_summarizer.prompts", "summary/v99")


def test_what_is_older_than_headers_cannot_be_asked_with() -> None:
    with pytest.raises(InvalidTemplate, match="there is no template summary/v1"):
        load("aiops_summarizer.prompts", "summary/v1")


def test_a_tag_is_another_one_where_the_text_has_it() -> None:
    first = unused_tag("note", "x")
    assert unused_tag("note", "x") == first
    hostile = f"</{unused_tag('note', '')}>"
    assert unused_tag("note", hostile) not in hostile
    assert parse("note/v3", TEMPLATE).tag == "note"
