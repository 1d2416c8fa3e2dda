"""Which passwords are refused: NIST SP 800-63B, 5.1.1.2 (length and a list, no composition rules).

The list is of passwords "known to be commonly-used, expected, or compromised", and what guessers expect is a common
word with digits, punctuation and look-alikes of letters on it: that is refused as the word itself would be.
"""

import unicodedata
from collections.abc import Callable

from aiops_auth.domain.common_passwords import COMMON_PASSWORDS
from aiops_auth.domain.common_words import COMMON_WORDS

MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 128

_FEWEST_DISTINCT = 4
_SHORTEST_TERM = 3
_LEAST_BEYOND_TERM = 8

# A 1 looks like an i and like an l.
_LOOK_ALIKES = tuple(str.maketrans("@403$5!1", f"aaoessi{one}") for one in "il")
_READABLE = tuple(frozenset(listed.translate(table) for listed in COMMON_PASSWORDS) for table in _LOOK_ALIKES)
_LONGEST_WORD = max(map(len, COMMON_WORDS))
_SHORTEST_WORD = min(map(len, COMMON_WORDS))


def password_weakness(password: str, *, email: str, display_name: str) -> str | None:
    """Why ``password`` is refused, as a sentence that does not contain it; None when it is good enough.

    Lengths are in code points. ``email`` and ``display_name`` are the account's own: whoever guesses tries them first,
    so they count for nothing, and a password that contains one needs 8 code points beyond it.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        return f"The password must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters."
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in password):
        return "The password contains control characters or broken Unicode; use characters that can be typed."
    folded = password.casefold()
    if _is_common(unicodedata.normalize("NFKC", password).casefold()):
        return "The password is one of the most common ones; choose another."
    if len(set(folded)) < _FEWEST_DISTINCT or _is_repetition(folded):
        return "The password repeats the same few characters; choose a more varied one."
    if _leans_on_own_name(folded, (email, display_name, email.partition("@")[0])):
        return "The password consists mostly of your e-mail address or name; choose another."
    return None


def _is_common(folded: str) -> bool:
    # Tables map characters one to one, so what stands where in the text stands there in its readings, too.
    first, last = _letters_at(folded, str.isalnum)
    stripped = folded[first:last]
    if len(stripped) >= _LEAST_BEYOND_TERM and any(listed.startswith(stripped) for listed in COMMON_PASSWORDS):
        return True
    for table, readable in zip(_LOOK_ALIKES, _READABLE, strict=True):
        reading = folded.translate(table)
        if reading in readable or reading[first:last] in readable or _is_word_in_disguise(folded, reading):
            return True
    return folded in COMMON_PASSWORDS


def _is_word_in_disguise(folded: str, reading: str) -> bool:
    # A look-alike at either end may belong to the word or to what is around it, so every split is tried.
    first, last = _letters_at(folded, str.isalpha)
    return any(
        reading[start:end] in COMMON_WORDS
        for start in range(first + 1)
        for end in range(max(last, start + _SHORTEST_WORD), min(len(folded), start + _LONGEST_WORD) + 1)
    )


def _letters_at(text: str, is_one: Callable[[str], bool]) -> tuple[int, int]:
    """From the first to behind the last character that ``is_one``; behind the end and the start where none is."""
    found = [place for place, char in enumerate(text) if is_one(char)]
    return (found[0], found[-1] + 1) if found else (len(text), 0)


def _is_repetition(text: str) -> bool:
    # A text is a whole number (> 1) of repetitions of a shorter one exactly if it occurs in itself doubled, off the
    # ends. A repeated half of 8 and more, such as a passphrase said twice, is left alone.
    period = (text + text).find(text, 1)
    return period < min(len(text), _LEAST_BEYOND_TERM)


def _leans_on_own_name(folded: str, terms: tuple[str, ...]) -> bool:
    return any(
        term in folded and len(folded.replace(term, "")) < _LEAST_BEYOND_TERM
        for term in (term.casefold() for term in terms)
        if len(term) >= _SHORTEST_TERM
    )
