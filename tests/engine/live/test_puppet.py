"""What the puppet draws, measured on the pictures themselves."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from engine.faces.analyser import FaceAnalyser
from engine.judges.judging import judge_pictures, make_reference
from engine.judges.verifiers.dlib import DlibJudge
from engine.live.expression import Mesh, measure, motion_between
from engine.live.motion import RANGES, REST, Motion
from engine.live.rigs.directions import face_box
from engine.live.rigs.flows import Flows
from engine.live.rigs.mouth import Mouth
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import MAP_PX, MOST_TURN_DEG, MOST_YAW_DEG, Rig


def moved(rig: Rig, motion: Motion, analyser: FaceAnalyser) -> Motion:
    """How the face in the drawn picture has moved, as it is measured."""
    mesh = analyser.mesh(draw(rig, motion), face_box(256))
    assert mesh is not None
    return motion_between(rig.rest, measure(mesh))


def test_at_rest_it_is_the_picture_bit_by_bit(rig: Rig) -> None:
    assert np.array_equal(draw(rig, REST), rig.picture)
    assert draw(rig, REST) is not rig.picture
    assert not np.array_equal(draw(rig, Motion(yaw_deg=2.0)), rig.picture)


def test_it_depends_on_the_motion_alone(rig: Rig) -> None:
    motion = Motion(yaw_deg=5, pitch_deg=3, jaw=0.1, left_lid=1, smile=0.03, roll_deg=4, x=0.02)
    before = draw(rig, motion)
    draw(rig, Motion(yaw_deg=-9))
    assert np.array_equal(draw(rig, motion), before)


@pytest.mark.parametrize(
    ("name", "asked", "low", "high"),
    [
        ("yaw_deg", 6.0, 4.0, 8.0),
        ("yaw_deg", -6.0, -8.0, -4.0),
        ("pitch_deg", 4.0, 2.0, 7.0),
        ("roll_deg", 8.0, 7.0, 9.0),
        ("x", 0.08, 0.06, 0.1),
        ("scale", 0.08, 0.04, 0.12),
        ("jaw", 0.12, 0.08, 0.16),
        ("smile", 0.04, 0.02, 0.06),
        ("mouth_width", 0.06, 0.04, 0.09),
        ("brows", 0.03, 0.015, 0.045),
        ("gaze", 0.08, 0.04, 0.14),
    ],
)
def test_the_face_moves_as_asked(
    name: str, asked: float, low: float, high: float, rig: Rig, analyser: FaceAnalyser
) -> None:
    assert low < getattr(moved(rig, Motion(**{name: asked}), analyser), name) < high


def test_lids_shut(rig: Rig, analyser: FaceAnalyser) -> None:
    shut = moved(rig, Motion(left_lid=1.0), analyser)
    assert shut.left_lid > 0.6
    assert shut.right_lid < 0.35


def test_without_flows_the_head_does_not_turn(rig: Rig, analyser: FaceAnalyser) -> None:
    still = Flows(np.array([-12.0, 0.0, 12.0]), np.zeros((3, *rig.head.shape, 2), np.float32), np.zeros(3))
    assert abs(moved(replace(rig, yaw=still), Motion(yaw_deg=8.0), analyser).yaw_deg) < 1.0


def test_yaw_is_limited_and_eases_towards_its_limit(rig: Rig, analyser: FaceAnalyser) -> None:
    low, high = rig.yaw_range_deg
    assert -MOST_TURN_DEG <= low < 0 < high <= MOST_TURN_DEG
    assert abs(rig.rest.yaw_deg + high) <= MOST_YAW_DEG + 1e-6
    turned = replace(rig, rest=replace(rig.rest, yaw_deg=10.0))
    assert turned.yaw_range_deg[1] <= 5.0
    assert moved(rig, Motion(yaw_deg=30.0), analyser).yaw_deg < high + 2.5
    pictures = [draw(rig, Motion(yaw_deg=angle)).astype(int) for angle in (0.7 * high, high, 2 * high)]
    near, far = (np.abs(b - a).mean() for a, b in pairwise(pictures))
    assert 0 < far < near


def test_every_number_is_continuous_beyond_its_range(rig: Rig) -> None:
    for name, (low, high) in RANGES.items():
        for end in (low, high):
            beyond = draw(rig, Motion(**{name: end * 1.001}))
            assert np.abs(beyond.astype(int) - draw(rig, Motion(**{name: end * 0.999}))).mean() < 0.1


def test_hair_and_edges_stay(rig: Rig, mesh: Mesh) -> None:
    """What lies at the picture's edges does not move, and nothing comes in from beyond them."""
    picture = draw(rig, Motion(yaw_deg=10.0, pitch_deg=4.0, roll_deg=5.0))
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert np.abs(picture[edge].astype(int) - rig.picture[edge]).max() <= 1


