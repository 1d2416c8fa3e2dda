"""What request bodies take at the same time, in the memory of this process."""

from collections import Counter


class Held:
    """Counts bytes that are held, at most ``most`` in all and ``most_of_one`` for each key."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._all = 0
        self._by_key: Counter[str] = Counter()

    def take(self, key: str, count: int) -> bool:
        """Hold ``count`` bytes more for ``key``; False, and nothing is held, where there is no room for them."""
        if self._all + count > self._most or self._by_key[key] + count > self._most_of_one:
            return False
        self._all += count
        self._by_key[key] += count
        return True

    def give_back(self, key: str, count: int) -> None:
        """Hold ``count`` bytes less for ``key``."""
        self._all -= count
        self._by_key[key] -= count
        if not self._by_key[key]:
            del self._by_key[key]
