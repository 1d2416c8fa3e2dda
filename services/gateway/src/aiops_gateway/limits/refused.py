"""Where the reason of a refusal is kept, for who records what became of a request."""

from typing import Final

REFUSED: Final = "aiops.refused"
"""The key in the scope of a request."""
