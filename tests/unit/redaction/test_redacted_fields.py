"""Redaction of messages field by field, of names, and of this project's own secrets."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from aiops_common.redaction import redact, redact_fields, redact_name
from support.canaries import CANARIES, LINES

MAIL = CANARIES["e-mail"]


class Item(BaseModel):
    """A part of something."""

    note: str | None = None
    tags: tuple[str, ...] = ()
    code: str = ""


class Order(BaseModel):
    """Something with parts."""

    model_config = ConfigDict(frozen=True)
    note: str
    host: str = ""
    count: int = 0
    items: tuple[Item, ...] = ()


def test_texts_are_redacted_at_any_depth_and_nothing_else_is() -> None:
    order = Order(note=MAIL, count=3, items=(Item(note=MAIL, tags=(MAIL, "x"), code=MAIL), Item()))
    assert redact_fields(order, texts={"note": 100, "tags": 100}) == Order(
        note="<EMAIL_1>", count=3, items=(Item(note="<EMAIL_1>", tags=("<EMAIL_1>", "x"), code=MAIL), Item())
    )
    assert order.note == MAIL


def test_a_name_may_be_an_address_or_a_number_but_no_secret() -> None:
    order = Order(note="10.1.2.3", host="10.1.2.3:5432 of pwd=hunter2")
    redacted = redact_fields(order, texts={"note": 100}, names={"host": 100})
    assert (redacted.note, redacted.host) == ("<IP_1>", "10.1.2.3:5432 of pwd=<SECRET_1>")


@given(st.lists(st.sampled_from(["a@b.co", "pwd=abc", "1.2.3.4", "<", ">", "xyz"]), max_size=60), st.integers(20, 80))
def test_no_text_exceeds_its_limit_or_ends_in_half_a_placeholder(pieces: list[str], limit: int) -> None:
    text = " ".join(pieces)[:limit]
    note = redact_fields(Order(note=text), texts={"note": limit}).note
    assert len(note) <= limit
    assert redact(text).text.startswith(note)
    assert not any(note.endswith(half) for half in ("<EMAIL", "<EMAIL_", "<EMAIL_1", "<SECRET", "<SECRET_1"))
    assert bool(note) == bool(text)


@given(st.sampled_from(LINES))
def test_redacting_a_name_twice_changes_nothing(line: str) -> None:
    assert redact_name(redact_name(line)) == redact_name(line)


_FRAMES = ["{}", "Bearer {}", "x={}", '{{"k": "{}"}}', "({})", "{}.", "curl -H 'a: {}'", "a\n{}\nb"]


@pytest.mark.parametrize("frame", _FRAMES)
def test_our_own_api_keys(frame: str) -> None:
    for _ in range(50):
        key = f"aiops_{secrets.token_urlsafe(32)}"
        assert key not in redact(frame.format(key)).text


@pytest.mark.parametrize(
    "text", ["aiops_gateway.service.submissions", "aiops_common", f"aiops_{'a' * 80}", "my_aiops_x"]
)
def test_what_only_begins_like_one_stays(text: str) -> None:
    assert redact(text).text == text


_NAMED = ["refresh_token={}", '{{"refreshToken": "{}"}}', "refreshToken: {}", "--refresh-token {}"]


@pytest.mark.parametrize("frame", [*_NAMED, '\\"refreshToken\\":\\"{}\\"'])
def test_our_own_refresh_tokens_where_they_are_named(frame: str) -> None:
    for _ in range(50):
        token = secrets.token_urlsafe(32)
        assert token not in redact(frame.format(token)).text


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_a_token_may_begin_like_an_option(dashes: str) -> None:
    token = dashes + "3jshikyZlVh9ZUrc2BO83mZiPyzpJhQNwFtVwdWv4"
    assert redact(f"run --refresh-token {token} now").text == "run --refresh-token <SECRET_1> now"


@pytest.mark.parametrize(
    "line", ["run --token --verbose", "run --token -v", "run --token --a-quite-long-option-of-ours-x"]
)
def test_an_option_is_no_token(line: str) -> None:
    assert redact(line).text == line


@pytest.mark.parametrize("parts", [(16, 12, 30, 16), (0, 12, 30, 16), (20, 20)])
def test_signed_and_encrypted_tokens_are_hidden_whole(parts: tuple[int, ...]) -> None:
    token = ".".join(["eyJhbGciOiJkaXIifQ", *(secrets.token_urlsafe(size * 2) if size else "" for size in parts)])
    assert redact(f"see {token} there").text == "see <JWT_1> there"
