"""The motion of a face that stands still, moves, blinks, leaves and comes back."""

from collections.abc import Iterator

import numpy as np
import pytest

from engine.faces.landmarks import Landmarks
from engine.live.expression import Mesh, measure, motion_between
from engine.live.follower import Follower, Lid
from engine.live.motion import NAMES, REST, Motion, limited

RATE_HZ = 30


def turned(mesh: Mesh, yaw_deg: float) -> Mesh:
    """The mesh turned about its vertical axis, to the right for positive angles."""
    turn = np.radians(yaw_deg)
    rotation = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    middle = mesh.mean(axis=0)
    return (mesh - middle) @ rotation.T + middle


def with_shut_eyes(mesh: Mesh) -> Mesh:
    """As the mesh shows lids that are shut: at about half of their opening."""
    shut = mesh.copy()
    for eye in (Landmarks.LEFT_EYE, Landmarks.RIGHT_EYE):
        for above, below in ((eye[1], eye[5]), (eye[2], eye[4])):
            shut[above] = shut[below] + 0.5 * (mesh[above] - mesh[below])
    return shut


def trembling(mesh: Mesh, seconds: float, seed: int = 0) -> Iterator[tuple[float, Mesh]]:
    """The mesh of somebody still, as a camera's noise lets it tremble: 0.2 px, 0.2 degrees of yaw."""
    random = np.random.default_rng(seed)
    for frame in range(round(seconds * RATE_HZ)):
        trembles = turned(mesh, random.normal(0, 0.2)) + random.normal(0, 0.2, mesh.shape)
        yield frame / RATE_HZ, trembles


def test_a_still_face_gives_a_still_motion(mesh: Mesh) -> None:
    follower = Follower()
    followed = np.array([follower.step(m, at_s).array() for at_s, m in trembling(mesh, 5)])[2 * RATE_HZ :]
    rest = measure(mesh)
    raw = np.array([motion_between(rest, measure(m)).array() for _, m in trembling(mesh, 5)])[2 * RATE_HZ :]
    width_px = rest.width_px
    for name in ("x", "y", "jaw", "brows"):
        column = NAMES.index(name)
        assert np.ptp(followed[:, column]) * width_px < 0.5
        assert followed[:, column].std() < 0.6 * raw[:, column].std()
    yaw = NAMES.index("yaw_deg")
    assert followed[:, yaw].std() < 0.1 < raw[:, yaw].std()
    assert not followed[:, [NAMES.index("left_lid"), NAMES.index("right_lid")]].any()


def test_it_follows_a_turn_from_the_neutral_it_found(mesh: Mesh) -> None:
    follower, beside = Follower(), turned(mesh, 6.0)
    asked, got = [], []
    for frame in range(6 * RATE_HZ):
        at_s = frame / RATE_HZ
        yaw_deg = 0.0 if at_s < 2 else 12 * np.sin(2 * np.pi * 0.5 * (at_s - 2))
        asked.append(yaw_deg)
        got.append(follower.step(turned(beside, yaw_deg), at_s).yaw_deg)
    late = slice(2 * RATE_HZ, None)
    assert np.corrcoef(asked[late], got[late])[0, 1] > 0.95
    assert max(got) == pytest.approx(12, abs=2)


def test_until_there_is_a_neutral_it_rests(mesh: Mesh) -> None:
    follower = Follower()
    motions = [follower.step(turned(mesh, 10 * np.sin(5 * f / RATE_HZ)), f / RATE_HZ) for f in range(RATE_HZ)]
    assert all(motion == REST for motion in motions)
    assert follower.rest is None


def test_a_blink_is_whole_and_ends(mesh: Mesh) -> None:
    follower = Follower()
    closed = []
    for frame in range(4 * RATE_HZ):
        at_s = frame / RATE_HZ
        shows = with_shut_eyes(mesh) if 3.0 <= at_s < 3.2 else mesh
        closed.append(follower.step(shows, at_s).left_lid)
    assert max(closed) == 1.0
    assert closed[-1] == 0.0
    assert closed[int(2.9 * RATE_HZ)] == 0.0


def test_a_lid_between_open_and_shut_does_not_flutter() -> None:
    lid, plain = Lid(), []
    random = np.random.default_rng(0)
    measured = 0.4 + random.normal(0, 0.03, 300)
    changes = np.diff([lid.step(float(value), 1 / RATE_HZ) > 0.5 for value in measured]).sum()
    plain = np.diff(measured > 0.4).sum()
    assert changes <= 4 < plain


def test_who_leaves_eases_to_rest_exactly_and_without_a_jump(mesh: Mesh) -> None:
    follower = Follower()
    motions: list[Motion] = []
    for frame in range(8 * RATE_HZ):
        at_s = frame / RATE_HZ
        here = at_s < 4 or at_s >= 6
        yaw_deg = min(10.0, max(0.0, 10 * (at_s - 2)))
        motions.append(follower.step(turned(mesh, yaw_deg) if here else None, at_s))
    assert motions[int(3.9 * RATE_HZ)].yaw_deg > 8
    assert motions[int(5.5 * RATE_HZ)] == REST
    assert np.abs(np.diff([motion.yaw_deg for motion in motions])).max() < 1.0
    # Whoever comes back has a neutral of their own: it may be somebody else.
    assert abs(motions[-1].yaw_deg) < 0.5


def test_a_face_turned_too_far_is_not_followed(mesh: Mesh) -> None:
    follower = Follower()
    for frame in range(2 * RATE_HZ):
        follower.step(mesh, frame / RATE_HZ)
    for frame in range(4 * RATE_HZ):
        motion = follower.step(turned(mesh, min(60.0, frame)), 2 + frame / RATE_HZ)
    assert motion == REST


def test_motion_is_limited() -> None:
    assert limited(Motion(yaw_deg=90, jaw=-1, smile=5)) == Motion(yaw_deg=30, jaw=-0.08, smile=0.1)
    assert Motion(yaw_deg=4, jaw=0.1).eased(0.5) == Motion(yaw_deg=2, jaw=0.05)
    assert Motion.from_array(Motion(yaw_deg=4, pucker=0.1).array()) == Motion(yaw_deg=4, pucker=0.1)
