"""The camera that sees a head as FFHQ crops it: the landmarks place it, so that nothing needs re-aligning."""

import math
from dataclasses import dataclass

import numpy as np

from training.nobody.render.body.head import LEFT_EYE, MOUTH_CORNERS, NOSE, RIGHT_EYE


@dataclass(frozen=True)
class Camera:
    """Looks along -z. Slopes are (x / depth, y / depth), y downwards: places in a plane at distance 1."""

    position: np.ndarray  # (3,)
    centre: np.ndarray  # (2,) slope of the picture's centre
    width: float  # of the picture, as a slope
    roll: float  # radians by which the picture's x axis is turned clockwise, as seen in it

    @property
    def shift(self) -> np.ndarray:
        """How far the picture's centre lies from straight ahead (2,), in its widths and along its axes."""
        return _turned(self.centre, -self.roll) / self.width

    def slopes(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) -> slopes (N, 2)."""
        relative = points - self.position
        return np.c_[relative[:, 0], -relative[:, 1]] / -relative[:, 2:]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) -> places in the picture (N, 2), from (0, 0), top left, to (1, 1), bottom right."""
        return _turned(self.slopes(points), -self.roll) / self.width - self.shift + 0.5


def solve_camera(landmarks: np.ndarray, distance: float) -> Camera:
    """The camera at `distance` before the nose whose picture is the FFHQ crop of 68 landmarks (68, 3).

    The crop is the oriented square of Karras et al., "Progressive Growing of GANs" (2018), appendix C: built
    from the line between the eyes and the line from eyes to mouth.
    """
    nose = landmarks[NOSE].mean(0)
    ahead = Camera(nose + np.array([0, 0, distance]), centre=np.zeros(2), width=1.0, roll=0.0)
    slopes = ahead.slopes(landmarks)
    right_eye, left_eye = slopes[RIGHT_EYE].mean(0), slopes[LEFT_EYE].mean(0)
    eyes, mouth = (right_eye + left_eye) / 2, slopes[list(MOUTH_CORNERS)].mean(0)
    eye_to_eye, eye_to_mouth = left_eye - right_eye, mouth - eyes
    across = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])
    half_width = max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
    return Camera(
        position=ahead.position,
        centre=eyes + eye_to_mouth * 0.1,
        width=2 * half_width,
        roll=math.atan2(across[1], across[0]),
    )


def _turned(slopes: np.ndarray, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return slopes @ np.array([[c, -s], [s, c]]).T
