"""Runs the tracker on the camera's frames, in a thread of its own or in step with the main loop.

    service = TrackerService(capture_parameters)             # a thread of its own
    service = SynchronousTrackerService(capture_parameters)  # no thread: exact on a virtual clock
    service.start()

    service.watch(True)                    # on DetectFaces
    service.take(visit_id)                 # on TakePortrait
    service.look(feed.latest(), now_s)     # in each turn of the main loop
    events += service.poll()
    pictures = service.portrait(visit_id)  # on PortraitTaken, once
    service.follow(True)                   # on BeginMeeting
    service.erase()                        # on EraseVisit

Both do the same: everything about faces is in `installation.capture.tracker`. Nothing is written or logged.
"""

from collections.abc import Callable

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import Face
from hardware.camera.base import Frame
from installation.capture.expression_follower import FollowedExpression
from installation.capture.tracker import Tracker, wipe
from installation.capture.watching_service import Synchronous, WatchingService
from installation.stage.view import Sighting
from installation.visit.events import Event, PortraitRefused, PortraitTaken, TrackerFailed, TrackerReady
from installation.visit.parameters import CaptureParameters
from installation.workers.supervision import Condition

_Look = tuple[Frame | None, float, CaptureParameters, bool, bool]


class TrackerService(WatchingService[Tracker, _Look]):
    """Tracks faces in the newest frame on its own thread; frames that come meanwhile are left out.

    values: gives the parameters, on the main loop's thread. open_analyser: opens the face analyser, on the
    service's thread.

    sighting: the sitter in the newest frame that was processed; None while it does not watch, or no frame
    comes. face: what is measured on it, for the technician's screen alone; None once the portrait is taken.
    expression: while it is followed, of the newest frame that was processed.
    released: that frame, black but for the sitter's face; what scenes may show.
    """

    def __init__(
        self,
        values: Callable[[], CaptureParameters],
        open_analyser: Callable[[], FaceAnalyser] = FaceAnalyser,
    ) -> None:
        super().__init__("watcher")
        self._open_analyser = open_analyser
        self._values = values
        self._analyser: FaceAnalyser | None = None
        self._tracker: Tracker | None = None
        self._failed = False  # as reported by the last `poll`
        # As what `WatchingService` holds, under its lock.
        self._presence_only = self._follows = False
        self._portraits: dict[int, list[Pixels]] = {}
        self.sighting: Sighting | None = None
        self.face: Face | None = None
        self.expression: FollowedExpression | None = None
        self.released: Frame | None = None

    # --- called by the main loop; all of it returns at once ---

    def watch(self, on: bool, anybody: bool = False) -> None:
        """Starts to track whoever is seen next; or stops, and erases.

        anybody: nobody is tracked and nothing is measured; FaceSeen comes while anybody is there.
        """
        self.erase()
        self._on, self._presence_only = on, anybody

    def take(self, visit_id: int) -> None:
        """Takes a portrait from the next frames; `poll` will return PortraitTaken or PortraitRefused."""
        with self._changed:
            self._asked_visit_id = visit_id
            self._commands.append(lambda tracker: tracker.take(visit_id))

    def follow(self, on: bool) -> None:
        """Begins to follow the sitter's expression, or ends it and drops all that was followed."""
        with self._changed:
            self.expression = None
            self._follows = on
            self._commands.append(lambda tracker: tracker.follow(on))

    def look(self, frame: Frame | None, now_s: float, closely: bool = True) -> None:
        """Hands over the camera's newest frame; None where there is none. It may be the same as before.

        closely: as `Tracker.look` takes it.
        """
        values = self._values()
        with self._changed:
            if self._on:
                self._newest = frame, now_s, values, self._presence_only, closely
                self._changed.notify_all()

    def poll(self) -> list[Event]:
        """The events since the last call: FaceSeen, AnotherFace, PortraitTaken, PortraitRefused.

        And TrackerFailed, TrackerReady when that changes.
        """
        failed, before = self.health.condition in (Condition.WAITING, Condition.FAILED), self._failed
        self._failed = failed
        with self._changed:
            events, self._events = self._events, []
        if failed is not before:
            events.append(TrackerFailed() if failed else TrackerReady())
        return events

    def portrait(self, visit_id: int) -> list[Pixels] | None:
        """The portrait of this visit, handed over once: uint8 (H, W, 3) RGB, cut out around the face.

        The best picture first, the others for the judges' reference. The caller overwrites them
        (`installation.capture.tracker.wipe`).
        """
        with self._changed:
            return self._portraits.pop(visit_id, None)

    def erase(self) -> None:
        """Overwrites the portrait, and drops frames and all measurements.

        A frame that is being processed is dropped as soon as the thread is done with it, and its results too.
        """
        with self._changed:
            self._generation += 1
            self._commands = [Tracker.erase]
            self._newest = self._asked_visit_id = self.sighting = self.face = self.expression = None
            self.released = None
            self._follows = False
            self._events.clear()
            for pictures in self._portraits.values():
                wipe(pictures)
            self._portraits.clear()
            self._changed.notify_all()

    # --- ResilientService, on its own thread ---

    def setup(self) -> None:
        self._analyser = self._open_analyser()
        self._tracker = Tracker(self._analyser)

    def teardown(self) -> None:
        tracker, analyser = self._tracker, self._analyser
        self._tracker = self._analyser = None
        with self._changed:
            if self._asked_visit_id is not None:
                self._events.append(PortraitRefused(self._asked_visit_id))
            self._asked_visit_id = self.sighting = self.face = self.expression = None
            self.released = None
        if tracker is not None:
            tracker.erase()
        if analyser is not None:
            analyser.close()

    def _process(self) -> None:
        """Carries out the commands, and processes the newest frame."""
        assert self._tracker is not None
        with self._changed:
            generation, commands, newest = self._generation, self._commands, self._newest
            self._commands, self._newest = [], None
        for command in commands:
            command(self._tracker)
        if newest is None:
            return
        events, pictures = self._tracker.look(*newest)
        with self._changed:
            if generation != self._generation:
                wipe(pictures)
                self._tracker.erase()
                return
            for event in events:
                if isinstance(event, PortraitTaken | PortraitRefused):
                    self._asked_visit_id = None
                if isinstance(event, PortraitTaken):
                    self._portraits[event.visit_id] = pictures
            self._events += events
            self.sighting, self.face = self._tracker.sighting, self._tracker.face
            self.expression = self._tracker.expression if self._follows else None
            self.released = self._tracker.released


class SynchronousTrackerService(Synchronous, TrackerService):
    """Tracks faces on the caller's thread, before `look` returns."""

    def look(self, frame: Frame | None, now_s: float, closely: bool = True) -> None:
        super().look(frame, now_s, closely)
        self._process()

    def erase(self) -> None:
        super().erase()
        if self._tracker is not None:
            self._process()
