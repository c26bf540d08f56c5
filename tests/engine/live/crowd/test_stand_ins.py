"""Nobodies stand still for who stands still, follow who moves, and stand for whoever did not decide."""

from pathlib import Path

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.detector import DetectedHead, box_contains
from engine.faces.mesh import FaceMesh
from engine.live.crowd.bank import (
    PITCHES_DEG,
    STAY_DEG,
    YAWS_DEG,
    Bank,
    Pose,
    draw_placed,
    pose_nearest,
)
from engine.live.crowd.bank_drawing import pose_of
from engine.live.crowd.decision import Decision
from engine.live.crowd.head import Turn
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Cutout
from engine.live.crowd.publisher import FIRST_FRAMES, Publisher
from engine.live.crowd.stand_ins import StandIns
from engine.live.crowd.tracks import Crowd, Track, follow
from tests.support.crowd_kit import RATE_HZ, Walker, scene

SIDE = 240


@pytest.fixture(scope="module")
def poses(faces: list[Path], lookout: Lookout, mesh: FaceMesh) -> list[Pose]:
    """Two people of the renders as nobodies: in every pose the same picture."""
    found = []
    for path in (faces[30], faces[7]):
        picture = scene([Walker(path, lambda _: (128, 128, 130))], 0.0, (256, 256)).picture
        (head,) = lookout.search(picture)
        found.append(pose_of(Cutout(picture, np.ones((256, 256), np.float32), head), mesh))
    return found


@pytest.fixture
def bank(poses: list[Pose]) -> Bank:
    places = [(i, j) for i in range(len(YAWS_DEG)) for j in range(len(PITCHES_DEG))]
    return Bank({number: dict.fromkeys(places, pose) for number, pose in enumerate(poses, start=1)})


def head_at(x: float, y: float, poses: list[Pose], noise: np.ndarray | float = 0.0) -> DetectedHead:
    """A head half as large as the nobody's, about a place."""
    points = (poses[0].points_px - poses[0].points_px.mean(axis=0)) / 2 + (x, y) + noise
    return DetectedHead(0.9, (x - 35, y - 35, x + 35, y + 35), points)


def drawn(stand_ins: StandIns, *tracks: Track) -> Pixels:
    onto = np.zeros((SIDE, SIDE, 3), np.uint8)
    stand_ins.draw(tracks, onto)
    return onto


def middle(picture: Pixels) -> np.ndarray:
    rows, columns = np.nonzero(picture.max(axis=2) > 30)
    return np.array([columns.mean(), rows.mean()])


def test_a_pose_is_kept_while_the_turn_trembles() -> None:
    assert pose_nearest(Turn(0, 0, 0)) == (3, 1)
    assert pose_nearest(Turn(-90, 90, 0)) == (0, 2)
    edge = (YAWS_DEG[3] + YAWS_DEG[4]) / 2
    assert {pose_nearest(Turn(edge + d, 0, 0), (3, 1)) for d in (-1.0, 1.0)} == {(3, 1)}
    assert pose_nearest(Turn(edge + STAY_DEG, 0, 0), (3, 1)) == (4, 1)


def test_a_head_that_rests_before_a_noisy_detector_hardly_moves(bank: Bank, poses: list[Pose]) -> None:
    random, stand_ins, places, raw = np.random.default_rng(0), StandIns(bank), [], []
    for frame in range(60):
        noise = random.normal(0, 0.7, 2)
        picture = drawn(stand_ins, Track(1, head_at(120, 120, poses, noise), frame / RATE_HZ))
        places.append(middle(picture))
        raw.append(noise)
    steps = np.abs(np.diff(places[20:], axis=0)).mean()
    assert steps < 0.5 and steps < 0.5 * np.abs(np.diff(raw[20:], axis=0)).mean()


def test_a_still_person_before_a_noisy_camera_has_a_nobody_that_stands_still(
    bank: Bank, faces: list[Path], lookout: Lookout
) -> None:
    """Whichever of the detector's networks finds them: less than half a pixel, and always the same pose."""
    walkers = [Walker(faces[7], lambda _: (640, 380, 110), 8)]
    crowd, stand_ins, onto = Crowd(), StandIns(bank), np.zeros((720, 1280, 3), np.uint8)
    middles, found, poses = [], [], set()
    for frame in range(45):
        picture = scene(walkers, frame / 13).picture
        heads = lookout.glance(picture, frame, [track.expected(frame / 13) for track in crowd.tracks])
        crowd = follow(crowd, heads, picture, frame / 13)
        stand_ins.draw(crowd.tracks, onto)
        (track,) = crowd.tracks
        placed = stand_ins._placed[track.number]
        middles.append(placed.head.points_px.mean(axis=0))
        found.append(track.head.points_px.mean(axis=0))
        poses.add(placed.pose)
    steps, raw = (np.abs(np.diff(places[20:], axis=0)) for places in (middles, found))
    assert steps.max() < 0.5 and raw.max() > 2
    assert len(poses) == 1