def test_a_larger_picture_moves_alike(rig: Rig, mesh: Mesh) -> None:
    from engine.live.rigs.eyes import Eye
    from engine.live.rigs.fields import expression_fields

    motion = Motion(yaw_deg=7, jaw=0.12, left_lid=1, right_lid=1, smile=0.03, roll_deg=4)
    large = np.asarray(cv2.resize(rig.picture, (512, 512), interpolation=cv2.INTER_CUBIC), np.uint8)
    points = 2 * mesh
    twice = replace(
        rig,
        picture=large,
        rest=measure(points),
        yaw=Flows(rig.yaw.amounts, 2 * rig.yaw.flows, rig.yaw.aside),
        pitch=Flows(rig.pitch.amounts, 2 * rig.pitch.flows, rig.pitch.aside),
        fields=expression_fields(points, 512, MAP_PX),
        eyes=(Eye.of(points[:, :2], 0), Eye.of(points[:, :2], 1)),
        mouth=Mouth.of(points[:, :2], 512, rig.mouth.light),
    )
    small = cv2.resize(draw(twice, motion), (256, 256), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - draw(rig, motion)).mean() < 1.5


def test_it_stays_who_it_is(rig: Rig, mesh: Mesh) -> None:
    """dlib's distance to the picture at rest; the border is 0.6."""
    judge = DlibJudge()
    reference = make_reference(judge, [(rig.picture, mesh[:, :2].astype(np.float32))], k=4)
    motions = [
        Motion(yaw_deg=10),
        Motion(yaw_deg=-10),
        Motion(jaw=0.12),
        Motion(left_lid=1, right_lid=1),
        Motion(yaw_deg=6, jaw=0.08, smile=0.03),
    ]
    verdicts = judge_pictures(judge, reference, [draw(rig, motion) for motion in motions], k=2)
    assert np.median([verdict.distance for verdict in verdicts]) <= 0.35


def test_a_turn_that_nods_is_evened_out(rig: Rig) -> None:
    nodding = replace(rig, yaw=replace(rig.yaw, aside=np.full_like(rig.yaw.amounts, 3.0)))
    level = replace(rig, yaw=replace(rig.yaw, aside=np.zeros_like(rig.yaw.amounts)))
    assert np.array_equal(draw(nodding, Motion(yaw_deg=5)), draw(level, Motion(yaw_deg=5, pitch_deg=-3)))
    assert not np.array_equal(draw(nodding, Motion(yaw_deg=5)), draw(level, Motion(yaw_deg=5)))


def test_lips_that_are_apart_at_rest_meet(rig: Rig, mesh: Mesh, analyser: FaceAnalyser) -> None:
    """A mouth drawn open is taken for a sitter who rests so, and is shut again; half shut, it is between."""
    opened = draw(rig, Motion(jaw=0.06))
    found = analyser.mesh(opened, face_box(256))
    assert found is not None
    talking = replace(
        rig,
        picture=opened,
        rest=measure(found),
        mouth=Mouth.of(found[:, :2], 256, rig.mouth.light),
        gains={},
    )
    assert talking.rest.jaw > 0.03
    jaws = []
    for jaw in (-0.08, -0.02):
        moved_mesh = analyser.mesh(draw(talking, Motion(jaw=jaw)), face_box(256))
        assert moved_mesh is not None
        jaws.append(measure(moved_mesh).jaw)
    assert jaws[0] < 0.35 * talking.rest.jaw
    assert jaws[0] < jaws[1] < talking.rest.jaw
