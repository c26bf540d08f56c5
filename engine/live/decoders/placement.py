"""Where a face lies in each frame of a film, and the square crop that the network sees of it.

The crop follows the middle between the eyes, the face's width in space, and roll; so a head that turns is
seen turning inside it.

**Convention:** points as in `engine.faces.alignment`. "Left" is the picture's.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.landmarks import Landmarks
from engine.live.expression import Mesh, measure
from engine.live.frame import Array
from engine.live.smoothing import smoothed

# The crop's side, and how far below the eyes its middle lies, in widths of the face.
SIDE_WIDTHS, BELOW_WIDTHS = 1.45, 0.36
# Standard deviation of the Gaussian over time that calms the crop.
CALM_S = 0.05
# A face that is missing for no longer is taken to have moved evenly in between.
LONGEST_GAP_S = 0.4
# The mask: the mesh's outline, drawn inwards and soft, in shares of the side.
SHRINK, SOFT = 0.02, 0.03


@dataclass(frozen=True)
class Placement:
    """x_px, y_px: the middle between the eyes. width_px: of the face. roll_deg: clockwise."""

    x_px: float
    y_px: float
    width_px: float
    roll_deg: float

    @classmethod
    def of(cls, mesh: Mesh) -> "Placement":
        """Of a face's mesh (478, 3)."""
        face = measure(mesh)
        return cls(face.x_px, face.y_px, face.width_px, face.roll_deg)

    def into_crop(self, side_px: int) -> NDArray[np.float64]:
        """The affine map (2, 3) from the frame's pixels to those of a crop of this side."""
        turn = np.radians(self.roll_deg)
        scale = side_px / (SIDE_WIDTHS * self.width_px)
        rows = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        eyes = np.array([0.5, 0.5 - BELOW_WIDTHS / SIDE_WIDTHS]) * side_px
        return np.column_stack([rows, eyes - rows @ [self.x_px, self.y_px]])


def crop(picture: Pixels, placement: Placement, side_px: int) -> Pixels:
    """The face in a frame uint8 (H, W, 3) RGB: uint8 (S, S, 3); the frame's edge goes on beyond it."""
    into = _centred(placement.into_crop(side_px))
    shrink = 1 / float(np.hypot(*into[0, :2]))
    source = cv2.GaussianBlur(picture, (0, 0), 0.4 * shrink) if shrink > 1.5 else picture
    cropped = cv2.warpAffine(
        source, into, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cropped, np.uint8)


def uncropped(cropped: Array, placement: Placement, size_px: tuple[int, int]) -> Array:
    """A crop float32 (S, S) or (S, S, C) where it lies in a frame of this width and height; 0 elsewhere."""
    into = _centred(placement.into_crop(len(cropped)))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(cropped, into, size_px, flags=flags), np.float32)


def _centred(into: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same map for OpenCV, which counts from the centre of the top-left pixel."""
    shifted = into.copy()
    shifted[:, 2] += into[:, :2] @ [0.5, 0.5] - 0.5
    return shifted


def face_mask(mesh: Mesh, placement: Placement, side_px: int) -> Array:
    """float32 (S, S), 0 to 1: the face's outline in its crop, with a soft edge inside."""
    into = placement.into_crop(side_px)
    outline = mesh[list(Landmarks.FACE_OVAL), :2] @ into[:, :2].T + into[:, 2]
    mask = np.zeros((side_px, side_px), np.float32)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1.0,))
    return softened(mask)


def softened(mask: Array) -> Array:
    """A mask float32 (S, S) drawn inwards, with a soft edge, and 0 at the crop's own edges."""
    side_px = len(mask)
    reach = max(1, round(SHRINK * side_px))
    framed = mask.copy()
    framed[:reach], framed[-reach:], framed[:, :reach], framed[:, -reach:] = 0, 0, 0, 0
    small = cv2.erode(framed, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return np.asarray(cv2.GaussianBlur(small, (0, 0), SOFT * side_px).clip(0, 1), np.float32)


def find_meshes(
    mesh_of: Callable[[Pixels], Mesh | None],
    pictures: Callable[[int], Pixels],
    frames: int,
    notify: Callable[[float], None] = lambda _: None,
) -> list[Mesh | None]:
    """The mesh of the followed face in each frame. mesh_of: as `engine.live.driver.Driver.mesh`."""
    found = []
    for frame in range(frames):
        found.append(mesh_of(pictures(frame)))
        notify((frame + 1) / frames)
    return found


def placements(meshes: Sequence[Mesh | None], rate_hz: float, calm: bool = True) -> dict[int, Placement]:
    """frame -> where the face lies. calm: smoothed over time, short gaps filled; else each frame
    by itself."""
    known = [frame for frame, mesh in enumerate(meshes) if mesh is not None]
    found = {frame: Placement.of(mesh) for frame, mesh in enumerate(meshes) if mesh is not None}
    if not calm or not found:
        return found
    calmed: dict[int, Placement] = {}
    for run in _runs(known, 1 + LONGEST_GAP_S * rate_hz):
        numbers = np.array([astuple(found[frame]) for frame in run])
        numbers[:, 3] = np.unwrap(numbers[:, 3], period=360)
        at = np.arange(run[0], run[-1] + 1)
        filled = np.column_stack([np.interp(at, run, column) for column in numbers.T])
        rows = smoothed(filled, CALM_S * rate_hz)
        calmed |= {frame: Placement(*row) for frame, row in zip(at.tolist(), rows.tolist(), strict=True)}
    return calmed


def _runs(frames: Sequence[int], most_apart: float) -> list[list[int]]:
    """Ascending frames, split where two neighbours are further apart."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame - runs[-1][-1] <= most_apart:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs
