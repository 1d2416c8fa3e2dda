"""Secrets of Kubernetes: all of their values go, whatever they are called, and those of other objects stay."""

import json

import pytest

from aiops_common.redaction import redact

_SECRET = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "zzone", "b-c.d": "zztwo"}, "metadata": {"name": "db"}}
_OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"color": "blue"}}

_LIST = """\
apiVersion: v1
items:
- apiVersion: v1
  data:
    color: blue
  kind: ConfigMap
- apiVersion: v1
  data:
    one: zzone
    two: "zztwo"
  kind: Secret
  metadata:
    name: db
  type: Opaque
- data:
    three: zzthree
  kind: Secret
kind: List
"""
_BLOCKS = """\
kind: Secret
stringData:
  config: |
    zzone
    more: zztwo

    - zzthree
  other: zzfour
metadata:
  name: db
---
kind: ConfigMap
data:
  color: blue
"""


def _assert_hidden(text: str, values: int) -> str:
    redacted = redact(text)
    assert "zz" not in redacted.text
    assert redacted.kinds == {"SECRET": values}
    assert redacted.restore(redacted.text) == text
    return redacted.text


def test_of_a_list_in_yaml_only_the_secrets_go() -> None:
    left = _assert_hidden(_LIST, 3)
    assert "color: blue" in left
    assert "name: db" in left


def test_the_lines_of_a_block_go() -> None:
    left = _assert_hidden(_BLOCKS, 4)
    assert "color: blue" in left
    assert "name: db" in left


@pytest.mark.parametrize("kind", ['kind: "Secret"', "kind:  Secret\r", "  kind: Secret"])
def test_a_kind_may_be_written_in_other_ways(kind: str) -> None:
    _assert_hidden(f"{kind}\ndata:\n  a: zzone\n", 1)


def test_json_on_one_line_is_known_by_that_line() -> None:
    left = _assert_hidden("\n".join(json.dumps(one) for one in (_OTHER, _SECRET, _OTHER)), 2)
    assert left.count('"color": "blue"') == 2
    assert _assert_hidden(json.dumps(_SECRET, separators=(",", ":")), 2)


def test_json_in_json_and_json_on_many_lines() -> None:
    _assert_hidden(json.dumps({"applied": json.dumps(_SECRET)}), 2)
    _assert_hidden(json.dumps({"items": [_SECRET]}, indent=2), 2)
    _assert_hidden(json.dumps({"kind": "Secret", "stringData": {"a": 'zz"one\\', "b": "zz{two}"}}), 2)


@pytest.mark.parametrize(
    "text",
    [
        "kind: SecretProviderClass\ndata:\n  a: b\n",
        "the kind: Secret is none\ndata:\n  a: b\n",
        '{"kind":"SecretList","data":{"a":"b"}}',
        json.dumps(_OTHER) + '\n{"objectRef": {"kind": "Secret"}}',
        "kind: Secret\nmetadata:\n  name: db\n",
        "kind: Secret",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text).text == text
