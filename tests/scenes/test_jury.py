"""The jury: signs, names and headline."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from engine.judges.registry import JUDGES
from engine.pipeline.result import PortrayalResult
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.layout import Layout
from installation.stage.typesetting import text_width
from installation.visit.participants import Sitter
from scenes.jury import headline_key, place_labels
from scenes.widgets.statement import statements
from tests.support.scene_checks import UPRIGHT, WIDE, faults, heard, index_of
from tests.support.scene_views import play, somebody


def test_the_leading_judges_sign_in_the_jury_is_the_pictures_own(values: Registry) -> None:
    canvas = Canvas(640, 360)
    strip = somebody().result.median
    verdicts = set()
    for at_s in np.linspace(0.5, 11.5, 40):
        (one,) = play(canvas, Phase.JURY, float(at_s), values).shown()
        assert one.verdict.same == strip.same[index_of(strip.pictures, one.picture)]
        verdicts.add(one.verdict.same)
    assert verdicts == {True, False}


@settings(max_examples=200)
@examples(st.lists(st.tuples(st.floats(0, 900), st.floats(80, 420)), min_size=1, max_size=8))
def test_names_of_judges_keep_apart(row: list[tuple[float, float]]) -> None:
    places, widths = [x for x, _ in row], [width for _, width in row]
    labels = place_labels(places, widths, 0.0, 900.0, 10.0)
    placed = [(label, x, width) for label, x, width in zip(labels, places, widths, strict=True) if label]
    assert placed
    assert labels[0] or widths[0] + 10 > max(places[0], 900 - places[0])  # the first one comes first
    for (one, x, width), (other, there_x, there_width) in combinations(placed, 2):
        if one.level == other.level:
            assert one.left + width < other.left or other.left + there_width < one.left
        low, low_width, stem = (one, width, there_x) if one.level < other.level else (other, there_width, x)
        if one.level != other.level:
            assert not low.left < stem < low.left + low_width
    for label, _, width in placed:
        assert label.left >= 0 and label.left + width <= 900


@pytest.mark.parametrize("screen", [UPRIGHT, WIDE], ids=["upright", "wide"])
@pytest.mark.parametrize("other", ["anthropometry", "Anthropometrie"])
def test_the_panel_that_ships_loses_no_name(screen: tuple[int, int], other: str) -> None:
    """Wherever its two judges put the border; `_draw_line` has these measures."""
    layout = Layout(*screen)
    size, left, right = layout.body_px, layout.panel.left, layout.panel.right
    widths = [text_width(name, size, 500) + 1.15 * size for name in ("dlib", other)]
    for two in product(np.linspace(0.02, 0.98, 49), repeat=2):
        places = [left + 0.3 * size + float(t) * (right - left - 0.6 * size) for t in two]
        assert None not in place_labels(places, widths, left, right, 0.3 * size), two


def test_where_there_is_no_border_there_is_no_name_to_place() -> None:
    assert place_labels([], [], 0.0, 900.0, 10.0) == []


def test_the_headline_of_the_jury_is_so() -> None:
    one, other = somebody().result.judge_results[:2]

    def said(first_t: float | None, second_t: float | None) -> str:
        return headline_key((replace(one, border_t=first_t), replace(other, border_t=second_t)))

    assert said(0.38, 0.38) == said(0.38, 0.399) == "jury.agreed"
    assert said(0.38, 0.41) == said(0.38, None) == "jury.headline"
    assert said(None, None) == "jury.nowhere" and headline_key((replace(one, border_t=0.4),)) == "jury.alone"


def test_finding_without_opinions_draws_nothing_wrong(values: Registry) -> None:
    canvas = Canvas(*UPRIGHT)
    bare: PortrayalResult = replace(somebody().result, judge_results=())
    play(canvas, Phase.JURY, 3.0, values, result=bare)
    assert not faults(canvas)


def words(canvas: Canvas) -> str:
    return " ".join(each.words for each in canvas.drawn_items)


@pytest.mark.parametrize("sitter", Sitter)
def test_each_judge_is_heard_on_the_picture_that_is_given_and_the_witness_last(
    sitter: Sitter, values: Registry
) -> None:
    canvas, text, found = Canvas(*WIDE), Texts.load("en"), heard(somebody().result)
    is_real = sitter is Sitter.CAMERA
    witness = found.witness
    assert witness is not None and [each.is_witness for each in statements(found, 5)] == [False, True]
    told = []
    for at_s in np.arange(1.0, 22.0, 1.0):
        play(canvas, Phase.JURY, float(at_s), values, result=found, sitter=sitter)
        told.append(words(canvas))
    of_judge = text.for_sitter(is_real, "jury.given", judge="dlib")
    of_witness = text("jury.witness", judge=text.judge(witness.judge))
    heard_s = [sum(line in words for words in told) for line in (of_judge, of_witness)]
    assert min(heard_s) >= 5  # seconds in which it can be read
    assert of_witness in told[-1] and of_judge not in told[-1]
    assert text.for_sitter(is_real, "jury.witness_same") in told[-1]
    assert text("verdict.same").upper() in told[-1]
    judge = next(each for each in told if of_judge in each)
    assert "Davis King, 2017" in judge and "7,485" in judge and text("verdict.other").upper() in judge


def test_without_a_doppelganger_the_jury_is_the_line(values: Registry) -> None:
    canvas, text = Canvas(*WIDE), Texts.load("en")
    assert statements(somebody().result, 5) == []
    play(canvas, Phase.JURY, 18.0, values)
    assert text("jury.nobody") in words(canvas)


def test_what_is_said_of_a_judge_has_a_source() -> None:
    for name, entry in JUDGES.items():
        if entry.origin is not None:
            assert entry.origin.source and entry.origin.maker, name
            assert 1850 < entry.origin.year < 2030
            assert (entry.origin.photographs is None) == (entry.origin.people is None)
    assert JUDGES["dlib"].origin and JUDGES["anthropometry"].origin
