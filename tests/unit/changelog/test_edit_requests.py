"""What an edit may ask for."""

from uuid import UUID

import pytest
from pydantic import ValidationError

from aiops_contracts.changelog import TEXT_LIMITS, EditChangelog, EntryEdit


@pytest.mark.parametrize("text", ["", "  \n", "x" * (TEXT_LIMITS["text"] + 1), "a\0b"])
def test_an_entry_has_something_to_say(text: str) -> None:
    with pytest.raises(ValidationError, match="text"):
        EntryEdit(entry_id="a", text=text)


def test_white_space_around_a_text_is_none_of_it() -> None:
    assert EntryEdit(entry_id="a", text=" put well\n").text == "put well"


def test_nothing_needs_to_change_but_who_asks_is_known() -> None:
    request = EditChangelog(changelog_id=UUID(int=1), expected_version=1, edited_by=UUID(int=2))
    assert (request.entries, request.release, request.summary) == ((), None, None)
    with pytest.raises(ValidationError, match="edited_by"):
        EditChangelog.model_validate({"changelog_id": UUID(int=1), "expected_version": 1})
