"""A common word stays common with digits, punctuation and look-alikes on it."""

import pytest

from aiops_auth.domain import password_weakness
from aiops_auth.domain.common_words import COMMON_WORDS


def weakness(password: str) -> str | None:
    return password_weakness(password, email="eve@example.org", display_name="Eve Adams")


@pytest.mark.parametrize(
    "password",
    [
        "Qwerty123456!", "Welcome12345!", "123456789012!", "Administrator1!", "Admin123456!", "p@ssw0rd123!",
        "Password2024!", "Summer2026!!!!", "!!!Summer2026", "2026-Summer-01", "$uperman1234", "Welc0me!!2024",
        "1loveyou12345", "!loveyou12345", "F00tball#2024", "m0nkey123456", "qwertyuiop!!",
        "1234567890!?", "#1234567890#", "Wint3r202520", "Letm31n!2024!", "***P@55W0RD***", "_Monday_2024_",
        "\uff30\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff11\uff12\uff13\uff14", "Passw0rd1234!", "P4ssword2024!",
    ],
)  # fmt: skip
def test_a_common_word_in_disguise_is_refused(password: str) -> None:
    said = weakness(password)
    assert said is not None
    assert "most common" in said
    assert password not in said


@pytest.mark.parametrize(
    "password",
    [
        "a perfectly long passphrase", "correct horse battery staple", "correct-horse-battery-staple",
        "Correct1Horse2Battery3", "a rather long sentence", "the keys to the kingdom", "summer in the city 1966",
        "monkeys eat dragonfruit", "kX9!vB2#qL7@", "welcome to the jungle", "73519402867153", "winter is coming!",
    ],
)  # fmt: skip
def test_a_phrase_or_a_random_text_is_fine(password: str) -> None:
    assert weakness(password) is None


def test_the_words_are_plain_letters() -> None:
    assert len(COMMON_WORDS) >= 150
    assert all(len(word) >= 4 and word.isascii() and word.isalpha() and word.islower() for word in COMMON_WORDS)
