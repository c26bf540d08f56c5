"""What moves in a face: fourteen numbers, all of them zero at rest.

**Convention:** left and right are the picture's. A length is a share of the width of the face
(`engine.faces.measurement.measure_width`), so that it means the same in every picture.
"""

from dataclasses import astuple, dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Motion:
    """How far a face has moved from its neutral.

    yaw_deg, pitch_deg, roll_deg: turned towards the right, upwards, clockwise; degrees.
    x, y: moved to the right and downwards, shares of the face's width.
    scale: come nearer, a share of its size: 0.1 is a tenth larger.
    brows: raised, a share of the face's width; -0.03 to 0.06.
    left_lid, right_lid: 0 as wide open as at rest, 1 shut.
    gaze: the irises moved to the right, a share of an eye's width; -0.12 to 0.12.
    jaw: the mouth opened, between the inner lips, a share of the face's width; -0.08 to 0.18. Below 0 lips
    that are apart at rest come together; at -0.08 they meet, however far apart they rest.
    mouth_width: the corners apart, a share of the face's width; -0.12 to 0.12.
    smile: the corners raised, a share of the face's width; -0.06 to 0.1.
    pucker: the lips thicker, a share of the mouth's width; 0 to 0.15.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x: float = 0.0
    y: float = 0.0
    scale: float = 0.0
    brows: float = 0.0
    left_lid: float = 0.0
    right_lid: float = 0.0
    gaze: float = 0.0
    jaw: float = 0.0
    mouth_width: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0

    @classmethod
    def from_array(cls, numbers: NDArray[np.floating]) -> Self:
        """(14,) in the order of `NAMES`."""
        return cls(*(float(number) for number in numbers))

    def array(self) -> NDArray[np.float64]:
        """float64 (14,) in the order of `NAMES`."""
        return np.array(astuple(self))

    def eased(self, share: float) -> "Motion":
        """A share of this motion: 1 is all of it, 0 is rest."""
        return Motion.from_array(share * self.array())


NAMES = tuple(field.name for field in fields(Motion))
REST = Motion()

# Lowest and highest value of each number that is drawn. Yaw, which depends on how the sitter is turned, is
# limited once more by the rig.
RANGES: dict[str, tuple[float, float]] = {
    "yaw_deg": (-30.0, 30.0),
    "pitch_deg": (-20.0, 20.0),
    "roll_deg": (-15.0, 15.0),
    "x": (-0.15, 0.15),
    "y": (-0.12, 0.12),
    "scale": (-0.1, 0.12),
    "brows": (-0.03, 0.06),
    "left_lid": (0.0, 1.0),
    "right_lid": (0.0, 1.0),
    "gaze": (-0.12, 0.12),
    "jaw": (-0.08, 0.18),
    "mouth_width": (-0.12, 0.12),
    "smile": (-0.06, 0.1),
    "pucker": (0.0, 0.15),
}


def limited(motion: Motion) -> Motion:
    """The motion with every number within its range (`RANGES`)."""
    low, high = np.array([RANGES[name] for name in NAMES]).T
    return Motion.from_array(np.clip(motion.array(), low, high))
