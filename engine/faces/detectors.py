"""The face detectors there are, by name, and how one is opened.

To add one: a module here with a class that implements `engine.faces.detector.FaceDetector` and a function
`build` (see `DetectorEntry`), and an entry in `DETECTORS`; where it needs a file that does not come with a
package, also an entry in `weights/manifest.toml`.

A detector's module, and with it its libraries, is loaded only when the detector is opened: a process that
only checks a configuration loads none of them.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from engine.faces.detector import FaceDetector


@dataclass(frozen=True)
class DetectorEntry:
    """A face detector before it is opened.

    Attributes:
        description: what it is, a few words.
        module: has `build(weights: Path | None) -> FaceDetector`.
        weights: for a detector whose file has to be fetched: the entry of `weights/manifest.toml`, and the
            file in it.
    """

    description: str
    module: str
    weights: tuple[str, str] | None = None


DETECTORS: dict[str, DetectorEntry] = {
    "mediapipe": DetectorEntry("MediaPipe's two BlazeFace networks", "engine.faces.mediapipe_detector"),
    "scrfd-l": DetectorEntry(
        "SCRFD of buffalo_l", "engine.faces.scrfd_detector", ("buffalo_l", "det_10g.onnx")
    ),
    "scrfd-s": DetectorEntry(
        "SCRFD of buffalo_s", "engine.faces.scrfd_detector", ("buffalo_s", "det_500m.onnx")
    ),
}

DEFAULT_DETECTOR = "mediapipe"


def entry_of(name: str) -> DetectorEntry:
    """The detector of this name. Raises UsageError where there is none."""
    if name not in DETECTORS:
        raise UsageError(f"There is no face detector {name!r}: choose among " + ", ".join(DETECTORS))
    return DETECTORS[name]


@dataclass(frozen=True)
class DetectorChoice:
    """The face detector to use: its name in `DETECTORS`, and the path of its file; None: it needs none."""

    name: str = DEFAULT_DETECTOR
    weights: Path | None = None

    def open(self) -> "FaceDetector":
        """The detector, loaded.

        Raises UsageError for an unknown name, WeightsError where its file is missing or is no such network.
        """
        entry = entry_of(self.name)
        if entry.weights and self.weights is None:
            raise WeightsError(
                f"The face detector {self.name} has no weights yet: "
                f"`./kiosk weights fetch {entry.weights[0]}`"
            )
        detector: FaceDetector = import_module(entry.module).build(self.weights)
        return detector
