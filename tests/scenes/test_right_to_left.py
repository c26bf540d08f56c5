"""Every scene in a language that is read from the right: what begins lines stands where lines begin."""

from pathlib import Path

import numpy as np
import pytest
from pygame import Rect

from installation.delivery import card
from installation.delivery.pictures import TakeHomePictures
from installation.settings import texts
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import FOLDER, Texts, languages
from installation.stage.canvas import Canvas, ItemKind
from installation.visit.parameters import Timeouts
from scenes.widgets.border_schedule import BorderParameters, SegmentKind, schedule
from tests.support.scene_checks import UPRIGHT, WIDE, faults, moments
from tests.support.scene_views import BEGAN_S, LINK, WIFI, play, somebody

HEBREW = """
[language]
name = "עברית"
[verdict]
same = "אותו אדם"
other = "מישהו אחר"
[guidance]
ready = "הישארו כך"
[border]
[jury]
always = "תמיד אתם"
"""
NEAR_PX = 12  # what a letter leaves free beside it


@pytest.fixture(autouse=True)
def hebrew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en.toml").write_text((FOLDER / "en.toml").read_text("utf-8"), "utf-8")
    (tmp_path / "he.toml").write_text(HEBREW, "utf-8")
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    assert languages() == ("en", "he")


@pytest.fixture(params=[UPRIGHT, WIDE], ids=["upright", "wide"])
def canvas(request: pytest.FixtureRequest) -> Canvas:
    return Canvas(*request.param)


def item(canvas: Canvas, words: str) -> Rect:
    """The place of the first line with these words, which may carry marks of its direction."""
    return next(each.rect for each in canvas.drawn_items if words in each.words)


def number(canvas: Canvas) -> Rect:
    """The place of the first number, which is listed without its figures."""
    texts_drawn = (each for each in canvas.drawn_items if each.kind is ItemKind.TEXT)
    return next(each.rect for each in texts_drawn if not each.words)


def is_lit(canvas: Canvas, rect: Rect) -> bool:
    return bool(canvas.pixels[rect.top : rect.bottom, rect.left : rect.right, :3].max() > 60)


def test_nothing_is_clipped_or_overlaps(canvas: Canvas, values: Registry) -> None:
    for name, phase, at_s, changes in moments():
        play(canvas, phase, at_s, values, "he", **changes)
        assert not faults(canvas), name


def test_a_verdict_begins_with_its_sign_at_the_right(canvas: Canvas, values: Registry) -> None:
    right = canvas.layout.panel.right
    for phase in (Phase.ATTRACT, Phase.BORDER):
        play(canvas, phase, 3.0, values, "he")
        words = item(canvas, "אותו אדם")
        sign = Rect(words.right, words.top, right - words.right, words.height)
        assert is_lit(canvas, sign) and sign.width < words.width / 2
        assert is_lit(canvas, Rect(right - NEAR_PX, words.top, NEAR_PX, words.height))
    assert abs(number(canvas).right - right) < NEAR_PX


def test_the_countdown_stands_above_its_words(canvas: Canvas, values: Registry) -> None:
    counting = {"last_usable_s": BEGAN_S + 2.0, "usable_since_s": BEGAN_S + 0.5}
    play(canvas, Phase.PORTRAIT, 2.0, values, "he", **counting)
    words, figure = item(canvas, "הישארו כך"), number(canvas)
    assert abs(words.right - canvas.layout.panel.right) < NEAR_PX
    assert abs(figure.right - words.right) < figure.height / 4


def test_pair_and_difference_begin_at_the_right(canvas: Canvas, values: Registry) -> None:
    lasts_s = values.of(Timeouts).of(Phase.BORDER)
    began_s, seen = 0.0, set()
    for segment in schedule(somebody().result, values.of(BorderParameters), lasts_s, "דומה"):
        middle_s = began_s + segment.duration_s / 2
        began_s += segment.duration_s
        if segment.kind in seen or segment.kind not in (SegmentKind.PAIR, SegmentKind.DIFFERENCE):
            continue
        seen.add(segment.kind)
        play(canvas, Phase.BORDER, middle_s, values, "he")
        if segment.kind is SegmentKind.PAIR:
            assert number(canvas).right < item(canvas, "אותו אדם").left
        else:
            assert abs(number(canvas).right - canvas.layout.panel.right) < NEAR_PX
    assert len(seen) == 2


def test_progress_runs_to_the_left(canvas: Canvas, values: Registry) -> None:
    play(canvas, Phase.SEARCH, 8.0, values, "he")
    panel, top = canvas.layout.panel, item(canvas, "The machine").top
    bar = canvas.pixels[panel.top : top, panel.left : panel.right, :3].max(axis=(0, 2))
    assert bar[-20:].min() > 200 > bar[:20].max()


def test_codes_stand_where_their_words_begin(canvas: Canvas, values: Registry) -> None:
    for link, right in ((LINK, canvas.layout.panel.right), (WIFI, canvas.layout.panel.right)):
        play(canvas, Phase.DOPPELGANGER, 8.0, values, "he", link=link)
        codes = [each.rect for each in canvas.drawn_items if each.kind is ItemKind.QR_CODE]
        assert codes[0].right == right and codes == sorted(codes, key=lambda rect: -rect.left)


def test_the_card_begins_at_the_right() -> None:
    given = TakeHomePictures(1, "he", np.zeros((64, 64, 3), np.uint8))
    right_half, left_half = card.WIDTH_PX - 200, 200
    drawn = card.draw(given, Texts.load("he"))[30:150]
    assert drawn[:, right_half:].any() and not drawn[:, :left_half].any()
    drawn = card.draw(given, Texts.load("en"))[30:150]
    assert drawn[:, :left_half].any() and not drawn[:, right_half:].any()
