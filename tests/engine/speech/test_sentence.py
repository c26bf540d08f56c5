"""A sentence that a face says which follows somebody: when, and with which mouth."""

from functools import cache

import numpy as np
import pytest

from engine.live.motion import Motion
from engine.speech.articulation import articulate
from engine.speech.phonemes import Speech
from engine.speech.resampling import resampled
from engine.speech.sentence import EASE_S, FOLLOWED_S, MOUTH, WRITTEN_S, Sentence
from engine.speech.synthesis import speak

TEXT = "I look like you. I am somebody else."
LEADING = Motion(yaw_deg=6, brows=0.02, jaw=0.1, smile=0.05)
FRAME_S = 1 / 30


@cache
def speech() -> Speech:
    return speak(TEXT)


def said(
    sentence: Sentence, until_s: float, since_s: float = 0.0, follows: bool = True
) -> dict[float, Motion]:
    """What the face does in each picture."""
    times = [float(t) for t in np.arange(round(since_s / FRAME_S), round(until_s / FRAME_S)) * FRAME_S]
    return {time_s: sentence.step(LEADING, follows, time_s) for time_s in times}


def test_the_mouth_is_its_own_while_it_speaks_and_head_and_brows_follow() -> None:
    sentence = Sentence(TEXT, speech())
    moved = said(sentence, 12.0)
    begun_s, heard_s = sentence.begun_s, sentence.heard_s
    assert begun_s is not None and heard_s is not None
    assert begun_s == pytest.approx(FOLLOWED_S, abs=FRAME_S)
    end_s = begun_s + 2 * EASE_S + speech().duration_s + 0.2
    assert {(motion.yaw_deg, motion.brows) for motion in moved.values()} == {(6, 0.02)}
    own = articulate(speech().phonemes)
    for time_s, motion in moved.items():
        if heard_s <= time_s <= heard_s + speech().duration_s:
            spoken = own.at(time_s - heard_s)
            assert [getattr(motion, name) for name in MOUTH] == [getattr(spoken, name) for name in MOUTH]
        elif not begun_s < time_s < end_s:
            assert motion == LEADING
    for begin_s, after_s in ((begun_s - 0.2, heard_s), (heard_s + speech().duration_s, end_s + 0.2)):
        jaws = [motion.jaw for time_s, motion in moved.items() if begin_s <= time_s <= after_s]
        assert np.ptp(jaws) > 0.05 and np.abs(np.diff(jaws)).max() < 0.06  # as fast as it speaks


def test_it_is_said_once_and_can_be_read_long_enough() -> None:
    for made in (speech(), None):
        sentence = Sentence(TEXT, made)
        read = [time_s for time_s in said(sentence, 4 * WRITTEN_S) if sentence.is_said(time_s)]
        assert read[-1] - read[0] == pytest.approx(WRITTEN_S, abs=2 * FRAME_S)


def test_without_speech_the_face_goes_on_following() -> None:
    sentence = Sentence(TEXT)
    assert set(said(sentence, 12.0).values()) == {LEADING} and sentence.heard_s is None


def test_a_face_that_rests_speaks_later_or_breaks_off() -> None:
    sentence = Sentence(TEXT, speech())
    said(sentence, FOLLOWED_S - 0.5)
    said(sentence, FOLLOWED_S, FOLLOWED_S - 0.5, follows=False)
    said(sentence, FOLLOWED_S + 2, FOLLOWED_S)
    assert sentence.begun_s is None
    said(sentence, 2 * FOLLOWED_S + 1, FOLLOWED_S + 2)
    assert sentence.is_said(2 * FOLLOWED_S + 1)
    rests = said(sentence, 2 * FOLLOWED_S + 2, 2 * FOLLOWED_S + 1, follows=False)
    assert set(rests.values()) == {LEADING} and sentence.broken
    said(sentence, 30.0, 2 * FOLLOWED_S + 2)
    assert not sentence.is_said(2 * FOLLOWED_S + 3) and not sentence.is_said(30.0)


def test_another_rate_is_the_same_speech() -> None:
    fast = resampled(speech(), 48_000)
    assert fast.phonemes == speech().phonemes and fast.samples.dtype == np.int16
    assert fast.duration_s == pytest.approx(speech().duration_s, abs=1e-4)
    loud = [np.abs(each.samples.astype(float)).max() for each in (speech(), fast)]
    assert loud[1] == pytest.approx(loud[0], rel=0.1)
