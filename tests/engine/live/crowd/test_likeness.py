"""Strangers in the same place and light are not alike; one person is, from frame to frame."""

from itertools import pairwise, permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.detector import Box
from engine.live.crowd.likeness import likeness, patch_of
from engine.live.crowd.tracks import LEAST_LIKENESS
from tests.support.crowd_kit import Walker, scene

SIZE, MIDDLE, FACE_PX = (320, 240), (160, 120), 100
BOX: Box = (110, 70, 210, 170)
STRANGERS = range(0, 72, 6)
CONDITIONS = ("plain", "side", "above", "mask", "cap")


def shown(face: Path, condition: str, frame: int = 0) -> Pixels:
    """Somebody who sways by a pixel or two before a noisy camera, in a light, or partly covered."""
    x, y = MIDDLE
    walker = Walker(face, lambda t: (x + 2 * np.sin(40 * t), y + np.cos(70 * t), FACE_PX))
    picture = scene([walker], frame / 13, SIZE).picture
    down, right = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    match condition:
        case "side":
            light = np.clip(1 / (1 + np.exp((right - x) / 12)), 0.04, 1)
        case "above":
            light = np.clip(1.6 - 1.5 * (down - BOX[1]) / FACE_PX, 0.05, 1.6)
        case _:
            light = np.ones_like(down)
    picture = np.clip(picture * light[..., None], 0, 255).astype(np.uint8)
    if condition == "mask":
        cv2.ellipse(picture, (x, y + 22), (47, 37), 0, 0, 360, (235, 240, 245), -1)
    if condition == "cap":
        picture[: y - 22] = (20, 25, 40)
    return picture


@pytest.mark.parametrize("condition", CONDITIONS)
def test_hardly_any_stranger_is_alike(faces: list[Path], condition: str) -> None:
    pictures = [shown(faces[number], condition) for number in STRANGERS]
    found = [likeness(patch_of(a, BOX), b, BOX) for a, b in permutations(pictures, 2)]
    assert np.mean(np.array(found) >= LEAST_LIKENESS) < 0.1


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_same_person_is_alike_from_frame_to_frame(faces: list[Path], condition: str) -> None:
    for number in STRANGERS[:4]:
        pictures = [shown(faces[number], condition, frame) for frame in range(4)]
        for before, after in pairwise(pictures):
            assert likeness(patch_of(before, BOX), after, BOX) > LEAST_LIKENESS
