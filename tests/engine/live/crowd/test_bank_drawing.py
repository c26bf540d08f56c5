"""Nobodies for the live picture are drawn in every pose, and compared with doppelgängers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.mesh import FaceMesh
from engine.live.crowd.bank import PITCHES_DEG, YAWS_DEG
from engine.live.crowd.bank_drawing import BankPainter
from engine.live.crowd.head import Turn
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Cutout
from tests.support.crowd_kit import Walker, scene
from tests.support.judge_kit import Brightness


class Renders:
    """Nobodies who are people of the renders, and look straight ahead in every pose."""

    def __init__(self, faces: list[Path], lookout: Lookout) -> None:
        self._faces, self._lookout = faces, lookout
        self.turns: list[Turn] = []

    def cutout(self, number: int, turn: Turn) -> Cutout:
        self.turns.append(turn)
        picture = framed(self._faces[number])
        (head,) = self._lookout.search(picture)
        return Cutout(picture, np.ones(picture.shape[:2], np.float32), head)


def framed(path: Path) -> Pixels:
    return scene([Walker(path, lambda _: (128, 128, 130))], 0.0, (256, 256)).picture


@pytest.fixture
def renders_as_nobodies(faces: list[Path], lookout: Lookout) -> Iterator[Renders]:
    yield Renders(faces, lookout)


def test_every_pose_is_drawn_and_the_drawing_can_wait(renders_as_nobodies: Renders, mesh: FaceMesh) -> None:
    class Waits(Exception):
        pass

    def check() -> None:
        if len(renders_as_nobodies.turns) == 2:
            raise Waits

    painter = BankPainter(renders_as_nobodies, mesh, [])  # type: ignore[arg-type]
    with pytest.raises(Waits):
        painter.draw(7, check)
    renders_as_nobodies.turns.clear()
    poses = painter.draw(7)
    assert set(poses) == {(i, j) for i in range(len(YAWS_DEG)) for j in range(len(PITCHES_DEG))}
    assert {(turn.yaw, turn.pitch) for turn in renders_as_nobodies.turns} == {
        (yaw, pitch) for yaw in YAWS_DEG for pitch in PITCHES_DEG
    }


def test_a_nobody_is_alike_to_itself_and_to_all_where_no_face_can_be_compared(
    renders_as_nobodies: Renders, mesh: FaceMesh, faces: list[Path]
) -> None:
    painter = BankPainter(renders_as_nobodies, mesh, [Brightness(0.3)])  # type: ignore[arg-type]
    assert painter.alike(framed(faces[7])) == frozenset(), "nobody is drawn yet"
    painter.draw(7)
    painter.draw(30)
    assert painter.alike(framed(faces[7])) == {7}
    assert painter.alike(np.zeros((256, 256, 3), np.uint8)) == {7, 30}
