"""Somebody at home wears a picture: their face moves it, and outputs show it."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.live.driver import Driver
from engine.live.follower import Follower
from engine.live.motion import Motion
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from hardware.camera.base import Feed
from installation.live.framing import Frame
from installation.live.output import Output
from installation.live.playing import play

# The picture rests within a second of the face's leaving; so long after that the card takes its place.
CARD_AFTER_S = 3.0


class Wearer:
    """What is shown of one picture while somebody wears it. Has no clock of its own.

    card: what is shown while there is nobody, uint8 (720, 1280, 3) RGB.
    """

    def __init__(self, rig: Rig, analyser: FaceAnalyser, card: Pixels) -> None:
        self._rig = rig
        self._driver, self._follower = Driver(analyser), Follower()
        self._frame = Frame(rig.picture)
        self._card = card
        self._looked_at = -1  # the index of the camera's frame that was looked at last
        self._seen_s: float | None = None
        self._motion: Motion | None = None  # that was drawn last
        self._drawn = card

    def step(self, feed: Feed, now_s: float) -> Pixels:
        """What is shown at `now_s`, which never falls: uint8 (720, 1280, 3) RGB, the same array for as long
        as nothing moves."""
        frame = feed.latest()
        if frame is None:
            self._draw(self._follower.step(None, now_s))
        elif frame.index != self._looked_at:
            self._looked_at = frame.index
            mesh = self._driver.mesh(frame.image)
            if mesh is not None:
                self._seen_s = now_s
            self._draw(self._follower.step(mesh, now_s))
        if self._seen_s is None or now_s - self._seen_s > CARD_AFTER_S:
            return self._card
        return self._drawn

    def _draw(self, motion: Motion) -> None:
        if motion != self._motion:
            self._motion = motion
            self._drawn = self._frame.around(draw(self._rig, motion))


def wear(
    wearer: Wearer,
    feed: Feed,
    outputs: Sequence[Output],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Shows what the wearer does until interrupted; see `play`."""
    play(partial(wearer.step, feed), outputs, now=now, sleep=sleep)
