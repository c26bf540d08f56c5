"""A bounded queue of entries that wait for their time."""

import heapq
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Schedule(Generic[T]):
    """At most `longest` entries, returned in order of time; of equal times, first come first."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._waiting: list[tuple[float, int, T]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, due_s: float, entry: T) -> bool:
        """Adds an entry for `due_s`. Returns whether there was room."""
        if len(self._waiting) >= self.longest:
            return False
        heapq.heappush(self._waiting, (due_s, next(self._order), entry))
        return True

    def due(self, now_s: float) -> T | None:
        """The next entry whose time has come, removed, or None."""
        if not self._waiting or self._waiting[0][0] > now_s:
            return None
        return heapq.heappop(self._waiting)[2]

    def clear(self) -> None:
        """Drops all entries."""
        self._waiting.clear()
