"""How much text fits into a prompt, without a tokeniser: those need a network, and every model has another one."""

BYTES_PER_TOKEN = 3.5
"""UTF-8 bytes per token: on the safe side for English prose and code, about right for logs."""

LEAST_INPUT_TOKENS = 1024
"""Less than this the instructions of a question alone may take (about 2,000 bytes), and what it is about needs room."""

_LOWEST, _HIGHEST = 1.0, 8.0
_WEIGHT_OF_NEWEST = 0.2


def estimated_tokens(text: str, bytes_per_token: float = BYTES_PER_TOKEN) -> int:
    """Tokens that ``text`` will cost, rounded up."""
    return -int(-len(text.encode()) // bytes_per_token)


class TokenRate:
    """Bytes per token of one model, started at ``BYTES_PER_TOKEN`` and moved towards what the server reports."""

    def __init__(self) -> None:
        self.bytes_per_token = BYTES_PER_TOKEN

    def observe(self, sent: str, reported_tokens: int) -> None:
        """Learn from the usage that came with an answer; servers that report none (0) teach nothing."""
        if reported_tokens <= 0:
            return
        seen = min(_HIGHEST, max(_LOWEST, len(sent.encode()) / reported_tokens))
        self.bytes_per_token += _WEIGHT_OF_NEWEST * (seen - self.bytes_per_token)
