"""The film of a visit: to and fro across the border, with the verdict live.

Every frame shows pictures of the filmstrip, enlarged, never a blend of two, and the words, the distance and
the needle belong to the very picture in that frame. The order of the shots:

1. from the median face to the closest match and back over the border, slower the nearer it is;
2. the last *same person* and the first *someone else* alternate in place, one a half second each;
3. they part and stand side by side;
4. they close again, the light goes out, and their difference is magnified.

Without a border there is the way to the match and back, and the words for it. The words are the visitor's.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.border.continuum import pace
from engine.border.strip import Strip
from installation.outputs import drawing
from installation.outputs.drawing import GREY, WHITE
from installation.settings.texts import FALLBACK, Texts

ENGLISH = Texts.load(FALLBACK)

WIDTH_PX, HEIGHT_PX = 1080, 1350
FPS = 30

# Seconds of each shot.
_HOLD_S = 0.6
_WAY_S = 4.8
_BACK_S = 2.2
_RETURN_S = 1.0
_ALTERNATE_S = 0.5
_ALTERNATIONS = 6
_PART_S = 0.8
_BESIDE_S = 2.0
_DIM_S = 0.4
_MAGNIFY_S = 1.4
_DIFFERENCE_S = 1.4

# How far from the border the ride back turns round, in t.
_OVERSHOOT_T = 0.25

_MARGIN_PX = 60
_GAP_PX = 24
_VERDICT_Y, _SCALE_Y, _CAPTION_Y = WIDTH_PX + 96, WIDTH_PX + 164, WIDTH_PX + 232


def frames(strip: Strip, fps: int = FPS, text: Texts = ENGLISH) -> Iterator[NDArray[np.uint8]]:
    """Compose the film, one uint8 (1350, 1080, 3) RGB frame after the other; `write_film` takes them."""
    scale = _scale(strip, text)
    riding = lru_cache(maxsize=4)(lambda index: _riding_frame(strip, index, scale, text))
    for index in schedule(strip, fps):
        yield riding(int(index))
    if strip.border is None:
        return

    same, other = (strip.pictures[i] for i in strip.border)
    parting = _smooth(np.arange(round(_PART_S * fps)) / round(_PART_S * fps))
    for apart in parting:
        yield _parted_frame(strip, float(apart), scale, text)
    beside = _parted_frame(strip, 1.0, scale, text)
    for _ in range(round(_BESIDE_S * fps)):
        yield beside
    for apart in parting[::-1]:
        yield _parted_frame(strip, float(apart), scale, text, words=0.0)
    face = drawing.blank(WIDTH_PX, HEIGHT_PX)
    drawing.place(face, same, 0, 0, WIDTH_PX)
    for light in np.linspace(1.0, 0.0, round(_DIM_S * fps)):
        yield (face * light).astype(np.uint8)

    factor = difference_factor(same, other)
    difference = drawing.enlarge(np.abs(same.astype(np.float32) - other), WIDTH_PX)
    apart_words = grey_levels_words(same, other, text)
    rising = factor ** _smooth(np.linspace(0.0, 1.0, round(_MAGNIFY_S * fps)))
    magnified = lru_cache(maxsize=1)(lambda gain: _difference_frame(difference, gain, apart_words, text))
    for gain in [*rising, *[float(factor)] * round(_DIFFERENCE_S * fps)]:
        yield magnified(float(gain))
    final = magnified(float(factor))
    for light in np.linspace(1.0, 0.0, round(_DIM_S * fps)):
        yield (final * light).astype(np.uint8)


def schedule(strip: Strip, fps: int = FPS) -> NDArray[np.intp]:
    """Which picture of the strip each frame of the first two shots shows: int (F,)."""
    border_t = strip.border_t
    if border_t is None:
        way = np.concatenate([_hold(0.0, _HOLD_S, fps), _ride(0.0, 1.0, None, _WAY_S, fps)])
        return strip.nearest(np.concatenate([way, _hold(1.0, _HOLD_S, fps), way[::-1]]))

    assert strip.border is not None
    turn_t = max(0.0, border_t - _OVERSHOOT_T)
    t = np.concatenate(
        [
            _hold(0.0, _HOLD_S, fps),
            _ride(0.0, 1.0, border_t, _WAY_S, fps),
            _hold(1.0, _HOLD_S, fps),
            _ride(1.0, turn_t, border_t, _BACK_S, fps),
            _ride(turn_t, border_t, border_t, _RETURN_S, fps),
        ]
    )
    same, other = strip.border
    near, far = (other, same) if strip.t[other] <= strip.t[same] else (same, other)
    alternation = np.repeat([near, far] * (_ALTERNATIONS // 2), round(_ALTERNATE_S * fps))
    return np.concatenate([strip.nearest(t), alternation])


def no_border_words(strip: Strip, text: Texts = ENGLISH) -> str:
    """The words for a way without a border."""
    return text(f"film.{strip.no_border_reason}", judge=text.judge(strip.judge))


def difference_factor(same: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """How many times the difference of two pictures is magnified: a power of two up to 128.

    The largest one at which all but 0.2 % of the values stay below white.
    """
    high = float(np.quantile(np.abs(same.astype(np.int16) - other), 0.998))
    return next((factor for factor in (128, 64, 32, 16, 8, 4, 2) if high * factor <= 255), 1)


def grey_levels_words(same: NDArray[np.uint8], other: NDArray[np.uint8], text: Texts = ENGLISH) -> str:
    """How far two pictures, uint8 (R, R, 3), are apart on average, in words."""
    mean = float(np.abs(same.astype(np.int16) - other).mean())
    return text("film.levels", levels=text.levels(mean))


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ease in and out: 0 to 1 with no speed at both ends."""
    return x * x * (3 - 2 * x)


