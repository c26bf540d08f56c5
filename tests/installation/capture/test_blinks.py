"""Blinks are not taken; narrow eyes are."""

from itertools import count

import cv2
import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.sitter import find_sitter
from installation.capture.blinks import REMEMBERED_S, BlinkDetector
from installation.stage.view import Guidance
from installation.visit.events import FaceSeen, PortraitTaken
from tests.support.lids import with_lids
from tests.support.tracker_kit import RATE_HZ, Room


@pytest.mark.parametrize("eyes_open", [0.35, 0.12, 0.03])
def test_a_blink_is_told_by_the_sitters_own_eyes(eyes_open: float) -> None:
    blinks = BlinkDetector()
    at_s = count(0.0, 1 / RATE_HZ)
    assert not any(blinks.is_blink(eyes_open * share, next(at_s)) for share in (1, 0.8, 1, 0.9))
    assert blinks.is_blink(0.4 * eyes_open, next(at_s))
    assert not blinks.is_blink(0.6 * eyes_open, next(at_s))


def test_eyes_that_stay_narrow_are_those_of_the_sitter() -> None:
    blinks = BlinkDetector()
    assert not blinks.is_blink(0.3, 0.0)
    assert blinks.is_blink(0.1, 0.9 * REMEMBERED_S)
    assert not blinks.is_blink(0.1, 1.1 * REMEMBERED_S)


def opened(sitter: Pixels, finder: FaceAnalyser, opening: float) -> Pixels:
    return with_lids(sitter, finder.find(sitter)[0].landmarks, opening)


def portrait_of(room: Room, clip: list[Pixels]) -> list[Pixels]:
    """The portrait that is taken while the clip plays, one frame after the other, and round again."""
    room.show(clip[0], 0.5)
    room.watcher.take(1)
    for number in range(2 * RATE_HZ):
        events = room.show(clip[number % len(clip)])
        assert set(events) <= {FaceSeen(usable=True), PortraitTaken(1)}
        assert room.asks is Guidance.READY
        if PortraitTaken(1) in events:
            break
    return room.watcher.portrait(1) or []


def test_blinks_in_a_clip_are_not_taken(room: Room, finder: FaceAnalyser, sitter: Pixels) -> None:
    """Not even where the frames with open eyes are the less sharp ones."""
    shut, half = (opened(sitter, finder, share) for share in (0.0, 0.4))
    soft = np.asarray(cv2.GaussianBlur(sitter, (0, 0), 0.7), np.uint8)
    pictures = portrait_of(room, [soft, shut, half, shut])
    assert len(pictures) >= 2
    measured = [find_sitter(finder, picture).face.eyes_open for picture in pictures]
    open_eyes, shut_eyes = (finder.find(each)[0].eyes_open for each in (soft, shut))
    assert measured[0] == pytest.approx(open_eyes, rel=0.12)
    assert min(measured) > (open_eyes + shut_eyes) / 2


def test_narrow_eyes_are_taken_as_they_are(room: Room, finder: FaceAnalyser, sitter: Pixels) -> None:
    narrow = opened(sitter, finder, 0.25)
    pictures = portrait_of(room, [narrow])
    assert len(pictures) == 5
    measured = [find_sitter(finder, picture).face.eyes_open for picture in pictures]
    assert np.mean(measured) == pytest.approx(finder.find(narrow)[0].eyes_open, rel=0.15)
