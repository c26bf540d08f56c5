"""A camera without a thread, polled on a virtual clock: the frame depends on the time alone."""

import logging
from collections.abc import Callable

from hardware.camera.base import CameraError, CameraHealth, CameraState, Frame, PulledCamera, PulledSource
from hardware.camera.inspection import Inspector
from hardware.camera.reader import CaptureLimits
from hardware.camera.settings import CameraSettings, transform_image

log = logging.getLogger(__name__)


class PulledCapture:
    """A Feed that reads the camera whenever it is asked, at the time of `clock`, in seconds.

    Time counts from when this is made. A camera that fails is closed, and opened again at the next call; it
    continues where it would be by then, since nobody waits on a virtual clock.
    """

    def __init__(
        self,
        source: PulledSource,
        settings: CameraSettings,
        clock: Callable[[], float],
        limits: CaptureLimits | None = None,
    ) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._limits = limits or CaptureLimits()
        self._began_s = clock()
        self._camera: PulledCamera | None = None
        self._inspector: Inspector | None = None
        self._seen_index = -1
        self._frame: Frame | None = None
        self._name = ""
        self._size_px: tuple[int, int] | None = None
        self._opened = 0
        self._state = CameraState.OPENING
        self._reported = ""

    def latest(self) -> Frame | None:
        if self._state is CameraState.STOPPED:
            return None
        now_s = self._clock()
        try:
            self._look(now_s)
        except Exception as error:  # as in hardware.camera.reader
            self._state = error.state if isinstance(error, CameraError) else CameraState.GARBAGE
            self._report(error)
            self._close()
        if self._frame is not None and self._frame.age_s(now_s) > self._limits.max_age_s:
            self._frame = None
        return self._frame

    def camera_health(self) -> CameraHealth:
        fresh = self.latest() is not None
        rate_hz = self._settings.rate_hz if fresh else 0.0
        return CameraHealth(self._state, self._name, self._size_px, rate_hz, max(0, self._opened - 1))

    def apply(self, settings: CameraSettings) -> None:
        if settings.device != self._settings.device:
            self._close()
        self._settings = settings

    def stop(self) -> None:
        self._state = CameraState.STOPPED
        self._close()

    def _look(self, now_s: float) -> None:
        if self._camera is None or self._inspector is None:
            self._camera = self._source.open(self._settings)
            self._inspector = Inspector(self._camera.live, self._limits.max_age_s)
            self._name = self._camera.name
            self._opened += 1
        raw = self._camera.frame_at(now_s - self._began_s)
        if raw.index == self._seen_index:
            return
        self._seen_index = raw.index
        raw = Frame(raw.image, self._began_s + raw.captured_s, raw.index)
        fault = self._inspector.fault(raw, now_s)
        if fault is CameraState.RESIZED:
            raise CameraError(fault, "The camera changed the size of its pictures: it is opened again.")
        self._state = fault or CameraState.RUNNING
        if fault is None:
            image = transform_image(raw.image, self._settings)
            self._size_px = image.shape[1], image.shape[0]
            self._frame = Frame(image, raw.captured_s, raw.index, self._settings.mirror)

    def _report(self, error: Exception) -> None:
        """Logs why the camera gives nothing, once: it is opened again with each frame of the clock."""
        # Of other exceptions the type alone, since a message could hold anything.
        line = str(error) if isinstance(error, CameraError) else f"the camera failed: {type(error).__name__}"
        if line != self._reported:
            self._reported = line
            log.warning(line)

    def _close(self) -> None:
        self._frame = None
        self._seen_index = -1
        self._inspector = None
        if self._camera is not None:
            self._camera.close()
            self._camera = None
