"""The meeting: what is read beside the face, and for how long."""

from dataclasses import replace

import numpy as np

from engine.common.arrays import Pixels
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.sound import StartedSound, Voice
from installation.stage.view import MeetingView, SaidSentence
from scenes.meeting import Meeting
from tests.support.scene_checks import WIDE, assert_on_screen
from tests.support.scene_views import BEGAN_S, make_view, meeting, play

TEXTS = Texts.load("en")


def read(canvas: Canvas) -> str:
    return " ".join(each.words for each in canvas.drawn_items)


def test_it_looks_back_and_then_does_what_the_visitor_does(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    picture: Pixels = meeting().picture
    play(canvas, Phase.MEETING, 2.0, values, meeting=MeetingView(picture))
    assert TEXTS("meeting.looks") in read(canvas) and "SOMEONE ELSE" not in read(canvas)
    play(canvas, Phase.MEETING, 2.0, values)
    assert TEXTS("meeting.follows") in read(canvas)
    assert "SAME PERSON" in read(canvas) and "SOMEONE ELSE" in read(canvas)
    values.set("stage/breath_percent", 0)
    play(canvas, Phase.MEETING, 2.0, values)
    assert_on_screen(canvas, picture)


def test_that_it_rests_can_be_read_after_the_verdict_has_changed_again(values: Registry) -> None:
    canvas, scene = Canvas(*WIDE), Meeting()
    scene.enter(make_view(Phase.MEETING, 0.0, values))
    said = []
    for at_s in np.arange(0.0, 6.0, 0.25).tolist():
        judged = meeting(0.59) if at_s == 2.0 else meeting()
        view = make_view(Phase.MEETING, at_s, values, meeting=judged)
        scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        said.append(TEXTS("meeting.rests") in read(canvas))
    assert said.index(True) == 8 and sum(said) == 10  # from 2.0 s on, for 2.5 s
    assert said[8:18] == [True] * 10


def test_curators_may_have_the_face_alone(values: Registry) -> None:
    canvas = Canvas(*WIDE)
    values.set("meeting/verdicts", False)
    values.set("meeting/headline", "Hello.")
    play(canvas, Phase.MEETING, 2.0, values)
    assert "Hello." in read(canvas) and "SOMEONE ELSE" not in read(canvas)


def test_it_speaks_once_and_what_it_says_is_written(values: Registry) -> None:
    canvas, scene, voice = Canvas(*WIDE), Meeting(), Voice(np.zeros(10, np.int16))
    scene.enter(make_view(Phase.MEETING, 0.0, values))
    started, written = [], []
    for at_s in np.arange(0.0, 8.0, 0.25).tolist():
        said = SaidSentence("I am someone else.", voice, BEGAN_S + 2.4) if 2.0 <= at_s < 6.0 else None
        view = make_view(Phase.MEETING, at_s, values, meeting=replace(meeting(), sentence=said))
        scene.update(view)
        canvas.clear()
        scene.draw(canvas, view)
        started += [(at_s, each) for each in scene.sounds()]
        written.append("“I am someone else.”" in read(canvas))
    assert started == [(2.5, StartedSound(voice, BEGAN_S + 2.4))]
    assert sum(written) == 16 and written.index(True) == 8
    assert scene.sounds() == ()
    scene.enter(make_view(Phase.MEETING, 0.0, values))  # the next visitor hears it, too
    scene.update(view := make_view(Phase.MEETING, 3.0, values, meeting=replace(meeting(), sentence=SAID)))
    assert SAID.voice is not None and scene.sounds() == (StartedSound(SAID.voice, 0.0),)
    scene.draw(canvas, view)


SAID = SaidSentence("I am someone else.", Voice(np.zeros(10, np.int16)))
