"""Two people move each other's pictures; a third never takes their place."""

import cv2
import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead
from engine.live.crowd.decision import Decision
from engine.live.crowd.exchange import TOGETHER_S, Exchange, ExchangeDriver
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.tracks import Crowd, Track
from engine.live.expression import Mesh
from engine.live.motion import REST, Motion
from tests.support.puppet_kit import shared_analyser, shared_mesh, shared_rig

RATE_HZ = 25
LEFT, RIGHT = (0.0, 0.0, 100.0, 100.0), (300.0, 0.0, 400.0, 100.0)


def track(number: int, box: Box, found_s: float, decision: Decision | None = Decision.DOPPELGANGER) -> Track:
    return Track(number, DetectedHead(0.9, box, np.zeros((6, 2))), found_s, decision=decision)


def moved(share: float) -> Mesh:
    """The mesh of somebody who has moved to the right by a share of the face's width."""
    return shared_mesh() + np.array([share * shared_rig().rest.width_px, 0, 0])


class Room:
    """Whoever is at the left moves to the right after two seconds; who is at the right keeps still."""

    def __init__(self) -> None:
        self.exchange, self.frame = Exchange(1, 2), 0

    def play(self, duration_s: float, *people: tuple[int, Box, Decision | None]) -> tuple[Motion, Motion]:
        """What is drawn after so long, in which these are there."""
        motions = (REST, REST)
        for _ in range(round(duration_s * RATE_HZ)):
            now_s = self.frame / RATE_HZ
            self.frame += 1
            crowd = Crowd(tuple(track(number, box, now_s, decision) for number, box, decision in people))
            meshes = {LEFT: moved(0.1 if now_s > 2 else 0.0), RIGHT: moved(0.0)}
            motions = self.exchange.step(crowd, meshes.__getitem__, now_s)
        return motions


FIRST, SECOND = (1, LEFT, Decision.DOPPELGANGER), (2, RIGHT, Decision.DOPPELGANGER)


def test_each_moves_the_others_picture() -> None:
    of_left, of_right = Room().play(4, FIRST, SECOND)
    assert of_left == REST and of_right.x == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("decision", [None, Decision.DOPPELGANGER])
def test_a_third_person_in_the_place_of_one_moves_nobody(decision: Decision | None) -> None:
    room = Room()
    assert room.play(4, FIRST, SECOND)[1].x > 0.09
    third = (3, LEFT, decision)
    assert room.play(1.5, third, SECOND) == (REST, REST)
    assert room.play(3, third, SECOND) == (REST, REST)


@pytest.mark.parametrize("decision", [Decision.DOPPELGANGER, None])
def test_who_has_left_or_taken_it_back_moves_nobody_any_more(decision: Decision | None) -> None:
    room = Room()
    room.play(4, FIRST, SECOND)
    gone = [SECOND] if decision is not None else [(1, LEFT, None), SECOND]
    assert room.play(1.5, *gone) == (REST, REST)
    assert room.play(3, FIRST, SECOND) == (REST, REST), "an end is no end"


def test_the_other_ones_turn_does_not_end_with_it() -> None:
    room = Room()
    swapped = (2, LEFT, Decision.DOPPELGANGER), (1, RIGHT, Decision.DOPPELGANGER)
    room.play(4, *swapped)
    of_left, of_right = room.play(1.5, swapped[0])
    assert of_left.x == pytest.approx(0.1, abs=0.005) and of_right == REST


def beside_each_other(left: Pixels, right: Pixels) -> Pixels:
    return np.ascontiguousarray(np.hstack([left, right]))


def test_it_begins_only_where_both_are_found(lookout: Lookout, astronaut: Pixels) -> None:
    """Who is overlooked in the very frame in which it would begin could never move a picture."""
    own = shared_rig().picture
    other = np.asarray(cv2.resize(astronaut[:320, 64:384], own.shape[1::-1]), np.uint8)
    both, alone = beside_each_other(own, other), beside_each_other(own, np.full_like(other, 90))
    driver = ExchangeDriver(lookout, shared_analyser())
    begins = next(frame for frame in range(99) if frame / RATE_HZ >= TOGETHER_S) + 3
    for frame in range(begins - 5):
        driver.step(both, frame / RATE_HZ)
    while driver.exchange is None and frame < begins - 1:
        frame += 1
        driver.step(alone if frame / RATE_HZ >= TOGETHER_S else both, frame / RATE_HZ)
    assert driver.exchange is None
    for frame in range(begins, begins + 10):
        driver.step(both, frame / RATE_HZ)
    assert driver.exchange is not None and not driver.exchange._has_left


def test_two_people_are_found_and_followed_in_pictures(lookout: Lookout, astronaut: Pixels) -> None:
    """The left one leans; then somebody else stands there."""
    side_px = 256
    own = shared_rig().picture

    def leaning(angle_deg: float) -> Pixels:
        turn = cv2.getRotationMatrix2D((side_px / 2, side_px / 2), -angle_deg, 1)
        leant = cv2.warpAffine(own, turn, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(leant, np.uint8)

    other = np.asarray(cv2.resize(astronaut[:320, 64:384], (side_px, side_px)), np.uint8)
    driver = ExchangeDriver(lookout, shared_analyser())

    def play(picture: Pixels, begin: int, count: int) -> tuple[Motion, Motion]:
        return [driver.step(picture, frame / RATE_HZ) for frame in range(begin, begin + count)][-1]

    still = play(beside_each_other(own, other), 0, 40)
    assert driver.exchange is not None and 40 / RATE_HZ > TOGETHER_S
    assert max(abs(motion.roll_deg) for motion in still) < 1
    for frame in range(8):
        play(beside_each_other(leaning(frame + 1), other), 40 + frame, 1)
    of_left, of_right = play(beside_each_other(leaning(8), other), 48, 30)
    assert of_right.roll_deg == pytest.approx(8, abs=2) and abs(of_left.roll_deg) < 1
    assert play(beside_each_other(other, other), 78, 30)[1] == REST
