"""The film of pictures that move as the faces in a clip do."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.atomic_file import replacing
from engine.common.errors import NoUsableFace, UsageError, printable
from engine.faces.analyser import FaceAnalyser
from engine.live.crowd.exchange import ExchangeDriver
from engine.live.crowd.lookout import Lookout
from engine.live.driver import Driver
from engine.live.follower import Follower
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from hardware.camera.base import CameraError
from hardware.camera.film.clip import Clip
from installation.outputs.films.clip_sound import ClipSound, has_sound
from installation.outputs.films.film import Film

# The driver's pictures are shrunk to this: the mesh of a face needs 192 pixels.
DRIVER_PX = 1280
FASTEST_HZ = 30


class Puppeteer(Protocol):
    """Moves pictures as a clip does. size_px: width and height of what it draws. lacks: what it has
    not found in the clip so far, before the word *found*; empty: nothing."""

    size_px: tuple[int, int]

    @property
    def lacks(self) -> str: ...

    def step(self, picture: Pixels, now_s: float) -> Pixels:
        """What is drawn for a picture of the clip, both uint8 (H, W, 3) RGB; `now_s` never falls."""


class OneFace:
    """One face in the clip moves one picture."""

    def __init__(self, rig: Rig, analyser: FaceAnalyser) -> None:
        self.size_px = (len(rig.picture), len(rig.picture))
        self.lacks = "no face was"
        self._rig, self._driver, self._follower = rig, Driver(analyser), Follower()

    def step(self, picture: Pixels, now_s: float) -> Pixels:
        mesh = self._driver.mesh(picture)
        if mesh is not None:
            self.lacks = ""
        return draw(self._rig, self._follower.step(mesh, now_s))


class TwoFaces:
    """Two people in the clip, each of whom moves the other's picture; drawn side by side.

    rigs: of the left person's picture and of the right one's.
    """

    def __init__(self, rigs: Sequence[Rig], lookout: Lookout, analyser: FaceAnalyser) -> None:
        self._side_px = max(len(rig.picture) for rig in rigs)
        self.size_px = (2 * self._side_px, self._side_px)
        self._rigs, self._driver = rigs, ExchangeDriver(lookout, analyser)

    @property
    def lacks(self) -> str:
        return "" if self._driver.exchange is not None else "no two people beside each other were"

    def step(self, picture: Pixels, now_s: float) -> Pixels:
        motions = self._driver.step(picture, now_s)
        size_px = (self._side_px, self._side_px)
        drawn = [
            cv2.resize(draw(rig, motion), size_px, interpolation=cv2.INTER_CUBIC)
            for rig, motion in zip(self._rigs, motions, strict=True)
        ]
        return np.asarray(np.hstack(drawn), np.uint8)


def write_driven_film(
    path: Path,
    puppeteer: Puppeteer,
    clip_path: Path,
    on_frame: Callable[[float], None] = lambda _: None,
    remark: Callable[[str], None] = lambda _: None,
) -> float:
    """Writes the film, complete or not at all, and returns its length in seconds.

    It has the clip's sound and about its rate, at most `FASTEST_HZ`. While nobody is seen, the pictures rest.
    Holds one frame at a time. on_frame: called with the share that is done. remark: called with each line on
    what of the clip is not in the film. Raises UsageError where the clip is no film, NoUsableFace where
    nobody is in it who could move a picture, and OSError where the film cannot be written.
    """
    with ExitStack() as stack:
        clip = stack.enter_context(closing(Clip(clip_path, DRIVER_PX)))
        rate_hz = max(1, min(FASTEST_HZ, round(clip.rate_hz)))
        times_s = clip.times_s(rate_hz).tolist()
        for line in clip.remarks(rate_hz):
            remark(line)
        temporary = stack.enter_context(replacing(path, only_new=True))
        sound = stack.enter_context(ClipSound(clip_path, clip.begins_s)) if has_sound(clip_path) else None
        film = stack.enter_context(Film(temporary, *puppeteer.size_px, rate_hz, crf=16, soundtrack=sound))
        for frame, at_s in enumerate(times_s):
            try:
                picture = clip.picture_at(at_s)
            except CameraError as error:
                raise UsageError(str(error)) from None
            film.add(puppeteer.step(picture, frame / rate_hz))
            on_frame((frame + 1) / len(times_s))
        if puppeteer.lacks:
            raise NoUsableFace(
                "none", f"{printable(clip_path)}: {puppeteer.lacks} found in it. Give another clip."
            )
    return len(times_s) / rate_hz
