"""The picture that may be published: black, and in it the faces of those who decided to be seen, and those of
nobodies in the place of all others.

Nothing is hidden in it, so nothing can be forgotten: what was not found and followed in this very frame is
not drawn.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import exception_summary
from engine.faces.mesh import FaceMesh
from engine.live.crowd.decision import Decision
from engine.live.crowd.head import is_at_the_edge
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.outline import draw_face, mesh_of_head, outline_of
from engine.live.crowd.stand_ins import StandIns
from engine.live.crowd.tracks import Crowd, Track, follow

log = logging.getLogger(__name__)

# Black for so many frames at first, and after the camera has changed: until everything was looked at once.
FIRST_FRAMES = 10


class Publisher:
    """Follows the people before a camera and draws those who want it. Not to be shared between threads.

    stand_ins: draws a nobody for whoever has not decided to be seen; without them there is nothing in their
    place. crowd: everybody in the newest frame.
    """

    def __init__(self, lookout: Lookout, mesh: FaceMesh, stand_ins: StandIns | None = None) -> None:
        self._lookout, self._mesh, self._stand_ins = lookout, mesh, stand_ins
        self._frames = 0
        self._shape: tuple[int, ...] = ()
        self._picture: Pixels | None = None
        self._failing = False
        self.crowd = Crowd()

    def decide(self, number: int, decision: Decision | None) -> None:
        """What the person of a track wants; None takes it back. It holds from the next frame on."""
        if self._picture is not None:
            self.crowd = self.crowd.decide(number, decision, self._picture)

    def camera_changed(self) -> None:
        """Forgets everybody and all decisions."""
        self.crowd, self._frames, self._picture = Crowd(), 0, None
        if self._stand_ins is not None:
            self._stand_ins.forget()

    def publish(self, picture: Pixels, now_s: float) -> Pixels:
        """A frame uint8 (H, W, 3) RGB -> the picture to publish, of the same shape."""
        published = np.zeros_like(picture)
        if picture.shape != self._shape:
            self.camera_changed()
            self._shape = picture.shape
        try:
            self._follow(picture, now_s)
            if self._frames <= FIRST_FRAMES:
                return published
            if self._stand_ins is not None:
                hidden = [track for track in self.crowd.tracks if track.decision is not Decision.REAL]
                self._stand_ins.draw(hidden, published)
            for track in self.crowd.tracks:
                outline = self._outline(track, picture, now_s)
                if outline is not None:
                    draw_face(picture, outline, published)
        except Exception as error:
            if not self._failing:
                log.warning("The picture of the people is black: %s", exception_summary(error))
            self._failing = True
            self.camera_changed()
            return np.zeros_like(picture)
        self._failing = False
        return published

    def _follow(self, picture: Pixels, now_s: float) -> None:
        expected = [track.expected(now_s) for track in self.crowd.tracks]
        shown = [track.decision is Decision.REAL for track in self.crowd.tracks]
        guarded = [box for box, is_shown in zip(expected, shown, strict=True) if is_shown]
        heads = self._lookout.glance(picture, self._frames, expected, guarded)
        self.crowd = follow(self.crowd, heads, picture, now_s)
        self._frames += 1
        self._picture = picture

    def _outline(self, track: Track, picture: Pixels, now_s: float) -> NDArray[np.float32] | None:
        """The outline to draw somebody's face through; None where it must not be shown, or is not sure."""
        if track.decision is not Decision.REAL or track.found_s != now_s:
            return None
        if is_at_the_edge(track.head.box_px, picture):
            return None
        mesh = mesh_of_head(self._mesh, picture, track.head.box_px)
        return None if mesh is None else outline_of(mesh)
