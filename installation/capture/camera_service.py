"""The camera as a service: read by a thread of its own, opened again whenever it fails.

The supervisor (`installation.workers.supervision`) repeats and waits, as for every service; this module adds
what is special about a camera: a reader whose driver hangs cannot be stopped. It is left behind, another one
is started, and after a few of them no more. Whatever goes wrong ends in the same way: the last frame is
dropped, the camera is closed and, after a wait that grows, opened again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from engine.common.errors import UsageError
from hardware.camera.base import CameraError, CameraHealth, CameraState, Feed, Frame, Source
from hardware.camera.pulled import PulledCapture
from hardware.camera.reader import CameraReader, CaptureLimits
from hardware.camera.selection import Sitter, camera_source
from hardware.camera.settings import CameraSettings, transform_image
from hardware.camera.v4l2 import V4l2Source
from installation.workers.supervision import ResilientService

log = logging.getLogger(__name__)

# `stop` returns within 0.2 s; this much of it belongs to threads that can still come to an end.
_STOP_S = 0.15
_RATE_OVER_FRAMES = 30


class CameraService(ResilientService):
    """A camera read by a thread of its own. A `Feed`, from `start` to `stop`; also a context manager.

    Two threads: the service's own watches the reader, which does nothing but read. `clock` gives monotonic
    seconds.
    """

    is_discreet = True

    def __init__(
        self,
        source: Source,
        settings: CameraSettings | None = None,
        limits: CaptureLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("camera-service", clock)
        self._source = source
        self._settings = settings or CameraSettings()
        self._limits = limits or CaptureLimits()
        self.first_wait_s, self.longest_wait_s = self._limits.first_retry_s, self._limits.longest_retry_s
        # Guards everything below, and wakes the service.
        self._changed = threading.Condition()
        self._reader: CameraReader | None = None
        self._hung: list[CameraReader] = []
        self._opened = 0
        self._frame: Frame | None = None
        self._index = -1
        self._arrivals_s: deque[float] = deque(maxlen=_RATE_OVER_FRAMES)
        self._size_px: tuple[int, int] | None = None
        self._camera = ""
        self._state = CameraState.STOPPED

    def __enter__(self) -> "CameraService":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- Feed ---

    def latest(self) -> Frame | None:
        with self._changed:
            if self._frame is not None and self._frame.age_s(self.clock()) > self._limits.max_age_s:
                self._frame = None
            return self._frame

    def camera_health(self) -> CameraHealth:
        is_fresh = self.latest() is not None
        with self._changed:
            state = self._state
            if state is CameraState.RUNNING and not is_fresh:
                # Not yet given up, but there is no frame: what the reader last found.
                found = self._reader.state if self._reader else CameraState.OPENING
                state = CameraState.HUNG if found is CameraState.RUNNING else found
            times_s = self._arrivals_s
            span_s = times_s[-1] - times_s[0] if len(times_s) > 1 else 0.0
            rate_hz = (len(times_s) - 1) / span_s if span_s > 0 else 0.0
            return CameraHealth(state, self._camera, self._size_px, rate_hz, max(0, self._opened - 1))

    def apply(self, settings: CameraSettings) -> None:
        """Mirror, rotation and crop hold from the next frame on; for the others the camera is reopened."""
        with self._changed:
            reopens = settings.device != self._settings.device
            self._settings = settings
            if reopens and self._reader is not None:
                self._reader.replaced = True
                self._changed.notify_all()

    def start(self) -> None:
        """Begins to read; returns at once."""
        self._state = CameraState.OPENING
        super().start()

    def stop(self) -> None:
        """Lets go of the camera within 0.2 s; a reader that hangs is left behind."""
        with self._changed:
            self.stopping.set()
            self._state = CameraState.STOPPED
            self._frame = None
            reader = self._reader
            if reader is not None:
                reader.replaced = True
                reader.stop_requested.set()
            self._changed.notify_all()
        deadline_s = time.monotonic() + _STOP_S
        for thread in (self._thread, reader):
            if thread is not None and thread.ident is not None:
                thread.join(max(0.0, deadline_s - time.monotonic()))

    # --- ResilientService, on its own thread ---

    def setup(self) -> None:
        """Nothing to open: each reader opens its own camera."""

    def run(self) -> None:
        """Watches one reader after the other, for as long as each ends without the camera's fault."""
        while not self.stopping.is_set():
            self._hung = [reader for reader in self._hung if not reader.closed]
            if len(self._hung) >= self._limits.max_hung_readers:
                raise CameraError(CameraState.STUCK, "The camera hangs in too many threads.")
            reader = self._watch_reader()
            if reader.is_healthy:
                self.recovered()
            if not reader.replaced:
                raise CameraError(self._state, "The camera gives no good pictures any more.")
            self.beat()

    def teardown(self) -> None:
        """Nothing to close: each reader closes its own camera."""

    def log_failure(self, fault: Exception) -> None:
        """Failures are logged as changes of the camera's state, without any of their own words."""
        self._enter(fault.state if isinstance(fault, CameraError) else CameraState.GARBAGE)

    def _watch_reader(self) -> CameraReader:
        """Lets a new reader read for as long as it gives good frames; afterwards it is closed or hangs."""
        reader = CameraReader(
            self._source, self._settings, self._limits, self.clock, self._deliver, self._on_closed
        )
        with self._changed:
            if self.stopping.is_set():
                reader.replaced = True
                return reader
            self._reader = reader
            self._opened += 1
            reader.start()
            while not (reader.closed or reader.replaced or reader.time_left_s() <= 0):
                self._changed.wait(reader.time_left_s())
            reader.stop_requested.set()
            # The last frame shows a face and will not be replaced by a newer one: drop it at once.
            self._reader = self._frame = None
            self._arrivals_s.clear()
            self._enter(CameraState.OPENING if reader.replaced else self._failure_of(reader))
            if not self._changed.wait_for(
                lambda: reader.closed or self.stopping.is_set(), self._limits.max_age_s
            ):
                self._hung.append(reader)
        return reader

    def _failure_of(self, reader: CameraReader) -> CameraState:
        is_silent = not reader.closed and self.clock() - reader.last_read_s >= self._limits.frame_timeout_s
        if is_silent or reader.state in (CameraState.OPENING, CameraState.RUNNING):
            return CameraState.HUNG
        if reader.state is CameraState.REFUSED and self._hung:
            return CameraState.HUNG  # the one that holds the camera is a reader left behind
        return reader.state

    def _enter(self, state: CameraState) -> None:
        with self._changed:
            if self.stopping.is_set() or state is self._state:
                return
            self._state = state
            level = logging.INFO if state in (CameraState.RUNNING, CameraState.OPENING) else logging.WARNING
            log.log(level, "%s: %s. %s", self._camera or "camera", state, state.what_to_do)

    # --- called by a reader, on its thread ---

    def _deliver(self, reader: CameraReader, camera: str, raw: Frame) -> None:
        """Makes a good frame the newest one, unless its reader has been left behind."""
        settings = self._settings
        image = transform_image(raw.image, settings)
        with self._changed:
            if reader.stop_requested.is_set():
                return
            self._index += 1
            self._frame = Frame(image, raw.captured_s, self._index, settings.mirror)
            self._arrivals_s.append(self.clock())
            self._size_px = image.shape[1], image.shape[0]
            self._camera = camera
            self._enter(CameraState.RUNNING)

    def _on_closed(self, reader: CameraReader) -> None:
        with self._changed:
            reader.closed = True
            self._changed.notify_all()


def open_camera(
    camera: str,
    settings: CameraSettings | None = None,
    *,
    sitter: Sitter | None = None,
    clock: Callable[[], float] | None = None,
) -> Feed:
    """The running camera that `camera` names, as `hardware.camera.selection.camera_source` understands it.

        feed = open_camera("name:Logitech", CameraSettings(rotation_deg=90))
        frame = feed.latest()             # the newest frame with its time, or None; at once
        feed.camera_health().what_to_do   # one line for the person in charge
        feed.stop()

    clock: with it there is no thread, and the frame depends on this clock alone; not with real cameras.

    Raises UsageError where `camera` names nothing, MachineError where the camera is not there (to wait for
    it instead, start a CameraService on `camera_source`).
    """
    settings = settings or CameraSettings()
    source = camera_source(camera, sitter=sitter)
    if isinstance(source, V4l2Source):
        if clock is not None:
            raise UsageError(
                f"camera {camera!r} is a real one and cannot follow a virtual clock: give file:PATH or "
                "synthetic."
            )
        source.find()
    elif clock is not None:
        return PulledCapture(source, settings, clock)
    service = CameraService(source, settings)
    service.start()
    return service
