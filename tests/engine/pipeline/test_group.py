"""What is published of a group is what its owners chose, and a doppelgänger only where the judges say so."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import Box, DetectedHead, box_centre
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.faces.sitter import find_sitter
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.pipeline.group import GroupPainter, choices_of, crowded, find_heads, measure_members
from engine.pipeline.portrayal import Portrayal
from tests.support.crowd_kit import Walker, scene
from tests.support.engine_kit import small_models
from tests.support.judge_kit import Tints

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
    members = measure_members(photograph, find_heads(photograph, lookout), mesh)
    assert [round(box_centre(member.head.box_px)[0], -1) for member in members] == pytest.approx(
        [140, 330], abs=20
    )
    with FaceAnalyser() as analyser:
        nobodies = Nobodies(models.generator, models.directions(analyser), detector)
    judges = [*models.judges, Tints("adviser", 1e9, binding=False)]  # takes everybody for anybody
    painter = GroupPainter(photograph, members, portrayer, nobodies, judges, mesh, models.settings)
    portrait = painter.paint([Decision.DOPPELGANGER, Decision.REAL])
    twin, real = portrait.faces
    assert (twin.choice, twin.appears) == (Decision.DOPPELGANGER, Decision.ANONYMOUS)
    assert twin.note is not None and "dlib takes it for the sitter" in twin.note
    assert twin.verdicts is not None and not twin.verdicts["dlib"].same
    assert real.verdicts is not None and real.verdicts["dlib"].same
    # What is said of a face is what the binding judges say.
    assert twin.verdicts["adviser"].same and twin.same is False and real.same is True
    # Of the other person nothing took part.
    (given,) = portrayer.given
    (head,) = lookout.search(given)
    face = np.s_[140:180, 310:350]
    assert np.abs(given[face].astype(int) - photograph[face]).mean() > 10
    assert box_centre(head.box_px)[0] == pytest.approx(140, abs=20)


def test_for_each_of_six_anonymous_people_there_is_somebody_unlike_all_six(renders: Path) -> None:
    """Rendered people, and random nobodies, are alike for dlib: three of these six were left out."""
    faces = sorted(renders.glob("*.webp"))
    walkers = [
        Walker(faces[face], lambda _, x=110 + 200 * place: (x, 200, 110))  # type: ignore[misc]
        for place, face in enumerate((52, 11, 30, 7, 3, 80))
    ]
    six = scene(walkers, 0.0, (1240, 400)).picture
    models, detector, mesh = small_models(), MediaPipeDetector(), FaceMesh()
    members = measure_members(six, find_heads(six, Lookout(detector)), mesh)
    with FaceAnalyser() as analyser:
        nobodies = Nobodies(models.generator, models.directions(analyser), detector, models.people)
    painter = GroupPainter(six, members, Portrayer(), nobodies, models.judges, mesh, models.settings)
    faces_of = painter.paint([Decision.ANONYMOUS] * 6).faces
    assert [face.appears for face in faces_of] == [Decision.ANONYMOUS] * 6
    assert all(face.verdicts is not None and not face.verdicts["dlib"].same for face in faces_of)


def head_at(x: float, width_px: float = 100.0) -> DetectedHead:
    box = (x - width_px / 2, 100.0, x + width_px / 2, 100.0 + width_px)
    return DetectedHead(1.0, box, np.zeros((6, 2)))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ((100, 300, 500), [Decision.REAL, Decision.DOPPELGANGER, Decision.ANONYMOUS]),
        ((310, 700), [Decision.DOPPELGANGER, Decision.ANONYMOUS]),  # who is found only now is anonymous
        ((100, 280, 320), [Decision.REAL, Decision.ANONYMOUS, Decision.ANONYMOUS]),  # whose decision is it?
        ((900,), [Decision.ANONYMOUS]),
    ],
)
def test_a_choice_is_that_of_the_one_head_it_belongs_to(
    places: tuple[float, ...], expected: list[Decision]
) -> None:
    decided: list[tuple[Box, Decision]] = [
        (head_at(100).box_px, Decision.REAL),
        (head_at(300).box_px, Decision.DOPPELGANGER),
        (head_at(500).box_px, Decision.ANONYMOUS),
    ]
    assert choices_of([head_at(x) for x in places], decided) == expected


def test_a_real_face_near_a_head_that_is_not_is_in_a_crowd() -> None:
    real, twin, nobody = Decision.REAL, Decision.DOPPELGANGER, Decision.ANONYMOUS
    heads = [head_at(100), head_at(250), head_at(500, 60)]
    assert crowded(heads, [real, nobody, nobody]) == [True, False, False]
    assert crowded(heads, [nobody, real, twin]) == [False, True, False]
    assert crowded(heads, [real, real, nobody]) == [False, False, False]
    assert crowded([head_at(100), head_at(261)], [real, nobody]) == [False, False]


def test_nothing_of_an_anonymous_head_comes_out_in_a_real_face(renders: Path) -> None:
    faces = sorted(renders.glob("*.webp"))
    behind, before = Walker(faces[52], lambda _: (200, 160, 110)), Walker(faces[11], lambda _: (290, 165, 95))
    both = scene([behind, before], 0.0, SIZE)
    models = small_models()
    heads = find_heads(both.picture, Lookout(MediaPipeDetector()))
    portrait = models.paint_group(both.picture, [(heads[0].box_px, Decision.REAL)])
    assert len(heads) == 2
    real, _ = portrait.faces
    assert (real.choice, real.appears) == (Decision.REAL, Decision.ANONYMOUS)
    assert real.note is not None and "too near" in real.note
    anonymous = both.owners == 1
    shown = (portrait.picture == both.picture).all(axis=2) & both.picture.any(axis=2)
    assert shown[anonymous].mean() < 0.001


def test_a_real_face_at_the_edge_is_a_nobody(renders: Path) -> None:
    """Who comes in there may stand before it, and not be found."""
    faces = sorted(renders.glob("*.webp"))
    walkers = [Walker(faces[52], lambda _: (66, 160, 110)), Walker(faces[11], lambda _: (330, 165, 95))]
    picture = scene(walkers, 0.0, SIZE).picture
    heads = find_heads(picture, Lookout(MediaPipeDetector()))
    assert len(heads) == 2
    decided = [(head.box_px, Decision.REAL) for head in heads]
    at_edge, inside = small_models().paint_group(picture, decided).faces
    assert at_edge.appears is Decision.ANONYMOUS and at_edge.note is not None and "edge" in at_edge.note
    assert inside.appears is Decision.REAL


def test_two_decisions_on_one_head_are_none() -> None:
    decided = [(head_at(x).box_px, Decision.REAL) for x in (90, 110)]
    assert choices_of([head_at(100)], decided) == [Decision.ANONYMOUS]


def test_nothing_is_measured_of_who_stays_anonymous(photograph: Pixels) -> None:
    """The whole way of the stage: only the sitter on the left has agreed; the other one is a nobody."""
    models = small_models()
    detector, mesh = MediaPipeDetector(), FaceMesh()
    heads = find_heads(photograph, Lookout(detector))
    decided = [(heads[0].box_px, Decision.REAL)]
    left, right = measure_members(photograph, heads, mesh, choices_of(heads, decided))
    assert left.mesh is not None and right.mesh is None
    portrait = models.paint_group(photograph, decided)
    real, nobody = portrait.faces
    assert (real.appears, nobody.appears) == (Decision.REAL, Decision.ANONYMOUS)
    assert real.verdicts is not None and real.verdicts["dlib"].same
    assert nobody.verdicts is None and nobody.likeness is None
    # Nothing of the photograph is in the nobody's place.
    assert nobody.outline is not None
    shown = portrait.picture[130:190, 300:360]
    assert shown.max() > 60 and np.abs(shown.astype(int) - photograph[130:190, 300:360]).mean() > 15
