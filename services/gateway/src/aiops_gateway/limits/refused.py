"""Where the reason of a refusal is kept that comes while a request is traced, for its span."""

from typing import Final

REFUSED: Final = "aiops.refused"
"""The key in the scope of a request."""
