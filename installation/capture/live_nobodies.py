"""The nobodies that stand in the live picture of several people for whoever does not want to be seen.

The engine draws them when people take part together for the first time, and they are kept as long as that
engine is there: they are nobody's data. One that a judge takes for a doppelgänger that was made is not shown
again, and another one is drawn for the next people. Of that only its number is known.
"""

from collections.abc import Collection

from engine.live.crowd.bank import PEOPLE, Poses
from installation.capture.group_tracker_service import GroupTrackerService
from installation.workers.engine_client import EngineClient


class LiveNobodies:
    """Keeps the group tracker's bank of nobodies full. Used by the main loop's thread."""

    def __init__(self, engine: EngineClient, tracker: GroupTrackerService | None) -> None:
        self._engine, self._tracker = engine, tracker
        self._struck: set[int] = set()

    def ask(self) -> None:
        """Asks the engine for those that are missing."""
        if self._tracker is not None:
            numbers = range(1, PEOPLE + len(self._struck) + 1)
            self._engine.draw_nobodies([number for number in numbers if number not in self._struck])

    def add(self, number: int, poses: Poses) -> None:
        """A nobody is drawn; without poses it could not be, or the engine that has drawn it is gone, and no
        doppelgänger would be compared with it."""
        if self._tracker is None:
            return
        if not poses:
            self._tracker.bank = self._tracker.bank.without({number})
        elif number not in self._struck:
            self._tracker.bank = self._tracker.bank.with_nobody(number, poses)

    def strike(self, numbers: Collection[int]) -> None:
        """These look like a doppelgänger."""
        self._struck |= set(numbers)
        if self._tracker is not None:
            self._tracker.bank = self._tracker.bank.without(numbers)
