"""What is dated ahead waits here until its time comes."""

import heapq
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Schedule(Generic[T]):
    """At most `longest` entries, handed out by their times; of equal times, the one that came first."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._waiting: list[tuple[float, int, T]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, due_s: float, entry: T) -> bool:
        """Whether there was room for it."""
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
        """Forgets everything that waits."""
        self._waiting.clear()
