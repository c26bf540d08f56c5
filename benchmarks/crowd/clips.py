"""Scripted clips of people before a camera, and whose face each of their pixels is.

One to six people of 16 to 400 px (renders, cut out): still, walking, coming in from each side, crossing,
turned away by 30 to 60 degrees, behind a hand, in the dark, and with other people in their places from one
frame to the next, as another camera shows them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from tests.support.crowd_kit import GROUND, HEIGHT, WIDTH, Scene, Walker, scene

# As often as the gathering looks (`installation.capture.group_tracker`).
RATE_HZ = 13.0
FRAMES, CUT_AT = 50, 35
KINDS = ("still", "walking", "entering", "crossing", "turned", "hand", "dark", "cut")
FACE_PX = (16.0, 400.0)
SPEED_PX_S = {"walking": 60.0, "crossing": 500.0, "entering": 400.0}
DARK = 0.2  # of the light of the other clips
HAND_COLOUR = (170, 120, 100)
OUTSIDE_PX = 150

Path2D = Callable[[float], tuple[float, float, float]]
"""Seconds -> x, y of the middle of the head and the width of the face, in pixels."""


@dataclass(frozen=True, eq=False)
class Clip:
    """kind: one of `KINDS`. walkers: later ones stand before earlier ones. hand: where it is, of kind *hand*;
    its third number is its width."""

    kind: str
    walkers: list[Walker]
    hand: Path2D | None = None
    after_cut: list[Walker] | None = None

    def frame(self, number: int) -> Scene:
        """The frame of a number; an owner is the number of a walker, those after the cut count on."""
        at_s = number / RATE_HZ
        if self.after_cut is not None and number >= CUT_AT:
            shot = scene(self.after_cut, at_s)
            return Scene(
                shot.picture, np.where(shot.owners == GROUND, GROUND, shot.owners + len(self.walkers))
            )
        shot = scene(self.walkers, at_s, light=DARK if self.kind == "dark" else 1.0)
        if self.hand is not None:
            x, y, width = self.hand(at_s)
            hand = np.zeros(shot.owners.shape, np.uint8)
            cv2.ellipse(
                hand, (round(x), round(y)), (round(width / 2), round(0.7 * width)), 20, 0, 360, (1,), -1
            )
            shot.picture[hand > 0], shot.owners[hand > 0] = HAND_COLOUR, GROUND
        return shot


def scripted(kind: str, faces: Sequence[Path], turned: Sequence[Path], random: np.random.Generator) -> Clip:
    """A clip with people, sizes, places and ways by chance. turned: renders of people who look aside."""
    count = int(random.integers(1, 7))
    renders = turned if kind == "turned" else faces
    chosen = random.choice(len(renders), 2 * count, replace=False)
    ways = [_way(kind, (place + 0.5) / count, random) for place in range(count)]
    walkers = [
        Walker(renders[render], way, float(random.choice((0, 0, 15, -30))))
        for render, way in zip(chosen[:count].tolist(), ways, strict=True)
    ]
    if kind == "cut":
        after = [
            replace(walker, render=renders[render])
            for walker, render in zip(walkers, chosen[count:].tolist(), strict=True)
        ]
        return Clip(kind, walkers, after_cut=after)
    if kind == "hand":
        return Clip(kind, walkers, hand=_hand_over(ways[int(random.integers(count))], random))
    return Clip(kind, walkers)


def _way(kind: str, place: float, random: np.random.Generator) -> Path2D:
    """The way of somebody whose share of the picture's width is `place`."""
    face_px = float(np.exp(random.uniform(*np.log(FACE_PX))))
    x, y = place * WIDTH, random.uniform(0.35, 0.65) * HEIGHT
    speed, phase = SPEED_PX_S.get(kind, 0.0), random.uniform(0, 6)
    right, down = random.uniform(-speed, speed), 0.0
    if kind == "entering":
        speed *= random.uniform(0.5, 1)
        reach = OUTSIDE_PX + face_px / 2
        x, y, right, down = (
            (-reach, y, speed, 0.0),
            (WIDTH + reach, y, -speed, 0.0),
            (x, -reach, 0.0, speed),
            (x, HEIGHT + reach, 0.0, -speed),
        )[random.integers(4)]
    return lambda t: (x + right * t + 4 * np.sin(2 * t + phase), y + down * t, face_px)


def _hand_over(hidden: Path2D, random: np.random.Generator) -> Path2D:
    """A hand that passes over somebody's face again and again, and half covers it at least."""
    beside, rate_hz = random.uniform(-0.2, 0.2), random.uniform(0.2, 0.5)

    def at(t: float) -> tuple[float, float, float]:
        x, y, face_px = hidden(t)
        return x + (beside + 1.6 * np.sin(2 * np.pi * rate_hz * t - 1)) * face_px, y, 0.9 * face_px

    return at
