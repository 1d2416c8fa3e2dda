"""Telling once that something is away and once that it is back, however many notice."""

import time


class Outage:
    """Whether something is away, as far as its users have noticed.

    It is back when nobody has missed it for ``settle_seconds``: what fails every other time is one outage.
    """

    __slots__ = ("_missed_at", "_settle_seconds", "_since")

    def __init__(self, *, settle_seconds: float = 0.0) -> None:
        self._settle_seconds = settle_seconds
        self._since: float | None = None
        self._missed_at = 0.0

    def begins(self) -> bool:
        """To be called whenever it was not there; whether that is news."""
        self._missed_at = time.monotonic()
        is_news = self._since is None
        if is_news:
            self._since = self._missed_at
        return is_news

    def ends(self) -> float | None:
        """To be called whenever it was there; for how many seconds it was away, where it was."""
        if self._since is None or time.monotonic() - self._missed_at < self._settle_seconds:
            return None
        seconds, self._since = time.monotonic() - self._since, None
        return round(seconds, 3)
