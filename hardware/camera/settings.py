"""Settings of cameras, and how frames are rotated, cropped and mirrored by them."""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.errors import UsageError

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Crop:
    """The part that is used of the upright picture, in fractions of its width and height from the top left.

    Raises UsageError where it is not a part of the picture.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise UsageError(
                f"camera crop {self.left} {self.top} {self.right} {self.bottom}: give left, top, right and "
                "bottom from 0 to 1, left below right and top below bottom."
            )


@dataclass(frozen=True)
class CameraSettings:
    """Settings of any camera. Raises UsageError where a value is out of its range.

    mirror: left and right are exchanged, as in a mirror (`Frame.is_mirrored`).
    rotation_deg: 0, 90, 180 or 270, clockwise; sets the image of a tilted camera upright.
    crop: applied to the upright image, before it is mirrored.
    exposure_ms: how long each picture is exposed, above 0 to 1000; None leaves it to the camera.
    width_px, height_px: asked of a real camera, which gives the nearest it has. A file is shrunk, never
        enlarged, until its longer side is not above the longer of the two.
    rate_hz: pictures per second, 5 to 240; a real camera gives the nearest it has.
    picture_s: how long each picture of a folder is shown. As long as a whole visit, since another face ends
        the visit.
    """

    mirror: bool = True
    rotation_deg: int = 0
    crop: Crop = Crop()
    exposure_ms: float | None = None
    width_px: int = 1280
    height_px: int = 720
    rate_hz: float = 30.0
    picture_s: float = 120.0

    def __post_init__(self) -> None:
        if self.rotation_deg not in (0, *_TURNS):
            raise UsageError(f"camera rotation {self.rotation_deg}: give 0, 90, 180 or 270 degrees.")
        _within("exposure", "ms", 1.0 if self.exposure_ms is None else self.exposure_ms, 0.1, 1000)
        _within("width", "px", self.width_px, 64, 8192)
        _within("height", "px", self.height_px, 64, 8192)
        _within("rate", "pictures a second", self.rate_hz, 5, 240)
        _within("time per picture", "s", self.picture_s, 0.2, 86_400)

    @property
    def device(self) -> tuple[float | None, int, int, float, float]:
        """The settings that an open camera cannot change: it has to be opened again."""
        return self.exposure_ms, self.width_px, self.height_px, self.rate_hz, self.picture_s


def transform_image(image: Pixels, settings: CameraSettings) -> Pixels:
    """A camera's image, uint8 (H, W, 3), as the visitor sees it: upright, cropped, mirrored; read-only.

    Always a contiguous copy, at least one pixel wide and high.
    """
    turn = _TURNS.get(settings.rotation_deg)
    upright = image if turn is None else cv2.rotate(image, turn)
    height, width = upright.shape[:2]
    crop = settings.crop
    left, top = min(int(crop.left * width), width - 1), min(int(crop.top * height), height - 1)
    right, bottom = max(left + 1, round(crop.right * width)), max(top + 1, round(crop.bottom * height))
    part = upright[top:bottom, left:right]
    mirrored = cv2.flip(part, 1) if settings.mirror else part.copy()
    mirrored.setflags(write=False)
    return np.asarray(mirrored)


def _within(what: str, unit: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"camera {what} {value} {unit}: give {low:g} to {high:g}.")
