"""The last changes of parameters, so that they can be undone one after the other."""

import math
from collections import deque
from collections.abc import Mapping

from installation.settings.parameters import Value

LONGEST = 100  # changes that are kept
SAME_MOVE_S = 1.0  # a parameter set again within this time is still the same move of a fader


class History:
    """Values as they were before each change: `scene/name` -> value. Belongs to the stage's thread."""

    def __init__(self) -> None:
        self._changes: deque[dict[str, Value]] = deque(maxlen=LONGEST)
        self._moved_s: dict[str, float] = {}  # `scene/name` -> when it was set last, by itself

    def record(self, before: Mapping[str, Value]) -> None:
        """Remembers the values before a change of several; none where `before` is empty."""
        self._moved_s.clear()
        if before:
            self._changes.append(dict(before))

    def record_move(self, address: str, before: Value, now_s: float) -> None:
        """Remembers the value before a change of one parameter; while a fader moves, only the first."""
        if now_s - self._moved_s.get(address, -math.inf) >= SAME_MOVE_S:
            self._changes.append({address: before})
        self._moved_s[address] = now_s

    def take_back(self) -> dict[str, Value]:
        """The values before the last change, which is then forgotten; empty where there is none."""
        self._moved_s.clear()
        return self._changes.pop() if self._changes else {}
