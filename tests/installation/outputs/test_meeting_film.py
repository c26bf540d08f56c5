"""Seconds of the meeting in the film: which are kept, and that they are drawn as they were shown."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from pygame import Rect

from engine.judges.verdict import Verdict
from engine.live.motion import REST, Motion
from engine.live.rigs import puppet
from installation.outputs.films import meeting_film
from installation.outputs.films.meeting_film import (
    BEFORE_SENTENCE_S,
    DURATION_S,
    FACE_SHARE,
    KEPT_S,
    MeetingRecorder,
    Moment,
    RecordedMeeting,
)
from installation.outputs.films.scene_film import FPS, film_canvas
from installation.outputs.films.soundtrack import Soundtrack
from installation.settings.texts import Texts
from installation.stage.sound import RATE_HZ, Voice
from installation.stage.view import SaidSentence
from tests.support.puppet_kit import shared_rig

OTHER, SAME = Verdict("dlib", 0.6, 0.64), Verdict("dlib", 0.6, 0.58)
FRAME_S, LATE_S = 1 / 30, 0.4
SAID = SaidSentence("I am someone else.", Voice(np.full(RATE_HZ, 2000, np.int16)), 8.4)


def moment(at_s: float, follows: bool = True) -> Moment:
    """Of a meeting in which it speaks after eight seconds."""
    said = SAID if 8.0 <= at_s < 12.0 else None
    return Moment(at_s, Motion(yaw_deg=at_s), follows, SAME, OTHER, said)


def met(
    recorder: MeetingRecorder,
    end_s: float,
    verdict: Callable[[float], Verdict | None] = lambda _: OTHER,
    speaks: bool = True,
    begin_s: float = 0.0,
) -> RecordedMeeting | None:
    """A meeting at thirty frames a second, judged every half second and answered late."""
    for number in range(round(begin_s / FRAME_S), round(end_s / FRAME_S)):
        at_s = number * FRAME_S
        shown = moment(at_s)
        recorder.add(shown if speaks else replace(shown, sentence=None))
        if number % 15 == 12 and at_s > LATE_S:
            recorder.judged(verdict(at_s - LATE_S), at_s - LATE_S, at_s)
    return recorder.recorded(shared_rig())


def test_the_seconds_are_those_about_the_sentence() -> None:
    found = met(MeetingRecorder(), 20.0)
    assert found is not None and found.begin_s == pytest.approx(8.0 - BEFORE_SENTENCE_S)
    times = [each.at_s for each in found.moments]
    assert times[-1] - times[0] == pytest.approx(DURATION_S, abs=2 * FRAME_S)
    assert np.diff(times).max() == pytest.approx(FRAME_S)


def test_without_a_sentence_they_are_the_last_that_were_judged() -> None:
    recorder = MeetingRecorder()
    found = met(recorder, 20.0, speaks=False)
    assert found is not None
    assert 20.0 - 1.0 < found.begin_s + DURATION_S < 20.0 - LATE_S
    assert recorder._moments[0].at_s >= 20.0 - KEPT_S - FRAME_S  # no more of it is kept


@pytest.mark.parametrize("verdict", [SAME, None], ids=["same", "no face"])
def test_nothing_is_kept_that_may_show_the_sitter(verdict: Verdict | None) -> None:
    for at_s in (7.5, 10.0, 12.9):
        found = met(MeetingRecorder(), 20.0, lambda s, bad_s=at_s: verdict if abs(s - bad_s) < 0.3 else OTHER)  # type: ignore[misc]
        assert found is None or found.begin_s > at_s
    assert met(MeetingRecorder(), 20.0, lambda s: verdict if s > 15 else OTHER) is not None  # known before


def test_too_short_a_meeting_or_one_that_nobody_judges_gives_nothing() -> None:
    assert met(MeetingRecorder(), 5.0) is None
    assert MeetingRecorder().recorded(shared_rig()) is None
    unjudged, rests = MeetingRecorder(), MeetingRecorder()
    for number in range(600):
        unjudged.add(moment(number * FRAME_S))
        rests.add(moment(number * FRAME_S, follows=False))
        rests.judged(OTHER, number * FRAME_S, number * FRAME_S)
    assert unjudged.recorded(shared_rig()) is None and rests.recorded(shared_rig()) is None


def test_nothing_stays_in_it_after_the_visit() -> None:
    recorder = MeetingRecorder()
    met(recorder, 20.0)
    recorder.erase()
    assert recorder.recorded(shared_rig()) is None and not recorder._moments


def test_the_film_shows_what_was_shown_and_has_the_voice() -> None:
    recorded = met(MeetingRecorder(), 20.0)
    assert recorded is not None
    soundtrack, begins_s = Soundtrack(), 3.0
    soundtrack.take(begins_s)
    shots, film = [], film_canvas(FACE_SHARE)
    drawn = meeting_film.frames(recorded, Texts.load("de"), soundtrack, begins_s, film)
    for number, frame in enumerate(islice(drawn, 80)):
        assert all(Rect(20, 20, 1040, 1310).contains(item.rect) for item in film.drawn_items)
        if number in (40, 79):
            shots.append(frame.copy())
    assert shots[0].shape == (1350, 1080, 3)
    face, rig = film.layout.face, shared_rig()
    for number, shot in zip((40, 79), shots, strict=True):
        motion = next(
            each.motion for each in reversed(recorded.moments) if each.at_s <= recorded.begin_s + number / FPS
        )
        shown = shot[face.top : face.bottom, face.left : face.right].astype(float)
        errors = []
        for tried in (motion, REST):
            canvas = film_canvas(FACE_SHARE)
            canvas.picture(puppet.draw(rig, tried), face, 1.0)
            expected = canvas.rgb[face.top : face.bottom, face.left : face.right].astype(float)
            errors.append(np.abs(shown / shown.mean() - expected / expected.mean()).mean())
        assert errors[0] < 0.02 < errors[1]
    heard = soundtrack.take(begins_s + 80 / FPS)
    voice_from = round((SAID.heard_s - recorded.begin_s) * RATE_HZ)
    assert not heard[:voice_from].any() and (heard[voice_from + 1 :][:1000] == 1200).all()  # at 60 %
