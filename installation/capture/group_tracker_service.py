"""Runs the group tracker on the camera's frames, in a thread of its own or in step with the main loop.

As `installation.capture.tracker_service` does for one sitter; nothing is written or logged.
"""

from collections.abc import Callable

from engine.live.crowd.bank import Bank
from engine.live.crowd.decision import Decision
from hardware.camera.base import Frame
from installation.capture.group_tracker import Gathered, GroupPhotograph, GroupTracker
from installation.capture.watching_service import Synchronous, WatchingService
from installation.visit.events import Event, PortraitRefused, PortraitTaken


class GroupTrackerService(WatchingService[GroupTracker, Frame]):
    """Follows the people in the newest frame on its own thread; frames that come meanwhile are left out.

    open_tracker: opens the tracker, on the service's thread, when people gather for the first time.
    gathered: of the newest frame that was processed; None while it does not watch. bank: the nobodies that
    are shown from the next frame on; they are nobody's data, and `erase` leaves them.
    """

    def __init__(self, open_tracker: Callable[[], GroupTracker] = GroupTracker) -> None:
        super().__init__("group watcher")
        self._open_tracker = open_tracker
        self._tracker: GroupTracker | None = None
        self._photographs: dict[int, GroupPhotograph] = {}
        self.gathered: Gathered | None = None
        self.bank = Bank()

    # --- called by the main loop; all of it returns at once ---

    def watch(self, on: bool) -> None:
        """Starts to follow everybody; or stops, and erases."""
        self.erase()
        self._on = on

    def look(self, frame: Frame | None) -> None:
        """Hands over the camera's newest frame; it may be the same as before."""
        with self._changed:
            if self._on and frame is not None:
                self._newest = frame
                self._changed.notify_all()

    def decide(self, number: int, decision: Decision | None) -> None:
        """What the person of a track wants from the next frame on; None takes it back."""
        with self._changed:
            self._commands.append(lambda tracker: tracker.decide(number, decision))

    def take(self, visit_id: int) -> None:
        """Takes the photograph; `poll` will return PortraitTaken or PortraitRefused."""
        with self._changed:
            self._asked_visit_id = visit_id
            self._commands.append(lambda tracker: tracker.take(visit_id))

    def photograph(self, visit_id: int) -> GroupPhotograph | None:
        """The photograph of this visit, handed over once; the caller overwrites it."""
        with self._changed:
            return self._photographs.pop(visit_id, None)

    def poll(self) -> list[Event]:
        """The events since the last call: FaceSeen, PortraitTaken, PortraitRefused."""
        with self._changed:
            events, self._events = self._events, []
        return events

    def erase(self) -> None:
        """Overwrites the photograph, and drops the frames and whoever was followed."""
        with self._changed:
            self._generation += 1
            for photograph in self._photographs.values():
                photograph.image.fill(0)
            self._photographs.clear()
            self._commands = [GroupTracker.erase]
            self._newest = self._asked_visit_id = self.gathered = None
            self._events = []
            self._changed.notify_all()

    # --- on the service's thread ---

    def setup(self) -> None:
        """Nothing: the networks are opened when they are first needed."""

    def teardown(self) -> None:
        tracker, self._tracker = self._tracker, None
        with self._changed:
            if self._asked_visit_id is not None:
                self._events.append(PortraitRefused(self._asked_visit_id))
            self._asked_visit_id = self.gathered = None
        if tracker is not None:
            tracker.close()

    def _process(self) -> None:
        """Carries out the commands, and processes the newest frame."""
        with self._changed:
            generation, commands, frame = self._generation, self._commands, self._newest
            self._commands, self._newest = [], None
        if self._tracker is None:
            if frame is None:
                return
            self._tracker = self._open_tracker()
        for command in commands:
            command(self._tracker)
        if frame is None:
            return
        self._tracker.show_nobodies(self.bank)
        events = self._tracker.look(frame)
        with self._changed:
            if generation != self._generation:
                self._tracker.erase()
                return
            for event in events:
                if isinstance(event, PortraitTaken | PortraitRefused):
                    self._asked_visit_id = None
                if isinstance(event, PortraitTaken) and self._tracker.photograph is not None:
                    self._photographs[event.visit_id] = self._tracker.photograph
                    self._tracker.photograph = None
            self._events += events
            self.gathered = self._tracker.gathered


class SynchronousGroupTrackerService(Synchronous, GroupTrackerService):
    """Follows on the caller's thread, before `look` returns: exact on a virtual clock."""

    def look(self, frame: Frame | None) -> None:
        super().look(frame)
        self._process()

    def erase(self) -> None:
        super().erase()
        if self._tracker is not None:
            self._process()
