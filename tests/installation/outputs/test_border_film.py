"""The film of the border, frame by frame, on drawn faces."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from engine.border import strip_builder
from engine.border.continuum import Continuum
from engine.border.strip import Strip
from engine.border.tracing import Sample, trace
from engine.common.arrays import Pixels
from engine.inversion.projection import Place, median_face
from engine.judges.registry import panel
from engine.stylegan2.network import Generator
from installation.outputs import plots
from installation.outputs.films import border_film, scene_film
from installation.settings.texts import FALLBACK, Texts, languages
from installation.stage.canvas import Canvas, DrawnItem, ItemKind
from installation.stage.scene import scene_of
from installation.stage.theme import StageParameters
from installation.stage.view import ShownPicture
from tests.support.judge_kit import verdict
from tests.support.visit_record import make_result, make_strip

ENGLISH = Texts.load(FALLBACK)


@dataclass
class Shot:
    """One frame of a film, and what the scene says of it."""

    at_s: float
    frame: Pixels
    shown: Sequence[ShownPicture]
    items: Sequence[DrawnItem]
    truncated: Sequence[str]


def play(strip: Strip, text: Texts | None = None, fps: int = 10, synthetic: bool = False) -> Iterator[Shot]:
    """The film frame by frame."""
    scene, canvas = scene_of("border")(), scene_film.film_canvas()
    frames = border_film.frames(
        make_result(strip, doppelganger=False), text, synthetic=synthetic, fps=fps, scene=scene, canvas=canvas
    )
    for number, frame in enumerate(frames):
        items, truncated = tuple(canvas.drawn_items), tuple(canvas.truncated_texts)
        yield Shot(number / fps, frame, tuple(scene.shown()), items, truncated)


def words_of(same: bool, text: Texts = ENGLISH) -> str:
    return text("verdict.same" if same else "verdict.other").upper()


def index_of(strip: Strip, shown: ShownPicture) -> int:
    (index,) = (i for i, picture in enumerate(strip.pictures) if np.shares_memory(picture, shown.picture))
    return index


def single(strip: Strip, fps: int = 10) -> list[tuple[Shot, int]]:
    """The frames with one picture and its verdict, and the picture's index."""
    return [(shot, index_of(strip, shot.shown[0])) for shot in play(strip, fps=fps) if len(shot.shown) == 1]


def test_every_frame_is_one_picture_with_its_own_verdict() -> None:
    """The very picture, never a blend; words and band belong to it."""
    strip = make_strip()
    face_rect = scene_film.film_canvas().layout.face
    expected: dict[int, Pixels] = {}
    bands: dict[int, Pixels] = {}
    shots = single(strip)
    flip_s = next(shot.at_s for shot, index in shots if not strip.same[index])
    for shot, index in shots:
        assert shot.frame.shape == (scene_film.HEIGHT_PX, scene_film.WIDTH_PX, 3)
        if index not in expected:
            canvas = scene_film.film_canvas()
            canvas.picture(strip.pictures[index], face_rect)
            expected[index] = canvas.rgb[: face_rect.bottom]
        is_lit = flip_s <= shot.at_s <= flip_s + 2.5  # by the flip's light, with the tone's caption below it
        if shot.at_s > StageParameters().ease_s and not is_lit:
            assert np.array_equal(shot.frame[: face_rect.bottom], expected[index])
        assert shot.shown[0].verdict == strip.verdict(index)
        verdicts = [item.words for item in shot.items if item.words in (words_of(True), words_of(False))]
        assert verdicts == [words_of(bool(strip.same[index]))]
        if shot.at_s > StageParameters().ease_s and not is_lit:  # words have come fully
            band = bands.setdefault(index, shot.frame[face_rect.bottom :])
            assert np.array_equal(band, shot.frame[face_rect.bottom :])
    assert strip.border is not None
    same, other = strip.border
    assert not np.array_equal(bands[same], bands[other])


def test_a_verdict_that_is_not_the_pictures_would_be_noticed() -> None:
    strip = make_strip()
    wrong = replace(strip, distances=strip.distances.copy())
    (shot, index) = single(strip)[0]
    wrong.distances[index] += 0.01
    assert shot.shown[0].verdict != wrong.verdict(index)


def test_two_pictures_beside_each_other_have_their_own_verdicts() -> None:
    strip = make_strip()
    pairs = [shot for shot in play(strip) if len(shot.shown) == 2]
    assert len(pairs) > 10 and strip.border is not None
    for shot in pairs:
        assert [index_of(strip, shown) for shown in shot.shown] == [len(strip.t) - 1, strip.border[1]]
        words = sorted(item.words for item in shot.items if item.words in (words_of(True), words_of(False)))
        assert words == sorted((words_of(True), words_of(False)))


def test_the_ride_goes_from_the_match_over_the_border_and_lingers_there() -> None:
    strip = make_strip(border_t=0.4, count=200)
    assert strip.border is not None
    t = strip.t[[index for _, index in single(strip, fps=20)]]
    same, other = strip.border
    assert t[0] == 1 and t[-1] == strip.t[other] and np.all(np.diff(t) <= 0)
    assert (np.abs(t - strip.t[same]) < 0.01).sum() > 3 * (np.abs(t - 0.7) < 0.05).sum()
    assert set(strip.t[[same, other]]) <= set(t)


