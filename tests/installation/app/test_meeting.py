"""The doppelgänger in its meeting: what is drawn, what is asked, and what is left of it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict
from engine.live.motion import Motion
from engine.live.rigs import puppet
from engine.runtime.messages import MovedJudged, RigReady
from engine.speech.articulation import articulate
from engine.speech.phonemes import Speech
from engine.speech.sentence import Sentence
from engine.speech.synthesis import speak
from installation.app.meeting import DRAWN_HZ, Meeting
from installation.app.visitor_data import VisitorData
from installation.capture.expression_follower import FollowedExpression
from tests.support.puppet_kit import ALL_SAFE, shared_rig

TURNED = Motion(yaw_deg=6, jaw=0.05)
OTHER, SAME = Verdict("dlib", 0.6, 0.64), Verdict("dlib", 0.6, 0.58)


def frame(now_s: float, portrait: Pixels | None = None) -> FollowedExpression:
    return FollowedExpression(now_s, TURNED, True, portrait)


def follow(
    meeting: Meeting, end_s: float, begin_s: float = 0.0, drawn: Verdict | None = OTHER
) -> list[float]:
    """Sixty frames a second; the camera gives thirty, and a picture to judge every half second, which is
    answered in the next frame. Returns when pictures were drawn."""
    drawn_s = []
    newest = frame(begin_s)
    for number in range(round(60 * begin_s), round(60 * end_s)):
        now_s, before = number / 60, meeting.picture
        if number % 2 == 0:
            portrait = np.full((8, 8, 3), 90, np.uint8) if number % 30 == 0 else newest.portrait
            newest = frame(now_s, portrait)
        if meeting.move(newest, now_s) is not None:
            meeting.judged(MovedJudged(1, drawn, OTHER), now_s)
        if meeting.picture is not before:
            drawn_s.append(now_s)
    return drawn_s


def test_the_doppelganger_does_what_the_visitor_does() -> None:
    meeting = Meeting(RigReady(1, shared_rig(), ALL_SAFE))
    assert meeting.view(0.0).picture is shared_rig().picture and not meeting.view(0.0).follows
    follow(meeting, 2.0)
    assert np.array_equal(meeting.picture, puppet.draw(shared_rig(), TURNED))
    view = meeting.view(2.0)
    assert view.follows and view.moved == OTHER and view.visitor == OTHER


def test_it_is_drawn_no_more_often_than_the_camera_gives_pictures() -> None:
    drawn_s = follow(Meeting(RigReady(1, shared_rig(), ALL_SAFE)), 2.0)
    assert 0 < len(drawn_s) < 0.6 * DRAWN_HZ  # while it eases from rest to the motion, and then no more
    assert np.diff(drawn_s).min() > 0.9 / DRAWN_HZ


@pytest.mark.parametrize("verdict", [SAME, None], ids=["same", "no face"])
def test_what_may_be_the_sitter_leads_back_to_the_given_picture(verdict: Verdict | None) -> None:
    meeting = Meeting(RigReady(1, shared_rig(), ALL_SAFE))
    follow(meeting, 2.0)
    follow(meeting, 3.5, 2.0, verdict)
    assert np.array_equal(meeting.picture, shared_rig().picture)
    assert not meeting.view(3.5).follows and meeting.view(3.5).moved == verdict


def test_a_picture_is_asked_about_once_and_one_at_a_time() -> None:
    meeting = Meeting(RigReady(1, shared_rig(), ALL_SAFE))
    first, second = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8, 3), np.uint8)
    assert meeting.move(frame(0.0, first), 0.0) is first
    assert meeting.move(frame(0.1, first), 0.1) is None
    assert meeting.move(frame(0.5, second), 0.5) is None  # the first answer is still awaited
    meeting.judged(MovedJudged(1, OTHER, SAME), 0.6)
    assert meeting.move(frame(0.7, second), 0.7) is second
    assert meeting.view(0.7).visitor == SAME
    assert meeting.view(9.0).visitor is None  # it is too old to stand beside the picture


def test_no_expression_no_motion() -> None:
    meeting = Meeting(RigReady(1, shared_rig(), ALL_SAFE))
    follow(meeting, 2.0)
    for number in range(60):
        assert meeting.move(None, 2 + number / 60) is None
    assert np.array_equal(meeting.picture, shared_rig().picture)


def test_the_end_of_a_visit_overwrites_what_was_drawn_and_drops_the_rig() -> None:
    meeting = Meeting(RigReady(1, shared_rig(), ALL_SAFE))
    follow(meeting, 2.0)
    drawn = meeting.picture
    visitor = VisitorData(rig=RigReady(1, shared_rig(), ALL_SAFE), meeting=meeting)
    remains = visitor.erased()
    assert drawn.max() == 0 and shared_rig().picture.max() > 0
    assert [visitor.rig, visitor.meeting, remains.rig, remains.meeting] == [None] * 4


def test_seconds_of_it_are_kept_only_for_a_film_and_until_its_end() -> None:
    rigged = RigReady(1, shared_rig(), ALL_SAFE)
    kept, unkept = Meeting(rigged, records=True), Meeting(rigged)
    for meeting in (kept, unkept):
        follow(meeting, 9.0)
    recorded = kept.recorded()
    assert unkept.recorded() is None and recorded is not None
    assert recorded.moments[-1].motion == TURNED and recorded.moments[-1].moved == OTHER
    follow(kept, 9.6, 9.0, SAME)
    assert kept.recorded() is None
    again = Meeting(rigged, records=True)
    follow(again, 9.0)
    VisitorData(rig=rigged, meeting=again).erased()
    assert again.recorded() is None


def test_it_speaks_once_it_has_followed_and_then_follows_again() -> None:
    rigged = RigReady(1, shared_rig(), ALL_SAFE)
    meeting = Meeting(rigged, Sentence("I am someone else.", speech()))
    follow(meeting, 4.0)
    assert meeting.view(4.0).sentence is None
    follow(meeting, 7.0, 4.0)
    said = meeting.view(7.0).sentence
    assert said is not None and said.text == "I am someone else." and said.voice is not None
    assert np.array_equal(said.voice.samples, speech().samples)
    own = articulate(speech().phonemes)
    for at_s in (said.heard_s + 0.3, said.heard_s + 0.6):
        drawn = Meeting(rigged, Sentence("I am someone else.", speech()))
        follow(drawn, at_s)
        spoken = own.at(drawn._drawn_s - said.heard_s)
        expected = replace(TURNED, jaw=spoken.jaw, mouth_width=spoken.mouth_width, pucker=spoken.pucker)
        assert np.array_equal(drawn.picture, puppet.draw(shared_rig(), expected))
    follow(meeting, 12.0, 7.0)
    assert meeting.view(12.0).sentence is None
    assert np.array_equal(meeting.picture, puppet.draw(shared_rig(), TURNED))


def test_what_may_be_the_sitter_breaks_the_sentence_off() -> None:
    meeting = Meeting(RigReady(1, shared_rig(), ALL_SAFE), Sentence("I am someone else.", speech()))
    follow(meeting, 6.0)
    assert meeting.view(6.0).sentence is not None
    follow(meeting, 7.5, 6.0, SAME)
    assert meeting.view(7.5).sentence is None
    assert np.array_equal(meeting.picture, shared_rig().picture)


@cache
def speech() -> Speech:
    return speak("I am someone else.")
