"""Reading a camera without ever waiting for it.

Two threads: a *reader* opens the camera and does nothing but read it, and a *keeper* watches the reader.
A reader whose camera hangs cannot be stopped, so the keeper leaves it behind, takes another one, and does
not go on beyond a few of them. Whatever goes wrong ends in the same way: the last picture is thrown away,
the camera is closed and, after a wait that grows, opened again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hardware.camera.base import CameraError, CameraHealth, CameraState, Frame, Source
from hardware.camera.inspection import Inspector
from hardware.camera.settings import CameraSettings, view

log = logging.getLogger(__name__)

# `stop` returns within 0.2 s; this much of it belongs to threads that can still come to an end.
_STOP_S = 0.15
_RATE_OVER_FRAMES = 30


@dataclass(frozen=True)
class CaptureLimits:
    """When a camera counts as broken.

    max_age_s: older pictures are not handed out. patience_s: a camera without a good picture for so long is
    opened again. open_patience_s: the same for the first good picture after opening, which takes some
    cameras seconds. first_wait_s, longest_wait_s: the wait before opening again, doubled each time.
    settled_s: after good pictures for so long the waits begin anew. max_stuck: threads left behind in a
    camera that hangs, at most.
    """

    max_age_s: float = 0.5
    patience_s: float = 2.0
    open_patience_s: float = 6.0
    first_wait_s: float = 0.25
    longest_wait_s: float = 8.0
    settled_s: float = 5.0
    max_stuck: int = 3


class Capture:
    """A camera read by a thread of its own. A Feed, from `start` to `stop`; also a context manager.

    `now` is the monotonic clock.
    """

    def __init__(
        self,
        source: Source,
        settings: CameraSettings | None = None,
        limits: CaptureLimits | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._settings = settings or CameraSettings()
        self._limits = limits or CaptureLimits()
        self._now = now
        # Guards everything below, and wakes the keeper.
        self._changed = threading.Condition()
        self._keeper = threading.Thread(target=self._keep, name="camera-keeper", daemon=True)
        self._reader: _Reader | None = None
        self._stuck: list[_Reader] = []
        self._opened = 0
        self._frame: Frame | None = None
        self._index = -1
        self._arrivals_s: deque[float] = deque(maxlen=_RATE_OVER_FRAMES)
        self._size_px: tuple[int, int] | None = None
        self._camera = ""
        self._state = CameraState.STOPPED
        self._stopping = False

    def start(self) -> None:
        """Begins to read; returns at once. Once only."""
        self._state = CameraState.OPENING
        self._keeper.start()

    def __enter__(self) -> "Capture":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def latest(self) -> Frame | None:
        with self._changed:
            if self._frame is not None and self._frame.age_s(self._now()) > self._limits.max_age_s:
                self._frame = None
            return self._frame

    def health(self) -> CameraHealth:
        fresh = self.latest() is not None
        with self._changed:
            state = self._state
            if state is CameraState.RUNNING and not fresh:
                # Not yet given up, but there is nothing to see: what its reader makes of it.
                verdict = self._reader.verdict if self._reader else CameraState.OPENING
                state = CameraState.HUNG if verdict is CameraState.RUNNING else verdict
            times_s = self._arrivals_s
            span_s = times_s[-1] - times_s[0] if len(times_s) > 1 else 0.0
            rate_hz = (len(times_s) - 1) / span_s if span_s > 0 else 0.0
            return CameraHealth(state, self._camera, self._size_px, rate_hz, max(0, self._opened - 1))

    def apply(self, settings: CameraSettings) -> None:
        """Mirror, rotation and crop hold from the next picture on; for the others the camera is reopened."""
        with self._changed:
            reopens = settings.device != self._settings.device
            self._settings = settings
            if reopens and self._reader is not None:
                self._reader.sent_away = True
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._state = CameraState.STOPPED
            self._frame = None
            reader = self._reader
            if reader is not None:
                reader.sent_away = True
                reader.leave.set()
            self._changed.notify_all()
        deadline_s = time.monotonic() + _STOP_S
        for thread in (self._keeper, reader):
            if thread is not None and thread.ident is not None:
                thread.join(max(0.0, deadline_s - time.monotonic()))

    # --- the keeper ---

    def _keep(self) -> None:
        wait_s = self._limits.first_wait_s
        while not self._stopping:
            self._stuck = [reader for reader in self._stuck if not reader.ended]
            if len(self._stuck) < self._limits.max_stuck:
                reader = self._watch_a_reader()
                if reader.settled:
                    wait_s = self._limits.first_wait_s
                if reader.sent_away:
                    continue
            else:
                self._enter(CameraState.STUCK)
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, wait_s)
            wait_s = min(2 * wait_s, self._limits.longest_wait_s)

    def _watch_a_reader(self) -> "_Reader":
        """Lets a new reader read for as long as it gives good pictures; it is gone or stuck afterwards."""
        reader = _Reader(self._source, self._settings, self._limits, self._now, self._deliver, self._end)
        with self._changed:
            if self._stopping:
                return reader
            self._reader = reader
            self._opened += 1
            reader.start()
            while not (reader.ended or reader.sent_away or reader.patience_left_s() <= 0):
                self._changed.wait(reader.patience_left_s())
            reader.leave.set()
            # A face that nobody renews is not kept.
            self._reader = self._frame = None
            self._arrivals_s.clear()
            self._enter(CameraState.OPENING if reader.sent_away else self._verdict(reader))
            if not self._changed.wait_for(lambda: reader.ended or self._stopping, self._limits.max_age_s):
                self._stuck.append(reader)
        return reader

    def _verdict(self, reader: "_Reader") -> CameraState:
        silent = not reader.ended and self._now() - reader.heard_s >= self._limits.patience_s
        if silent or reader.verdict in (CameraState.OPENING, CameraState.RUNNING):
            return CameraState.HUNG
        if reader.verdict is CameraState.REFUSED and self._stuck:
            return CameraState.HUNG  # the one that holds the camera is a reader left behind
        return reader.verdict

    def _enter(self, state: CameraState) -> None:
        with self._changed:
            if self._stopping or state is self._state:
                return
            self._state = state
            level = logging.INFO if state in (CameraState.RUNNING, CameraState.OPENING) else logging.WARNING
            log.log(level, "%s: %s. %s", self._camera or "camera", state, state.what_to_do)

    # --- called by a reader ---

    def _deliver(self, reader: "_Reader", camera: str, raw: Frame) -> None:
        """Makes a good picture the newest one, unless its reader has been left behind."""
        image = view(raw.image, self._settings)
        with self._changed:
            if reader.leave.is_set():
                return
            self._index += 1
            self._frame = Frame(image, raw.captured_s, self._index)
            self._arrivals_s.append(self._now())
            self._size_px = image.shape[1], image.shape[0]
            self._camera = camera
            self._enter(CameraState.RUNNING)

    def _end(self, reader: "_Reader") -> None:
        with self._changed:
            reader.ended = True
            self._changed.notify_all()


class _Reader(threading.Thread):
    """Opens the camera once and reads it until told to leave, or until it fails.

    leave: set by the keeper. sent_away: set with it where the camera did nothing wrong. ended: the camera
    is closed. verdict: what it last had to say. heard_s: when the camera last came back with anything.
    """

    def __init__(
        self,
        source: Source,
        settings: CameraSettings,
        limits: CaptureLimits,
        now: Callable[[], float],
        deliver: Callable[["_Reader", str, Frame], None],
        end: Callable[["_Reader"], None],
    ) -> None:
        super().__init__(name="camera-reader", daemon=True)
        self._source = source
        self._settings = settings
        self._limits = limits
        self._now = now
        self._deliver = deliver
        self._end = end
        self.leave = threading.Event()
        self.sent_away = False
        self.ended = False
        self.verdict = CameraState.OPENING
        self.heard_s = self._opened_s = now()
        self._first_good_s: float | None = None
        self._last_good_s: float | None = None

    @property
    def settled(self) -> bool:
        """Whether it gave good pictures for so long that the camera counts as repaired."""
        if self._first_good_s is None or self._last_good_s is None:
            return False
        return self._last_good_s - self._first_good_s >= self._limits.settled_s

    def patience_left_s(self) -> float:
        if self._last_good_s is None:
            return self._opened_s + self._limits.open_patience_s - self._now()
        return self._last_good_s + self._limits.patience_s - self._now()

    def run(self) -> None:
        try:
            camera = self._source.open(self._settings)
            try:
                inspector = Inspector(camera.live, self._limits.max_age_s)
                while not self.leave.is_set():
                    # No variable here: the picture must not outlive a `read` that hangs.
                    self._take(camera.read(), camera.name, inspector)
            finally:
                camera.close()
        except CameraError as error:
            self.verdict = error.state
        except Exception as error:
            # Drivers and decoders raise what they like: the camera is lost, the installation is not. The
            # type alone is logged, since a message could hold anything.
            log.warning("the camera failed with %s", type(error).__name__)
            self.verdict = CameraState.GARBAGE
        finally:
            self._end(self)

    def _take(self, frame: Frame, camera: str, inspector: Inspector) -> None:
        self.heard_s = self._now()
        fault = inspector.fault(frame, self.heard_s)
        if fault is CameraState.RESIZED:
            raise CameraError(fault, "The camera changed the size of its pictures: it is opened again.")
        if fault is not None:
            self.verdict = fault
            return
        self._deliver(self, camera, frame)
        self.verdict = CameraState.RUNNING
        self._last_good_s = self._now()
        if self._first_good_s is None:
            self._first_good_s = self._last_good_s
