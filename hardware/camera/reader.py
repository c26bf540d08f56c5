"""The thread that opens a camera and reads it, and nothing else.

A thread that hangs in a driver cannot be stopped. So whoever supervises it (`installation.capture.
camera_service`) watches for how long it has been silent, leaves it behind, and starts another one.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hardware.camera.base import CameraError, CameraState, Frame, Source
from hardware.camera.inspection import Inspector
from hardware.camera.settings import CameraSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaptureLimits:
    """When a camera counts as broken, and how it is opened again.

    max_age_s: older frames are not handed out.
    frame_timeout_s: a camera without a good frame for so long is opened again.
    open_timeout_s: the same for the first good frame after opening, which takes some cameras seconds.
    first_retry_s, longest_retry_s: the wait before opening again, doubled each time.
    healthy_after_s: after good frames for so long the waits begin anew.
    max_hung_readers: so many threads are left behind in a camera that hangs, at most.
    """

    max_age_s: float = 0.5
    frame_timeout_s: float = 2.0
    open_timeout_s: float = 6.0
    first_retry_s: float = 0.25
    longest_retry_s: float = 8.0
    healthy_after_s: float = 5.0
    max_hung_readers: int = 3


class CameraReader(threading.Thread):
    """Opens the camera once, and reads it until it is asked to stop or the camera fails.

    deliver: takes (this reader, the camera's name, a good frame), on this thread.
    on_closed: called on this thread once the camera is closed.

    stop_requested: set by the supervisor; taken note of between two frames.
    replaced: set with it where the camera did nothing wrong, but is to be opened with other settings.
    closed: whether the camera is closed; set by the supervisor in `on_closed`.
    state: how the camera is, as far as its frames tell.
    last_read_s: when the camera last came back with anything, on the clock `now`.
    """

    def __init__(
        self,
        source: Source,
        settings: CameraSettings,
        limits: CaptureLimits,
        now: Callable[[], float],
        deliver: Callable[["CameraReader", str, Frame], None],
        on_closed: Callable[["CameraReader"], None],
    ) -> None:
        super().__init__(name="camera-reader", daemon=True)
        self._source = source
        self._settings = settings
        self._limits = limits
        self._now = now
        self._deliver = deliver
        self._on_closed = on_closed
        self.stop_requested = threading.Event()
        self.replaced = False
        self.closed = False
        self.state = CameraState.OPENING
        self.last_read_s = self._opened_s = now()
        self._first_good_s: float | None = None
        self._last_good_s: float | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether it gave good frames for so long that the camera counts as repaired."""
        if self._first_good_s is None or self._last_good_s is None:
            return False
        return self._last_good_s - self._first_good_s >= self._limits.healthy_after_s

    def time_left_s(self) -> float:
        """Seconds until the next good frame is overdue; 0 or less when it is."""
        if self._last_good_s is None:
            return self._opened_s + self._limits.open_timeout_s - self._now()
        return self._last_good_s + self._limits.frame_timeout_s - self._now()

    def run(self) -> None:
        try:
            camera = self._source.open(self._settings)
            try:
                inspector = Inspector(camera.live, self._limits.max_age_s)
                while not self.stop_requested.is_set():
                    # No variable here: the frame must not outlive a `read` that hangs.
                    self._take(camera.read(), camera.name, inspector)
            finally:
                camera.close()
        except CameraError as error:
            self.state = error.state
        except Exception as error:
            # Drivers and decoders raise anything: the camera is lost, the installation is not. The type
            # alone is logged, since a message could hold anything.
            log.warning("the camera failed with %s", type(error).__name__)
            self.state = CameraState.GARBAGE
        finally:
            self._on_closed(self)

    def _take(self, frame: Frame, camera: str, inspector: Inspector) -> None:
        self.last_read_s = self._now()
        fault = inspector.fault(frame, self.last_read_s)
        if fault is CameraState.RESIZED:
            raise CameraError(fault, "The camera changed the size of its pictures: it is opened again.")
        if fault is not None:
            self.state = fault
            return
        self._deliver(self, camera, frame)
        self.state = CameraState.RUNNING
        self._last_good_s = self._now()
        if self._first_good_s is None:
            self._first_good_s = self._last_good_s