def test_a_head_that_turns_is_followed(bank: Bank, poses: list[Pose]) -> None:
    """A nose that goes aside by a fifth of the face within half a second: another pose a second later."""
    stand_ins, yaws = StandIns(bank), []
    for frame in range(20):
        head = head_at(120, 120, poses)
        head.points_px[2:4, 0] += 14 * min(frame / 6, 1)
        drawn(stand_ins, Track(1, head, frame / 13))
        yaws.append(stand_ins._placed[1].pose[0])
    assert yaws[-1] == yaws[0] + 1 and yaws == sorted(yaws)


def test_a_head_that_walks_is_followed(bank: Bank, poses: list[Pose]) -> None:
    stand_ins = StandIns(bank)
    for frame in range(8):
        picture = drawn(stand_ins, Track(1, head_at(60 + 12 * frame, 120, poses), frame / RATE_HZ))
    still = drawn(StandIns(bank), Track(1, head_at(60 + 12 * 7, 120, poses), 0.0))
    assert middle(picture) == pytest.approx(middle(still), abs=4)


def test_two_people_are_two_nobodies_and_one_that_left_the_bank_is_gone(
    bank: Bank, poses: list[Pose]
) -> None:
    stand_ins = StandIns(bank)
    two = [Track(1, head_at(60, 120, poses), 0.0), Track(2, head_at(180, 120, poses), 0.0)]
    both = drawn(stand_ins, *two)
    assert both[:, :120].any() and both[:, 120:].any()
    assert np.abs(both[:, :120].astype(int) - both[:, 120:]).mean() > 1
    stand_ins.bank = bank.without([1])
    left = drawn(stand_ins, *two)
    assert not left[:, :120].any() and left[:, 120:].any()
    assert drawn(
        stand_ins, Track(3, head_at(60, 120, poses), 0.0)
    ).any()  # who comes later gets the other one


@pytest.mark.parametrize("x", [-40.0, 0.0, 239.0, 600.0])
def test_a_nobody_that_is_cut_off_by_the_edge(bank: Bank, poses: list[Pose], x: float) -> None:
    assert drawn(StandIns(bank), Track(1, head_at(x, 120, poses), 0.0)).any() == (-30 < x < 270)


def test_a_picture_drawn_in_its_own_place_is_itself(poses: list[Pose]) -> None:
    onto = np.zeros_like(poses[0].picture)
    draw_placed(poses[0].picture, poses[0].outline, np.eye(2, 3), onto)
    x, y = poses[0].outline.mean(axis=0).astype(int)
    part = np.s_[y - 10 : y + 10, x - 10 : x + 10]
    assert np.abs(onto[part].astype(int) - poses[0].picture[part]).max() <= 1


def test_published_are_nobodies_for_all_and_oneself_after_a_decision(
    bank: Bank, faces: list[Path], mesh: FaceMesh, lookout: Lookout
) -> None:
    """No pixel of somebody who has not decided makes a difference."""
    walkers = [Walker(faces[11], lambda _: (400, 360, 180)), Walker(faces[52], lambda _: (900, 360, 180))]
    seen = scene(walkers, 0.0)
    publisher = Publisher(lookout, mesh, StandIns(bank))
    for frame in range(FIRST_FRAMES + 1):
        published = publisher.publish(seen.picture, frame / RATE_HZ)
        assert published.any() == (frame >= FIRST_FRAMES)
    assert published[300:420, 340:460].mean() > 20 and published[300:420, 840:960].mean() > 20
    same = (published == seen.picture)[published.max(axis=2) > 40].all(axis=1)
    assert same.mean() < 0.05
    (first,) = [t for t in publisher.crowd.tracks if box_contains(t.head.box_px, (400, 360))]
    publisher.decide(first.number, Decision.REAL)
    published = publisher.publish(seen.picture, (FIRST_FRAMES + 1) / RATE_HZ)
    own = np.s_[340:380, 380:420]
    np.testing.assert_allclose(published[own].astype(int), seen.picture[own], atol=1)
    other = np.s_[340:380, 880:920]
    assert np.abs(published[other].astype(int) - seen.picture[other]).mean() > 8
