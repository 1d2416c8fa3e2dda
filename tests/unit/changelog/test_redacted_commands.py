"""Whose word counts for what is redacted already."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from aiops_changelog.service import redacted_command
from aiops_common.messaging.message import Delivery
from aiops_contracts.changelog import CommitInput, GenerateChangelog

COMMITS = (CommitInput(message="fix: mail ada@example.com", author="Ada <ada@example.com>"),)


def _delivery(principal: str, *, redacted: bool) -> Delivery[GenerateChangelog]:
    message = GenerateChangelog(project="shop", commits=COMMITS, redacted=redacted)
    return Delivery(uuid4(), message, principal, attempt=1, time=datetime.now(UTC))


@pytest.mark.parametrize(
    ("principal", "redacted"), [("partner:acme", True), ("partner:acme", False), ("user:x", False)]
)
def test_all_others_are_redacted(principal: str, redacted: bool) -> None:
    (commit,) = redacted_command(_delivery(principal, redacted=redacted)).commits or ()
    assert (commit.message, commit.author) == ("fix: mail <EMAIL_1>", "Ada <<EMAIL_1>>")


def test_our_own_word_is_taken() -> None:
    delivery = _delivery("user:x", redacted=True)
    assert redacted_command(delivery) is delivery.message
