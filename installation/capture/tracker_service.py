"""Watches the camera's frames for the sitter, beside the stage or in step with it.

    watcher = TrackerService(portrait_parameters)             # a thread of its own
    watcher = SynchronousTrackerService(portrait_parameters)  # no thread: exact on a virtual clock
    watcher.start()

    watcher.watch(True)                    # on DetectFaces
    watcher.take(visit_id)                 # on TakePortrait
    watcher.look(feed.latest(), now_s)     # in each turn of the main loop
    events += watcher.poll()
    pictures = watcher.portrait(visit_id)  # on PortraitTaken, once
    watcher.erase()                        # on EraseVisit

Both do the same; all they know of faces is in installation/capture/tracker.py. Nothing is written or logged.
"""

import threading
from collections.abc import Callable

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import Face
from hardware.camera.base import Frame
from installation.capture.tracker import Tracker, wipe
from installation.stage.view import Sighting
from installation.visit.events import Event, PortraitRefused, PortraitTaken, TrackerFailed, TrackerReady
from installation.visit.parameters import CaptureParameters
from installation.workers.supervision import Condition, ResilientService


class TrackerService(ResilientService):
    """Looks at the newest frame in its own thread; frames that come meanwhile are left out.

    `values` is asked on the stage's thread.

    sighting: the sitter in the newest frame that was looked at; None while nobody watches or no frame comes.
    face: what is measured on it, for the technician's picture alone; None once the portrait is taken.
    """

    advice = "Restart the installation; if this stays, run `./kiosk doctor`."
    is_discreet = True

    def __init__(
        self,
        values: Callable[[], CaptureParameters],
        open_analyser: Callable[[], FaceAnalyser] = FaceAnalyser,
    ) -> None:
        super().__init__("watcher")
        self._open_analyser = open_analyser
        self._values = values
        self._finder: FaceAnalyser | None = None
        self._sitting: Tracker | None = None
        self._failed = False  # as last told
        # Guards everything below, and wakes the thread.
        self._changed = threading.Condition()
        self._on = self._anybody = False
        # Ascends with each erasing: what was begun in an earlier round comes to nothing.
        self._round = 0
        self._orders: list[Callable[[Tracker], None]] = []
        self._newest: tuple[Frame | None, float, CaptureParameters, bool] | None = None
        self._asked: int | None = None
        self._events: list[Event] = []
        self._portraits: dict[int, list[Pixels]] = {}
        self.sighting: Sighting | None = None
        self.face: Face | None = None

    # --- called by the stage; all of it returns at once ---

    def watch(self, on: bool, anybody: bool = False) -> None:
        """Begins a sitting with whoever is seen next; or looks no more, and erases.

        anybody: there is no sitter, and nothing is measured; FaceSeen comes for as long as anybody is there.
        """
        self.erase()
        self._on, self._anybody = on, anybody

    def take(self, visit_id: int) -> None:
        """Keeps the best of the next frames; `poll` will have PortraitTaken or PortraitRefused."""
        with self._changed:
            self._asked = visit_id
            self._orders.append(lambda sitting: sitting.take(visit_id))

    def look(self, frame: Frame | None, now_s: float) -> None:
        """Takes the camera's newest frame, or None where there is none; the same frame may come again."""
        values = self._values()
        with self._changed:
            if self._on:
                self._newest = frame, now_s, values, self._anybody
                self._changed.notify_all()

    def poll(self) -> list[Event]:
        """What happened since: FaceSeen, AnotherFace, PortraitTaken, PortraitRefused.

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

        The sharpest first, the others for the judges' reference. Whoever takes them overwrites them.
        """
        with self._changed:
            return self._portraits.pop(visit_id, None)

    def erase(self) -> None:
        """Overwrites the portrait, and drops frames and all that was measured.

        A frame being looked at goes as soon as the thread comes back from it, and nothing comes of it.
        """
        with self._changed:
            self._round += 1
            self._orders = [Tracker.erase]
            self._newest = self._asked = self.sighting = self.face = None
            self._events.clear()
            for pictures in self._portraits.values():
                wipe(pictures)
            self._portraits.clear()
            self._changed.notify_all()

    # --- its own thread ---

    def setup(self) -> None:
        self._finder = self._open_analyser()
        self._sitting = Tracker(self._finder)

    def run(self) -> None:
        while not self.stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._orders or self._newest, timeout=0.2)
            self._turn()
            self.beat()

    def teardown(self) -> None:
        sitting, finder = self._sitting, self._finder
        self._sitting = self._finder = None
        with self._changed:
            if self._asked is not None:
                self._events.append(PortraitRefused(self._asked))
            self._asked = self.sighting = self.face = None
        if sitting is not None:
            sitting.erase()
        if finder is not None:
            finder.close()

    def _turn(self) -> None:
        """Does what was asked, and looks at the newest frame."""
        assert self._sitting is not None
        with self._changed:
            current, orders, newest = self._round, self._orders, self._newest
            self._orders, self._newest = [], None
        for order in orders:
            order(self._sitting)
        if newest is None:
            return
        events, pictures = self._sitting.look(*newest)
        with self._changed:
            if current != self._round:
                wipe(pictures)
                self._sitting.erase()
                return
            for event in events:
                if isinstance(event, PortraitTaken | PortraitRefused):
                    self._asked = None
                if isinstance(event, PortraitTaken):
                    self._portraits[event.visit_id] = pictures
            self._events += events
            self.sighting, self.face = self._sitting.sighting, self._sitting.face


class SynchronousTrackerService(TrackerService):
    """Looks at each frame on the caller's thread, before `look` returns."""

    def start(self) -> None:
        self.setup()
        self._report(Condition.OK, "running.")

    def stop(self) -> None:
        self.teardown()
        self._report(Condition.DISABLED, "stopped.")

    def look(self, frame: Frame | None, now_s: float) -> None:
        super().look(frame, now_s)
        self._turn()

    def erase(self) -> None:
        super().erase()
        if self._sitting is not None:
            self._turn()