def _ride(
    start_t: float, end_t: float, border_t: float | None, seconds: float, fps: int
) -> NDArray[np.float64]:
    grid, elapsed = pace(start_t, end_t, border_t)
    return np.interp(_smooth(np.linspace(0.0, 1.0, round(seconds * fps))), elapsed, grid)


def _hold(t: float, seconds: float, fps: int) -> NDArray[np.float64]:
    return np.full(round(seconds * fps), t)


def _riding_frame(strip: Strip, index: int, scale: NDArray[np.uint8], text: Texts) -> NDArray[np.uint8]:
    """One picture, its verdict and distance in large type, and the needle on the judge's scale."""
    frame = drawing.blank(WIDTH_PX, HEIGHT_PX)
    drawing.place(frame, strip.pictures[index], 0, 0, WIDTH_PX)
    _draw_verdict(frame, strip, index, scale, text)
    return frame


def _verdict_words(text: Texts, same: bool) -> str:
    return text("verdict.same" if same else "verdict.other").upper()


def _draw_verdict(
    frame: NDArray[np.uint8],
    strip: Strip,
    index: int,
    scale: NDArray[np.uint8],
    text: Texts,
    light: float = 1.0,
) -> None:
    frame[WIDTH_PX:] = scale if light == 1 else scale * light
    same, white = strip.verdict(index).same, WHITE * light
    drawing.mark(frame, (_MARGIN_PX + 20, _VERDICT_Y - 22), 20, same, white)
    drawing.write(frame, _verdict_words(text, same), (_MARGIN_PX + 64, _VERDICT_Y), 64, 600, white)
    if not strip.rests(index):
        figures = text.number(strip.verdict(index).distance, 3)
        figures = figures if strip.verdict(index).measured else f"≈ {figures}"
        drawing.write(frame, figures, (WIDTH_PX - _MARGIN_PX, _VERDICT_Y), 64, 300, white, "rs")
    drawing.mark(frame, (_scale_x(strip, strip.verdict(index).distance), _SCALE_Y), 13, same, white)


