"""The only drawing surface: scenes, the film, the plots and the card are drawn with it.

Text and the idle glow are combined with what is there by the maximum of each channel, so they never darken
it; pictures and shapes replace it. `light`, 0 to 1, scales the brightness of whatever is drawn. Coordinates
are canvas pixels, x to the right and y down, and may be fractions. The canvas keeps a list of what was drawn
where, with which tests check that nothing overlaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

import cv2
import numpy as np
import pygame
from numpy.typing import NDArray
from pygame import Rect

from engine.common.arrays import Pixels
from installation.stage.layout import Layout
from installation.stage.shades import as_rgbx, dashes, edge_mask, noise, scaled
from installation.stage.typesetting import Colour, fit, height_px, leading, render_line, text_width
from installation.typography.direction import is_rtl
from installation.typography.families import written_language

WHITE: Colour = (255, 255, 255)

# cv2 draws between pixels when positions carry this many fractional bits.
_FRACTION_BITS = 4
_ONE = 1 << _FRACTION_BITS


def grey(level: int) -> Colour:
    """A neutral colour; `level` from 0, black, to 255, white."""
    return level, level, level


class Align(Enum):
    """Which point of a line of text its x coordinate names; the value is that point's share of the width."""

    LEFT = 0.0
    MIDDLE = 0.5
    RIGHT = 1.0


class Anchor(Enum):
    """Where text stands in a taller rectangle; the value is the share of the free height above it."""

    TOP = 0.0
    MIDDLE = 0.5
    BOTTOM = 1.0


class ItemKind(StrEnum):
    """The kind of a drawn item."""

    TEXT = "text"
    PICTURE = "picture"
    QR_CODE = "QR code"
    BUTTON = "button"


@dataclass(frozen=True)
class DrawnItem:
    """An item of this frame and its bounding rectangle; words and their type size where it is text."""

    kind: ItemKind
    rect: Rect
    words: str = ""
    size_px: int = 0


@dataclass(frozen=True)
class TextBlock:
    """A paragraph of a column. after: the space below it, as a multiple of its type size."""

    words: str
    size_px: int
    weight: int = 400
    colour: Colour = WHITE
    light: float = 1.0
    after: float = 0.5


