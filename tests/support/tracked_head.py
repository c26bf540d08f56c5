"""The yaw of a head in a photograph or a film, as the installation's own tracker follows it."""

from pathlib import Path
from types import TracebackType

from engine.faces.analyser import FaceAnalyser
from hardware.camera.file import FileSource
from hardware.camera.pulled import PulledCapture
from hardware.camera.settings import CameraSettings
from installation.capture.tracker import Tracker
from installation.visit.parameters import CaptureParameters

RATE_HZ = 15.0  # as often as a busy machine's tracker looks


class TrackedHead:
    """Measures the yaw at rising times, on a virtual clock. A photograph is a head that does not move."""

    def __init__(self, path: Path) -> None:
        self._now_s = 0.0
        self._camera = PulledCapture(FileSource(path), CameraSettings(rate_hz=RATE_HZ), lambda: self._now_s)
        self._analyser = FaceAnalyser()
        self._tracker = Tracker(self._analyser)
        self.measured_deg: list[float] = []

    def __enter__(self) -> "TrackedHead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._camera.stop()
        self._analyser.close()

    def yaw_deg_at(self, time_s: float) -> float | None:
        """In degrees, positive towards the right edge of the mirrored picture; None without a face."""
        self._now_s = time_s
        self._tracker.look(self._camera.latest(), time_s, CaptureParameters())
        yaw_deg = self._tracker.sighting.yaw_deg if self._tracker.sighting else None
        if yaw_deg is not None:
            self.measured_deg.append(yaw_deg)
        return yaw_deg