def _scale(strip: Strip, text: Texts) -> NDArray[np.uint8]:
    """The band under the picture, uint8 (270, 1080, 3), with the judge's scale, threshold and name."""
    band = drawing.blank(WIDTH_PX, HEIGHT_PX - WIDTH_PX)
    y, end_x, threshold_x = _SCALE_Y - WIDTH_PX, WIDTH_PX - _MARGIN_PX, _scale_x(strip, strip.threshold)
    drawing.line(band, [(_MARGIN_PX, y), (threshold_x, y)], 2, GREY)
    drawing.dashed_line(band, [(threshold_x, y), (end_x, y)], (6, 10), 2, GREY)
    drawing.line(band, [(threshold_x, y - 26), (threshold_x, y + 26)], 4, WHITE)
    caption = text("film.line", judge=text.judge(strip.judge), threshold=text.number(strip.threshold, 3))
    if strip.border is None:
        caption = no_border_words(strip, text)
    middle = (WIDTH_PX / 2, _CAPTION_Y - WIDTH_PX)
    drawing.write(band, caption, middle, 34, 400, GREY, "ms", end_x - _MARGIN_PX)
    return band


def _scale_x(strip: Strip, distance: float) -> float:
    """Where a distance lies on the scale, which starts at 0 and has the threshold in its middle if it can."""
    longest = max(2 * strip.threshold, 1.05 * float(np.max(strip.distances)))
    return _MARGIN_PX + max(distance, 0.0) / longest * (WIDTH_PX - 2 * _MARGIN_PX)


def _parted_frame(
    strip: Strip, apart: float, scale: NDArray[np.uint8], text: Texts, words: float = 1.0
) -> NDArray[np.uint8]:
    """The border pair between one upon the other (`apart` 0) and side by side (1); `words` is their light."""
    assert strip.border is not None
    frame = drawing.blank(WIDTH_PX, HEIGHT_PX)
    beside_px = (WIDTH_PX - _GAP_PX) // 2
    size = round(WIDTH_PX + (beside_px - WIDTH_PX) * apart)
    top = round(apart * (WIDTH_PX - beside_px) / 2)
    same, other = strip.border
    drawing.place(frame, strip.pictures[other], WIDTH_PX - size, top, size)
    drawing.place(frame, strip.pictures[same], 0, top, size)

    light = words * max(0.0, 2 * apart - 1)
    if light:
        for index, left in ((same, 0), (other, WIDTH_PX - beside_px)):
            _draw_caption(frame, strip, index, left, top + size + 64, beside_px, text, light)
        pair = (strip.pictures[same], strip.pictures[other])
        middle = (WIDTH_PX / 2, _CAPTION_Y)
        drawing.write(frame, grey_levels_words(*pair, text), middle, 34, 400, GREY * light, "ms")
    if words and apart < 0.5:
        _draw_verdict(frame, strip, same, scale, text, light=1 - 2 * apart)
    return frame


def _draw_caption(
    frame: NDArray[np.uint8],
    strip: Strip,
    index: int,
    left: int,
    y: float,
    width_px: int,
    text: Texts,
    light: float,
) -> None:
    same = strip.verdict(index).same
    drawing.mark(frame, (left + 28, y - 13), 12, same, WHITE * light)
    drawing.write(frame, _verdict_words(text, same), (left + 54, y), 34, 600, WHITE * light)
    if not strip.rests(index):
        figures = text.number(strip.verdict(index).distance, 4)
        drawing.write(frame, figures, (left + width_px - 16, y), 34, 300, WHITE * light, "rs")


def _difference_frame(
    difference: NDArray[np.float32], gain: float, caption: str, text: Texts
) -> NDArray[np.uint8]:
    """The enlarged difference, float32 (1080, 1080, 3) in grey levels, `gain` times brighter."""
    frame = drawing.blank(WIDTH_PX, HEIGHT_PX)
    frame[:WIDTH_PX] = np.clip(difference * gain, 0, 255)
    drawing.write(frame, text("border.difference").upper(), (_MARGIN_PX, _VERDICT_Y), 64, 600)
    drawing.write(frame, f"× {gain:.0f}", (WIDTH_PX - _MARGIN_PX, _VERDICT_Y), 64, 300, WHITE, "rs")
    drawing.write(frame, caption, (WIDTH_PX / 2, _CAPTION_Y), 34, 400, GREY, "ms")
    return frame
