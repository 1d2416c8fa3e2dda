"""Which passwords are refused: NIST SP 800-63B, 5.1.1.2 (length and a list, no composition rules)."""

import unicodedata

from aiops_auth.domain.common_passwords import COMMON_PASSWORDS

MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 128

_FEWEST_DISTINCT = 4
_SHORTEST_TERM = 3
_LEAST_BEYOND_TERM = 8


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
    if folded in COMMON_PASSWORDS:
        return "The password is one of the most common ones; choose another."
    if len(set(folded)) < _FEWEST_DISTINCT or _is_repetition(folded):
        return "The password repeats the same few characters; choose a more varied one."
    if _leans_on_own_name(folded, (email, display_name, email.partition("@")[0])):
        return "The password consists mostly of your e-mail address or name; choose another."
    return None


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
