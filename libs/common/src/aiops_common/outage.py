"""Telling once that something is away and once that it is back, however many notice."""

import time


class Outage:
    """Whether something is away, as far as its users have noticed."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: float | None = None

    def begins(self) -> bool:
        """To be called whenever it was not there; whether that is news."""
        is_news = self._since is None
        if is_news:
            self._since = time.monotonic()
        return is_news

    def ends(self) -> float | None:
        """To be called whenever it was there; for how many seconds it was away, where it was."""
        if self._since is None:
            return None
        seconds, self._since = time.monotonic() - self._since, None
        return round(seconds, 3)
