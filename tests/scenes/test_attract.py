"""Attract: the invitation, the promise, and the face beside the ride."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas, ItemKind
from installation.visit.parameters import Timeouts
from installation.visit.state import Show
from scenes.attract import visit_minutes
from tests.support.scene_checks import UPRIGHT, WIDE
from tests.support.scene_views import make_view, play, somebody


def test_the_invitation_says_what_wakes_the_piece(values: Registry) -> None:
    """In ink, and larger than what is said while nothing does."""
    canvas = Canvas(*UPRIGHT)

    def sizes(**changes: Any) -> dict[str, int]:
        play(canvas, Phase.ATTRACT, 6.0, values, **changes)
        return {each.words: each.size_px for each in canvas.drawn_items if each.kind is ItemKind.TEXT}

    asked = sizes()
    assert "Touch the screen" in " ".join(asked) and "press Yes" in " ".join(asked)
    invitation = next(size for words, size in asked.items() if "Touch" in words)
    resting = sizes(camera_failed=True).items()
    assert invitation > 1.4 * next(size for words, size in resting if "rest" in words)
    for closed in (sizes(show=Show(is_open=False)), sizes(show=Show(is_open=False), camera_failed=True)):
        assert any("Closed" in words for words in closed)
        assert not any(re.search("Touch|press|rest", words) for words in closed)


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE], ids=["upright", "wide"])
def test_the_persons_own_face_stands_beside_the_ride_and_does_not_move(
    screen: tuple[int, int], values: Registry
) -> None:
    canvas, own = Canvas(*screen), somebody().result.median.pictures[-1]
    faces = []
    for at_s in (4.0, 9.5):
        (ridden,) = play(canvas, Phase.ATTRACT, at_s, values).shown()
        places = [each.rect for each in canvas.drawn_items if each.kind is ItemKind.PICTURE]
        large, small = sorted(places, key=lambda rect: -rect.width)
        middle = small.inflate(-small.width // 2, -small.height // 2)
        faces.append(canvas.pixels[middle.top : middle.bottom, middle.left : middle.right, :3].astype(int))
        assert large.width > 1.5 * small.width and not np.array_equal(ridden.picture, own)
        assert Texts.load("en")("attract.whom") in " ".join(each.words for each in canvas.drawn_items)
    assert np.abs(faces[0] - faces[1]).mean() < 3  # the reference is as it was


def test_the_promise_says_how_long_a_visit_takes_here(values: Registry) -> None:
    """From the parameters, and from the last search once there was one."""
    view = make_view(Phase.ATTRACT, 1.0, values)
    times = Timeouts()
    shown_s = times.border_s + times.jury_s + times.meeting_s
    assert visit_minutes(view) == math.ceil((60 + shown_s + 43) / 60)
    assert visit_minutes(replace(view, last_search_s=300.0)) > visit_minutes(view)
    canvas = Canvas(*WIDE)
    play(canvas, Phase.ATTRACT, 6.0, values, last_search_s=300.0)
    told = " ".join(each.words for each in canvas.drawn_items)
    assert f"about {visit_minutes(replace(view, last_search_s=300.0))} minutes" in told
    assert Texts.load("en")("attract.title") in told
