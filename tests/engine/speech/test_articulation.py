"""How a mouth moves in twenty sentences that eSpeak NG says, ten of English and ten of German."""

from itertools import pairwise

import numpy as np
import pytest

from engine.live.motion import RANGES, REST, Motion
from engine.live.rigs.puppet import draw
from engine.speech.articulation import LEAD_S, TRAIL_S, articulate
from engine.speech.phonemes import Phoneme, Speech
from engine.speech.synthesis import speak
from engine.speech.visemes import Viseme, visemes_of
from tests.support.puppet_kit import shared_rig
from tests.support.sentences import SENTENCES

FRAME_S = 1 / 25


@pytest.fixture(params=SENTENCES, ids=lambda pair: f"{pair[0]}: {pair[1][:24]}")
def speech(request: pytest.FixtureRequest) -> Speech:
    language, text = request.param
    return speak(text, language)


def motions(speech: Speech) -> dict[float, Motion]:
    """The motion at the time of each picture of a film."""
    articulation = articulate(speech.phonemes)
    times = np.arange(-5, speech.duration_s / FRAME_S + 5) * FRAME_S
    return {float(time_s): articulation.at(float(time_s)) for time_s in times}


def near(moved: dict[float, Motion], from_s: float, to_s: float) -> list[Motion]:
    return [motion for time_s, motion in moved.items() if from_s <= time_s <= to_s]


def test_lips_meet_at_m_b_and_p_within_a_picture_of_their_time(speech: Speech) -> None:
    moved = motions(speech)
    closures = [p for p in speech.phonemes if Viseme.CLOSED in visemes_of(p.sound)]
    assert closures
    for phoneme in closures:
        pictures = near(moved, phoneme.begin_s - FRAME_S, phoneme.begin_s + FRAME_S)
        assert min(motion.jaw for motion in pictures) <= 0.95 * RANGES["jaw"][0], phoneme


def test_the_mouth_opens_at_a_and_o(speech: Speech) -> None:
    moved = motions(speech)
    wide = [p for p in speech.phonemes if {Viseme.OPEN, Viseme.ROUND} & set(visemes_of(p.sound))]
    assert wide
    for phoneme in wide:
        if phoneme.end_s - phoneme.begin_s > 2 * FRAME_S:
            opened = max(m.jaw for m in near(moved, phoneme.begin_s, phoneme.end_s))
            assert opened > 0.04, phoneme


def test_silence_is_rest_exactly(speech: Speech) -> None:
    heard = [(p.begin_s - LEAD_S, p.end_s + TRAIL_S) for p in speech.phonemes]
    moved = motions(speech)
    silent = [m for t, m in moved.items() if not any(begin < t < end for begin, end in heard)]
    assert len(silent) >= 5
    assert all(motion == REST for motion in silent)
    assert any(motion != REST for motion in moved.values())


def test_nothing_jumps(speech: Speech) -> None:
    articulation = articulate(speech.phonemes)
    jaws = [articulation.at(t).jaw for t in np.arange(-0.2, speech.duration_s + 0.2, 0.0005)]
    assert max(abs(b - a) for a, b in pairwise(jaws)) < 0.006


def test_lips_are_round_before_the_u_that_they_are_rounded_for() -> None:
    articulation = articulate([Phoneme("t", 0.2, 0.3), Phoneme("uː", 0.3, 0.5)])
    spread = articulate([Phoneme("t", 0.2, 0.3), Phoneme("iː", 0.3, 0.5)])
    assert articulation.at(0.28).mouth_width < -0.05
    assert spread.at(0.28).mouth_width > 0.01


def test_two_letters_are_two_shapes_and_marks_are_none() -> None:
    assert visemes_of("ˈaɪ") == [Viseme.OPEN, Viseme.SPREAD]
    assert visemes_of("pf") == [Viseme.CLOSED, Viseme.TEETH]
    assert visemes_of("uː") == [Viseme.PUCKERED]


def test_nothing_said_is_rest() -> None:
    assert articulate([]).at(0.5) is REST


def test_the_drawn_lips_meet_and_part() -> None:
    """In the picture itself: where lips meet, nothing of a mouth painted open is left."""
    rig = shared_rig()
    speech = speak("Papa.", "de")
    articulation = articulate(speech.phonemes)
    _, _, second, wide = [p for p in speech.phonemes]
    shut = draw(rig, articulation.at(second.begin_s)).astype(int)
    opened = draw(rig, articulation.at((wide.begin_s + wide.end_s) / 2)).astype(int)
    assert np.abs(shut - rig.picture).max() < 40
    assert np.abs(opened - rig.picture).max() > 60
    assert np.array_equal(draw(rig, articulation.at(speech.duration_s + TRAIL_S)), rig.picture)
