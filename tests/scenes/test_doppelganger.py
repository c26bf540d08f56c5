"""The picture to take home: which it is, when it comes, its answers and its code."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from engine.pipeline.result import PictureKind
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.view import Action
from tests.support.scene_checks import UPRIGHT, WIDE, index_of
from tests.support.scene_views import LINK, WIFI, play, somebody, with_threshold


def test_what_is_given_whatever_was_found() -> None:
    found = somebody().result
    assert found.picture_to_take_home == (found.doppelganger, PictureKind.HOLDS)
    assert found.nearest is not None and found.nearest.border is not None
    none = replace(found, doppelganger=None)
    picture, kind = none.picture_to_take_home
    assert kind is PictureKind.BEYOND and not found.nearest.same[index_of(found.nearest.pictures, picture)]
    picture, kind = replace(none, nearest=None, median=with_threshold(found.median, 0.0)).picture_to_take_home
    assert kind is PictureKind.BEYOND and np.array_equal(picture, found.median.pictures[-1])
    picture, kind = replace(none, nearest=None, median=with_threshold(found.median, 2.0)).picture_to_take_home
    assert kind is PictureKind.SAME and np.array_equal(
        picture, found.median.pictures[found.median.distances.argmax()]
    )


def test_who_can_take_nothing_home_is_not_asked_to(values: Registry) -> None:
    always = replace(
        somebody().result,
        median=with_threshold(somebody().result.median, 2.0),
        nearest=None,
        doppelganger=None,
    )
    canvas = Canvas(*WIDE)
    play(canvas, Phase.DOPPELGANGER, 8.0, values, result=always, downloads_available=False)
    told = " ".join(each.words for each in canvas.drawn_items)
    assert "still you" in told and "no border" in told and "Take" not in told


def test_an_answer_is_offered_when_there_is_something_to_answer(values: Registry) -> None:
    """*I have it* beside the code, *done* where none will come; nothing ends a visit as soon as it begins."""
    canvas = Canvas(*WIDE)
    whole: list[tuple[float, dict[str, Any], str, set[Action]]] = [
        (0.4, {}, "", set()),
        (2.0, {}, "Forget it now", {Action.NO}),
        (5.2, {"link": LINK}, "I have it", {Action.NO}),
        (6.0, {"link": LINK}, "I have it", {Action.YES, Action.NO}),
        (17.0, {}, "Done", {Action.YES}),
        (2.0, {"downloads_available": False}, "", set()),
        (6.0, {"downloads_available": False}, "Done", {Action.YES}),
    ]
    for at_s, changes, word, offered in whole:
        areas = play(canvas, Phase.DOPPELGANGER, at_s, values, **changes).areas()
        assert areas.keys() == offered, (at_s, changes)
        assert not word or word in [each.words for each in canvas.drawn_items]
    values.set("doppelganger/choice", False)
    assert not play(canvas, Phase.DOPPELGANGER, 8.0, values, link=LINK).areas()


def test_the_picture_stands_alone_before_its_code(values: Registry) -> None:
    """It comes as light; the code, though it is there from the beginning, some seconds after it."""
    canvas = Canvas(640, 360)
    kinds = []
    for at_s in (0.1, 4.9, 5.2):
        play(canvas, Phase.DOPPELGANGER, at_s, values, link=LINK)
        kinds.append({each.kind for each in canvas.drawn_items})
    assert all(ItemKind.PICTURE in each for each in kinds)
    assert [ItemKind.QR_CODE in each for each in kinds] == [False, False, True]


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE, (3840, 2160)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_codes_can_be_read_off_the_screen(screen: tuple[int, int], values: Registry) -> None:
    canvas = Canvas(*screen)
    for link, contents in ((LINK, {LINK.url}), (WIFI, {WIFI.url, WIFI.wifi})):
        play(canvas, Phase.DOPPELGANGER, 8.0, values, link=link)
        grey = cv2.cvtColor(canvas.pixels[..., :3].copy(), cv2.COLOR_RGB2GRAY)
        fields = [one.rect for one in canvas.drawn_items if one.kind is ItemKind.QR_CODE]
        read = set()
        for field in fields:
            part = grey[field.top : field.bottom, field.left : field.right]
            words, _, _ = cv2.QRCodeDetector().detectAndDecode(part)
            read.add(words)
            dark = np.argwhere(part < 100)
            (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
            # The finder pattern's upper edge is seven modules long.
            module_px = int((part[top, left:] > 100).argmax()) / 7
            assert module_px == int(module_px) >= 4
            quiet_px = min(top, left, part.shape[0] - bottom, part.shape[1] - right)
            assert quiet_px >= 4 * module_px
            assert set(np.unique(part)) == {0, 216}
        assert read == contents
