"""The plots: the curve, the contact sheet and the difference."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.border.strip import Strip
from installation.outputs import plots
from installation.stage.canvas import Canvas
from installation.stage.typesetting import shorten, text_width
from tests.support.visit_record import face, make_strip


def curves_of(count: int) -> list[plots.JudgeCurve]:
    t = np.linspace(0, 1, 17)
    curves = []
    for i in range(count):
        distances = 1.2 + 0.1 * i - t + 0.3 * np.sin(12 * t) * (i == 1)
        flips = np.flatnonzero(np.diff(distances <= 0.9))
        crossings = [float(t[k] + t[k + 1]) / 2 for k in flips]
        border_t = crossings[-1] if crossings else None
        zone = (border_t - 0.01, border_t + 0.02) if border_t else None
        name = f"a judge with a very long name indeed {i}"
        curves.append(plots.JudgeCurve(name, 0.9, t, distances, crossings, border_t, zone))
    return curves


@pytest.mark.parametrize(("judges", "border_t"), [(1, 0.4), (4, 0.02), (6, 0.98), (2, None)])
def test_nothing_is_clipped_on_the_plates(judges: int, border_t: float | None) -> None:
    strip = make_strip(border_t)
    for canvas in (plots.curve(curves_of(judges), strip), plots.continuum(strip)):
        assert canvas.dtype == np.uint8 and canvas.shape[1] == 3000
        edges = (canvas[:20], canvas[-20:], canvas[:, :20], canvas[:, -20:])
        assert all(edge.max() == 0 for edge in edges)
        assert canvas.max() == 255


def test_nothing_is_told_by_colour_on_the_plates() -> None:
    strip = make_strip()
    grey = np.repeat(strip.pictures[..., :1], 3, axis=3)
    parts = {name: getattr(strip, name) for name in Strip.__dataclass_fields__} | {"pictures": grey}
    for canvas in (plots.curve(curves_of(3), Strip(**parts)), plots.continuum(Strip(**parts))):
        assert np.array_equal(canvas[..., 0], canvas[..., 2])


@given(wanted=st.lists(st.floats(-500, 2500), min_size=1, max_size=9).map(sorted))
def test_labels_keep_apart(wanted: list[float]) -> None:
    placed = plots._spread(wanted, 100, 0, 2000)
    assert all(later - earlier >= 99.999 for earlier, later in pairwise(placed))
    assert placed[-1] <= 2000 and placed[0] >= 0


@given(
    count=st.integers(2, 60),
    data=st.data(),
)
def test_sheet_keeps_the_border_pair_together(count: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, count - 2))
    t = np.linspace(0, 1, count)
    same = np.arange(count) > low
    pictures = np.zeros((count, 4, 4, 3), np.uint8)
    distances, measured = np.where(same, 0.5, 0.7), np.ones(count, bool)
    strip = Strip(pictures, t, distances, measured, "dlib", 0.6, (low + 1, low))
    chosen = plots._chosen(strip, columns=5, count=20)
    assert chosen == sorted(set(chosen)) and len(chosen) <= 20
    at = chosen.index(low)
    assert chosen[at + 1] == low + 1
    if low != 0 or count > 2:
        assert at % 5 != 4
    assert len(chosen) >= min(count, 19) - 1


def test_difference_plate_lights_what_moved() -> None:
    same, other = face(0.5), face(0.5)
    other[20:30, 20:30] += 1
    canvas = plots.difference(same, other)
    lit, dark = canvas[560, 560], canvas[700, 900]
    assert lit.max() > 100 and lit.max() > lit.min()  # in its colours
    assert dark.max() < 60 and dark.max() == dark.min()


def test_difference_plate_says_how_much_is_identical(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Canvas, "text", lambda _, words, *more, **named: written.append(words))
    dark = np.zeros((8, 8, 3), np.uint8)
    other = dark.copy()
    other[0, 0] = 200
    plots.difference(dark, other)
    assert written[-1] == "98.4\u00a0% of the values are identical."


def test_long_text_is_shortened_to_its_room() -> None:
    words = shorten("anthropometry after Bertillon", 50, 400, 300)
    assert words.endswith("…") and text_width(words, 50) <= 300
    assert shorten("dlib", 50, 400, 300) == "dlib"
