"""What of the sitter's face moves the doppelgänger, frame by frame, and now and then the face itself."""

import math
from dataclasses import dataclass

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.alignment import crop_ffhq
from engine.live.expression import Mesh
from engine.live.follower import Follower
from engine.live.motion import REST, Motion
from hardware.camera.base import Frame

# How often the face is cut out, to be judged, and the side of that picture.
PORTRAIT_EVERY_S, PORTRAIT_PX = 0.5, 256


@dataclass(frozen=True, eq=False)
class FollowedExpression:
    """What a frame shows of the sitter's expression.

    captured_s: when the frame was taken. motion: since the neutral that was found; rest before there is one.
    is_followed: whether there is one, and a face. portrait: the newest picture of the face in FFHQ framing,
    uint8 (256, 256, 3) RGB, as photographed; None before the first one. Overwritten when the next one comes.
    """

    captured_s: float
    motion: Motion = REST
    is_followed: bool = False
    portrait: Pixels | None = None


class ExpressionFollower:
    """Follows one sitter's expression. Has no clock of its own but the frames'."""

    def __init__(self) -> None:
        self._follower = Follower()
        self._portrait: Pixels | None = None
        self._cut_s = -math.inf

    def step(self, mesh: Mesh | None, frame: Frame) -> FollowedExpression:
        """The expression in a frame. mesh: of the sitter's face in it, (478, 3); None: it is not seen."""
        motion = self._follower.step(mesh, frame.captured_s)
        if mesh is not None and frame.captured_s - self._cut_s >= PORTRAIT_EVERY_S:
            self.erase()
            self._cut_s = frame.captured_s
            cut = crop_ffhq(frame.image, mesh[:, :2], PORTRAIT_PX).image
            self._portrait = np.array(cut[:, ::-1] if frame.is_mirrored else cut)
        followed = mesh is not None and self._follower.rest is not None
        return FollowedExpression(frame.captured_s, motion, followed, self._portrait)

    def erase(self) -> None:
        """Overwrites the last picture of the face."""
        if self._portrait is not None:
            self._portrait.fill(0)
