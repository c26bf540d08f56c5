"""What is published of a group is what its owners chose, and a doppelgänger only where the judges say so."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import box_centre
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.faces.sitter import find_sitter
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.pipeline.group import GroupPainter, find_members
from engine.pipeline.portrayal import Portrayal
from tests.support.crowd_kit import Walker, scene
from tests.support.engine_kit import small_models

SIZE = (480, 320)


@pytest.fixture(scope="module")
def photograph(renders: Path) -> Pixels:
    faces = sorted(renders.glob("*.webp"))
    left, right = Walker(faces[52], lambda _: (140, 160, 100)), Walker(faces[11], lambda _: (330, 160, 100))
    return scene([left, right], 0.0, SIZE).picture


class Portrayer:
    """Gives the sitter's own portrait for a doppelgänger, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Pixels] = []

    def __call__(self, picture: Pixels) -> Portrayal:
        self.given.append(picture)
        with FaceAnalyser() as analyser:
            portrait = find_sitter(analyser, picture).portrait
        found = SimpleNamespace(
            portrait=portrait, doppelganger=SimpleNamespace(picture=portrait.image), enlargement=None
        )
        return cast(Portrayal, found)


def test_a_doppelganger_that_a_judge_still_knows_becomes_a_nobody(photograph: Pixels) -> None:
    models, detector, mesh, portrayer = small_models(), MediaPipeDetector(), FaceMesh(), Portrayer()
    lookout = Lookout(detector)
    members = find_members(photograph, lookout, mesh)
    assert [round(box_centre(member.head.box_px)[0], -1) for member in members] == pytest.approx(
        [140, 330], abs=20
    )
    with FaceAnalyser() as analyser:
        nobodies = Nobodies(models.generator, models.directions(analyser), detector)
    painter = GroupPainter(photograph, members, portrayer, nobodies, models.judges, mesh, models.settings)
    portrait = painter.paint([Decision.DOPPELGANGER, Decision.REAL])
    twin, real = portrait.faces
    assert (twin.choice, twin.appears) == (Decision.DOPPELGANGER, Decision.ANONYMOUS)
    assert twin.note is not None and "dlib takes it for the sitter" in twin.note
    assert twin.verdicts is not None and not twin.verdicts["dlib"].same
    assert real.verdicts is not None and real.verdicts["dlib"].same
    # Of the other person nothing took part.
    (given,) = portrayer.given
    (head,) = lookout.search(given)
    face = np.s_[140:180, 310:350]
    assert np.abs(given[face].astype(int) - photograph[face]).mean() > 10
    assert box_centre(head.box_px)[0] == pytest.approx(140, abs=20)