class Canvas:
    """A black frame of `width_px` by `height_px` to draw on; `clear` begins the next frame.

    pixels: uint8 (height, width, 4), RGB and an unused fourth channel. surface: the same memory as a pygame
    surface. language: of the words, a BCP 47 code: it decides on the form of Chinese characters.
    drawn_items: what was drawn, in order. truncated_texts: texts that did not fit into their place.
    picture_light: scales the brightness of pictures of faces, 0 to 1.
    """

    def __init__(self, width_px: int, height_px: int, layout: Layout | None = None) -> None:
        self.layout = layout or Layout(width_px, height_px)
        self.pixels: Pixels = np.zeros((height_px, width_px, 4), np.uint8)
        self.surface = pygame.image.frombuffer(self.pixels.data, (width_px, height_px), "RGBX")
        self.language = ""
        self.drawn_items: list[DrawnItem] = []
        self.truncated_texts: list[str] = []
        self.picture_light = 1.0
        # Scaled pictures of this frame and the one before; nothing older is kept.
        self._scaled: dict[tuple[object, ...], tuple[Pixels, Pixels]] = {}
        self._used: set[tuple[object, ...]] = set()
        # Computed now, so that the first frame is not late.
        edge_mask(self.layout.face.size)
        noise(self.layout.face.size)

    def clear(self) -> None:
        """Begins a frame: everything black."""
        self.pixels.fill(0)
        self.drawn_items.clear()
        self.truncated_texts.clear()
        self._scaled = {key: kept for key, kept in self._scaled.items() if key in self._used}
        self._used.clear()

    def dim(self, light: float) -> None:
        """Scales the brightness of the whole frame by `light`, 0 to 1."""
        if light < 1:
            cv2.convertScaleAbs(self.pixels, dst=self.pixels, alpha=light)

    @property
    def rgb(self) -> Pixels:
        """A copy of the frame, uint8 (height, width, 3) RGB."""
        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGBA2RGB), np.uint8)

    # --- pictures ---------------------------------------------------------------------------------------

    def picture(
        self,
        picture: Pixels,
        rect: Rect,
        light: float = 1.0,
        fade_edges: bool = True,
        antialias: bool = False,
    ) -> None:
        """Draws a picture, uint8 (H, W, 3) RGB of the rectangle's aspect ratio, scaled to `rect`.

        fade_edges: its edges and corners fade to black. antialias: shrink by area averaging at any scale,
        which is slower: for pictures that are drawn once. The scaled picture is kept for as long as it is
        drawn in every frame, so the array must not change meanwhile.
        """
        where = picture.__array_interface__["data"][0], picture.strides
        key = (*where, picture.shape, rect.size, fade_edges, antialias)
        if key not in self._scaled:
            self._scaled[key] = picture, scaled(picture, rect.size, fade_edges, antialias)
        self._used.add(key)
        self._replace(self._scaled[key][1], rect, light * self.picture_light)
        self.drawn_items.append(DrawnItem(ItemKind.PICTURE, rect.copy()))

    def glow(self, small: NDArray[np.uint16], rect: Rect) -> None:
        """Draws a soft light, 16-bit grey uint16 (h, w), enlarged to `rect` and dithered to 8 bits."""
        large = cv2.resize(small, rect.size, interpolation=cv2.INTER_CUBIC)
        grey = cv2.convertScaleAbs(cv2.add(large, noise(rect.size)), alpha=1 / 256, beta=-0.5)
        self._lighten(as_rgbx(grey), rect.topleft, 1.0)

    def qr_code(self, modules: NDArray[np.bool_], rect: Rect, quiet: int, ground: int, light: float) -> None:
        """Draws a QR code, bool (N, N) with True for dark modules, on a grey field that fills `rect`.

        A module is a whole number of pixels; at least `quiet` modules around the code stay light.
        """
        count = len(modules) + 2 * quiet
        module_px = min(rect.size) // count
        field = np.full((rect.height, rect.width), ground, np.uint8)
        side = len(modules) * module_px
        left, top = (rect.width - side) // 2, (rect.height - side) // 2
        dark = np.kron(modules, np.ones((module_px, module_px), bool))
        field[top : top + side, left : left + side][dark] = 0
        self._replace(as_rgbx(field), rect, light)
        self.drawn_items.append(DrawnItem(ItemKind.QR_CODE, rect.copy()))

    # --- words ------------------------------------------------------------------------------------------

    def text(
        self,
        words: str,
        at: tuple[float, float],
        size_px: int,
        weight: int = 400,
        colour: Colour = WHITE,
        light: float = 1.0,
        align: Align = Align.LEFT,
    ) -> Rect:
        """Draws one line; `at` is the point of its baseline that `align` names. Returns its rectangle."""
        return self._line(words, self.language, at, size_px, weight, colour, light, align)

    def _line(
        self,
        words: str,
        language: str,
        at: tuple[float, float],
        size_px: int,
        weight: int,
        colour: Colour,
        light: float,
        align: Align,
    ) -> Rect:
        if not words:
            return Rect(round(at[0]), round(at[1]), 0, 0)
        shift = align.value * text_width(words, size_px, weight)
        shades, left, top = render_line(words, size_px, weight, colour, language, is_rtl(words))
        corner = round(at[0] - shift) + left, round(at[1]) + top
        rect = self._lighten(shades, corner, light)
        if light > 0:
            self.drawn_items.append(
                DrawnItem(ItemKind.TEXT, Rect(corner, shades.shape[1::-1]), words, size_px)
            )
        return rect

    def changing_number(
        self,
        words: str,
        at: tuple[float, float],
        size_px: int,
        weight: int = 400,
        colour: Colour = WHITE,
        light: float = 1.0,
        align: Align = Align.LEFT,
    ) -> None:
        """Draws a number character by character; the typeface's figures all have the same width.

        So that no number derived from a face stays in a cache or in `drawn_items`.
        """
        widths = [text_width(sign, size_px, weight) for sign in words]
        x = at[0] - align.value * sum(widths)
        began = len(self.drawn_items)
        for sign, width in zip(words, widths, strict=True):
            if sign != " ":
                self.text(sign, (x, at[1]), size_px, weight, colour, light)
            x += width
        rects = [item.rect for item in self.drawn_items[began:]]
        del self.drawn_items[began:]
        if rects:
            self.drawn_items.append(DrawnItem(ItemKind.TEXT, rects[0].unionall(rects[1:]), "", size_px))

    def column(
        self, blocks: Sequence[TextBlock], rect: Rect, anchor: Anchor = Anchor.TOP, align: Align = Align.LEFT
    ) -> Rect:
        """Draws paragraphs one below the other in `rect`, at its top, middle or bottom.

        Where they are too high, their type size is reduced, down to the layout's smallest; what still does
        not fit ends in an ellipsis and is noted in `truncated_texts`. A paragraph that is read from right to
        left stands at the other side of `rect` than `align` says. Returns the part of `rect` they take.
        """
        blocks = [block for block in blocks if block.words]
        paragraphs = tuple((each.words, each.size_px, each.weight, each.after) for each in blocks)
        fitted, whole = fit(paragraphs, rect.size, self.layout.small_px)
        if not whole:
            self.truncated_texts += [each.words for each in blocks]
        top = rect.top + anchor.value * max(rect.height - height_px(fitted), 0)
        edges = {Align.LEFT: rect.left, Align.MIDDLE: rect.centerx, Align.RIGHT: rect.right}
        y = top
        for block, (lines, size, after) in zip(blocks, fitted, strict=False):
            apart, language = leading(lines), written_language(block.words, self.language)
            for line in lines:
                side = _mirrored(align) if is_rtl(line) else align
                # Capitals stand in the middle of their line.
                at = edges[side], y + (0.5 * apart + 0.35) * size
                self._line(line, language, at, size, block.weight, block.colour, block.light, side)
                y += apart * size
            y += after * size
        return Rect(rect.left, round(top), rect.width, round(height_px(fitted)))

    # --- signs and shapes --------------------------------------------------------------------------------

    def disc(
        self, centre: tuple[float, float], radius_px: float, colour: Colour = WHITE, light: float = 1.0
    ) -> None:
        """Draws a filled circle."""
        cv2.circle(
            self.pixels, _fixed(centre), max(round(radius_px * _ONE), 1), _dimmed(colour, light), -1,
            cv2.LINE_AA, _FRACTION_BITS,
        )  # fmt: skip

    def arc(
        self,
        centre: tuple[float, float],
        radii_px: tuple[float, float],
        width_px: float,
        colour: Colour = WHITE,
        light: float = 1.0,
        share: float = 1.0,
        start_deg: float = -90.0,
    ) -> None:
        """Draws the outline of an ellipse, or the first `share` of it, clockwise from `start_deg`."""
        if share <= 0:
            return
        angles = np.radians(start_deg + 360 * min(share, 1.0) * np.linspace(0, 1, 97))
        points = np.stack([np.cos(angles) * radii_px[0], np.sin(angles) * radii_px[1]], axis=1) + centre
        self.polyline(points.tolist(), width_px, colour, light)

    def polyline(
        self,
        points: Sequence[tuple[float, float]],
        width_px: float,
        colour: Colour = WHITE,
        light: float = 1.0,
    ) -> None:
        """Draws an unbroken line through `points`."""
        self._polylines([np.asarray(points, float)], width_px, _dimmed(colour, light))

    def dashed_polyline(
        self,
        points: Sequence[tuple[float, float]],
        pattern_px: Sequence[float],
        width_px: float,
        colour: Colour = WHITE,
    ) -> None:
        """Draws a line through `points` that alternates dash and gap with the lengths of `pattern_px`."""
        self._polylines(dashes(np.asarray(points, float), pattern_px), width_px, _dimmed(colour, 1.0))

    def _polylines(
        self, polylines: Sequence[NDArray[np.float64]], width_px: float, colour: tuple[int, int, int, int]
    ) -> None:
        fixed = [np.round(points * _ONE).astype(np.int32) for points in polylines]
        cv2.polylines(self.pixels, fixed, False, colour, max(round(width_px), 1), cv2.LINE_AA, _FRACTION_BITS)

    def verdict_sign(
        self,
        centre: tuple[float, float],
        radius_px: float,
        same: bool,
        colour: Colour = WHITE,
        light: float = 1.0,
    ) -> None:
        """Draws a verdict: a full disc for the same person, a ring, black inside, for someone else."""
        if same:
            self.disc(centre, radius_px, colour, light)
            return
        stroke_px = max(2, round(radius_px / 3.5))
        self.disc(centre, radius_px, (0, 0, 0))
        self.arc(centre, (radius_px - stroke_px / 2,) * 2, stroke_px, colour, light)

    def fill(self, rect: Rect, colour: Colour = WHITE, light: float = 1.0) -> None:
        """Draws a filled rectangle."""
        inside = rect.clip(Rect(0, 0, *self.pixels.shape[1::-1]))
        self.pixels[inside.top : inside.bottom, inside.left : inside.right] = _dimmed(colour, light)

    def outline(self, rect: Rect, width_px: int, colour: Colour = WHITE, light: float = 1.0) -> None:
        """Draws the outline of a rectangle, inside it."""
        for side in (
            Rect(rect.left, rect.top, rect.width, width_px),
            Rect(rect.left, rect.bottom - width_px, rect.width, width_px),
            Rect(rect.left, rect.top, width_px, rect.height),
            Rect(rect.right - width_px, rect.top, width_px, rect.height),
        ):
            self.fill(side, colour, light)

    def button(self, rect: Rect, words: str, size_px: int, colour: Colour, light: float = 1.0) -> None:
        """Draws a touch button: a thin outline with a line of text in its middle."""
        self.outline(rect, self.layout.stroke_px, colour, 0.7 * light)
        self.text(
            words, (rect.centerx, rect.centery + 0.35 * size_px), size_px, 400, colour, light, Align.MIDDLE
        )
        self.drawn_items.append(DrawnItem(ItemKind.BUTTON, rect.copy()))

    # --- compositing -------------------------------------------------------------------

    def _replace(self, shades: Pixels, rect: Rect, light: float) -> None:
        """Replaces the pixels of `rect`, clipped to the canvas, with `shades`, uint8 (h, w, 4)."""
        inside = rect.clip(Rect(0, 0, *self.pixels.shape[1::-1]))
        if not inside.size or light <= 0:
            return
        region = self.pixels[inside.top : inside.bottom, inside.left : inside.right]
        x, y = inside.left - rect.left, inside.top - rect.top
        part = shades[y : y + inside.height, x : x + inside.width]
        if light >= 1:
            np.copyto(region, part)
        else:
            cv2.convertScaleAbs(part, region, alpha=light)

    def _lighten(self, shades: Pixels, corner: tuple[int, int], light: float) -> Rect:
        """Combines `shades`, uint8 (h, w, 4), with the canvas by the maximum; returns their rectangle."""
        rect = Rect(corner, shades.shape[1::-1])
        inside = rect.clip(Rect(0, 0, *self.pixels.shape[1::-1]))
        if inside.width and inside.height and light > 0:
            region = self.pixels[inside.top : inside.bottom, inside.left : inside.right]
            x, y = inside.left - rect.left, inside.top - rect.top
            part = shades[y : y + inside.height, x : x + inside.width]
            np.maximum(region, part if light >= 1 else cv2.convertScaleAbs(part, alpha=light), out=region)
        return rect


def _mirrored(align: Align) -> Align:
    return Align(1 - align.value)


def _dimmed(colour: Colour, light: float) -> tuple[int, int, int, int]:
    light = min(max(light, 0.0), 1.0)
    return round(colour[0] * light), round(colour[1] * light), round(colour[2] * light), 0


def _fixed(at: tuple[float, float]) -> tuple[int, int]:
    return round(at[0] * _ONE), round(at[1] * _ONE)
