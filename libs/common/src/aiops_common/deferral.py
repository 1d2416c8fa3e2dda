"""Work that cannot be done now, through no fault of its own."""


class Deferred(Exception):
    """To be tried later; the attempt does not count.

    A handler raises it, and the message waits on the retry ladder for as long as its deadline allows. ``reason`` is a
    short text without anything of the message; ``retry_after`` is in seconds, where somebody knows when to come back.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