@pytest.mark.parametrize("border_t", [None, 0.01, 0.4, 0.99])
def test_film_lasts_as_long_whatever_the_pictures(border_t: float | None) -> None:
    count = sum(1 for _ in border_film.frames(make_result(make_strip(border_t, 8)), fps=10))
    assert count / 10 == pytest.approx(border_film.DURATION_S, abs=0.1)
    assert 10 < border_film.DURATION_S < 20
    assert sum(1 for _ in border_film.frames(make_result(make_strip(border_t, 8)), fps=5, duration_s=4)) == 20


def test_border_below_the_match_may_run_either_way() -> None:
    rising = make_strip()
    assert rising.border is not None
    falling = replace(rising, distances=1.2 - rising.distances, border=rising.border[::-1])
    assert falling.border is not None
    indices = [index for _, index in single(falling)]
    assert indices[-1] == falling.border[1] and falling.border[0] in indices


def test_film_goes_dark_at_its_end() -> None:
    *_, last = play(make_strip())
    assert last.frame.max() < 40


def test_nobody_is_asked_to_act_on_a_film() -> None:
    """No stop button and no invitation to turn the head, which the same scene has on a screen."""
    for shot in play(make_strip(), fps=5):
        assert not any(item.kind is ItemKind.BUTTON for item in shot.items)
        assert not {ENGLISH("stop.stop"), ENGLISH("border.steer")} & {item.words for item in shot.items}


def test_a_synthetic_sitter_is_not_called_you() -> None:
    for synthetic in (False, True):
        shots = play(make_strip(), fps=5, synthetic=synthetic)
        read = [" ".join(item.words for item in shot.items) for shot in shots]  # sentences have several lines
        assert any(ENGLISH("border.end") in words for words in read) == (not synthetic)
        assert any(ENGLISH("border.end_nobody") in words for words in read) == synthetic


def test_a_judge_that_sees_no_face_beyond_the_border_leads_a_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last picture of someone else has no distance, and none is written below it."""
    torch.manual_seed(1)
    generator = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
    match = Place(torch.randn(1, generator.num_ws, 16))
    way = Continuum(generator, median_face(generator), match)
    (judge,) = panel(["anthropometry"])

    def sample(ts: Sequence[float]) -> list[Sample]:
        return [Sample(t, verdict(1.0 if t > 0.4 else math.inf, judge.threshold)) for t in ts]

    curve = trace(way.picture, sample, judge.threshold)
    strip = strip_builder.make_strip(way, judge, curve, sample, 12)
    assert strip.border is not None
    same, other = strip.border
    assert strip.measured[same] and not strip.measured[other] and np.isfinite(strip.distances).all()

    written = record_texts(monkeypatch)
    assert sum(1 for _ in border_film.frames(make_result(strip), fps=2)) > 20
    plots.continuum(strip)
    assert "1.0000" in written and not any("3.54" in words for words in written)


def record_texts(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every text and number that is drawn from now on."""
    written: set[str] = set()

    def note(name: str) -> None:
        draw = getattr(Canvas, name)

        def noted(canvas: Canvas, words: str, *more: Any, **named: Any) -> Any:
            written.add(words)
            return draw(canvas, words, *more, **named)

        monkeypatch.setattr(Canvas, name, noted)

    note("text")
    note("changing_number")
    return written


@pytest.mark.parametrize("border_t", [None, 0.4])
@pytest.mark.parametrize("language", languages())
def test_the_film_speaks_the_visitors_language_and_no_words_meet(
    language: str, border_t: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Texts.load(language)
    written = record_texts(monkeypatch)
    read: set[str] = set()
    for shot in play(make_strip(border_t, 8), text, fps=5):
        assert not shot.truncated
        texts = [item for item in shot.items if item.kind is ItemKind.TEXT]
        for item in texts:
            assert item.rect.left >= 20 and item.rect.right <= scene_film.WIDTH_PX - 20, item
            assert item.rect.bottom <= scene_film.HEIGHT_PX - 20, item
        pictures = [item for item in shot.items if item.kind is ItemKind.PICTURE]
        if len(pictures) == 1:  # while two part, words come before they stand still
            assert not any(pictures[0].rect.colliderect(item.rect) for item in texts)
        for one, other in combinations(texts, 2):
            assert not one.rect.colliderect(other.rect), (one, other)
            if one.rect.top < other.rect.centery < one.rect.bottom:
                gap = max(one.rect.left, other.rect.left) - min(one.rect.right, other.rect.right)
                assert gap >= 20, (one, other)
        read |= {item.words for item in shot.items}
    assert (
        text("verdict.other").upper() in read and text.number(0.8 if border_t is None else 0.3, 3) in written
    )
    if border_t is None:
        assert text("without.never") in read
    else:
        line = text("border.line", judge="dlib", threshold=text.number(0.6, 3))
        assert line in read and text("border.moved") in read and text("verdict.same").upper() in read
        assert text("border.end") in read
    if language != "en":
        english = {line.upper() for line in ENGLISH.lines.values()} - {text.number(0.8, 3)}
        assert not {words.upper() for words in read if words} & english
