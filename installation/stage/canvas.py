"""The picture of one frame, and everything scenes draw with.

Ink is laid on by the maximum, so that it never darkens what is there; `light` in [0, 1] dims whatever is
drawn. Places are canvas pixels, x to the right and y down. Each frame keeps a list of what was drawn where,
by which tests see that nothing overlaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache, lru_cache
from typing import Any

import cv2
import numpy as np
import pygame
from numpy.typing import NDArray
from pygame import Rect

from engine.common.arrays import Pixels
from installation.stage.layout import Layout
from installation.stage.typesetting import LEADING, Colour, fit, height_px, ink, text_width

WHITE: Colour = (255, 255, 255)

# cv2 draws between pixels when positions carry this many fractional bits.
_FRACTION_BITS = 4
_ONE = 1 << _FRACTION_BITS


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
    """One thing of this frame and the rectangle it takes; `size_px` is that of type."""

    kind: ItemKind
    rect: Rect
    words: str = ""
    size_px: int = 0


@dataclass(frozen=True)
class TextBlock:
    """A paragraph of a column. `after` is the space below it, in sizes of its type."""

    words: str
    size_px: int
    weight: int = 400
    colour: Colour = WHITE
    light: float = 1.0
    after: float = 0.5


class Canvas:
    """A frame of `width_px` by `height_px`, drawn anew by one scene each time.

    pixels: uint8 (height, width, 4), RGB and one without meaning. surface: the same memory for pygame.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        self.layout = Layout(width_px, height_px)
        self.pixels: Pixels = np.zeros((height_px, width_px, 4), np.uint8)
        self.surface = pygame.image.frombuffer(self.pixels.data, (width_px, height_px), "RGBX")
        self.drawn_items: list[DrawnItem] = []
        self.truncated_texts: list[str] = []  # texts of this frame that are too long for their place
        # Pictures as they stand on the screen, of this frame and the last one: nothing older is kept.
        self._enlarged: dict[tuple[object, ...], tuple[Pixels, Pixels]] = {}
        self._used: set[tuple[object, ...]] = set()
        # Made now, not in the first frame that needs them.
        _melting(self.layout.face.size)
        _noise(self.layout.face.size)

    def clear(self) -> None:
        """Begins a frame: all black."""
        self.pixels.fill(0)
        self.drawn_items.clear()
        self.truncated_texts.clear()
        self._enlarged = {key: kept for key, kept in self._enlarged.items() if key in self._used}
        self._used.clear()

    def dim(self, light: float) -> None:
        """Makes the whole frame darker, to the share `light` of what it is."""
        if light < 1:
            cv2.convertScaleAbs(self.pixels, dst=self.pixels, alpha=light)

    # --- pictures ---------------------------------------------------------------------------------------

    def picture(self, picture: Pixels, rect: Rect, light: float = 1.0, melt: bool = True) -> None:
        """A picture, uint8 (H, W, 3) RGB of the rectangle's shape, enlarged; its edges melt into the black.

        It is enlarged once for as long as it is drawn in every frame: the array must not change meanwhile.
        """
        where = picture.__array_interface__["data"][0], picture.strides
        key = (*where, picture.shape, rect.size, melt)
        if key not in self._enlarged:
            self._enlarged[key] = picture, _enlarge(picture, rect.size, melt)
        self._used.add(key)
        self._lay_in(self._enlarged[key][1], rect, light)
        self.drawn_items.append(DrawnItem(ItemKind.PICTURE, rect.copy()))

    def glow(self, small: NDArray[np.uint16], rect: Rect) -> None:
        """A soft light of 16-bit grey, uint16 (h, w), enlarged, and dithered, or its steps would show."""
        large = cv2.resize(small, rect.size, interpolation=cv2.INTER_CUBIC)
        grey = cv2.convertScaleAbs(cv2.add(large, _noise(rect.size)), alpha=1 / 256, beta=-0.5)
        self._lay_on(_as_rgbx(grey), rect.topleft, 1.0)

    def qr_code(self, modules: NDArray[np.bool_], rect: Rect, quiet: int, ground: int, light: float) -> None:
        """A code of square modules, bool (N, N), True is dark, on a light field that fills `rect`.

        Modules are whole pixels; `quiet` modules around them stay empty at least.
        """
        count = len(modules) + 2 * quiet
        module_px = min(rect.size) // count
        field = np.full((rect.height, rect.width), ground, np.uint8)
        side = len(modules) * module_px
        left, top = (rect.width - side) // 2, (rect.height - side) // 2
        dark = np.kron(modules, np.ones((module_px, module_px), bool))
        field[top : top + side, left : left + side][dark] = 0
        self._lay_in(_as_rgbx(field), rect, light)
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
        """One line; `at` is the left end, middle or right end of its baseline. Returns where it is."""
        if not words:
            return Rect(round(at[0]), round(at[1]), 0, 0)
        shift = align.value * text_width(words, size_px, weight)
        shades, left, top = ink(words, size_px, weight, colour)
        corner = round(at[0] - shift) + left, round(at[1]) + top
        rect = self._lay_on(shades, corner, light)
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
        """A number that changes, sign by sign: the typeface's figures are all of one width.

        What it says is remembered nowhere.
        """
        widths = [text_width(sign, size_px, weight) for sign in words]
        x = at[0] - align.value * sum(widths)
        began = len(self.drawn_items)
        for sign, width in zip(words, widths, strict=True):
            if sign != " ":
                self.text(sign, (x, at[1]), size_px, weight, colour, light)
            x += width
        rects = [one.rect for one in self.drawn_items[began:]]
        del self.drawn_items[began:]
        if rects:
            self.drawn_items.append(DrawnItem(ItemKind.TEXT, rects[0].unionall(rects[1:]), "", size_px))

    def column(
        self, blocks: Sequence[TextBlock], rect: Rect, anchor: Anchor = Anchor.TOP, align: Align = Align.LEFT
    ) -> Rect:
        """Paragraphs one below the other in `rect`, from its top, in its middle or down to its bottom.

        Where they are too high, their type is made smaller, down to the screen's smallest; what is then still
        too much ends in an ellipsis. Returns the part of `rect` that they take.
        """
        blocks = [block for block in blocks if block.words]
        paragraphs = tuple((each.words, each.size_px, each.weight, each.after) for each in blocks)
        fitted, whole = fit(paragraphs, rect.size, self.layout.small_px)
        if not whole:
            self.truncated_texts += [each.words for each in blocks]
        top = rect.top + anchor.value * max(rect.height - height_px(fitted), 0)
        x = {Align.LEFT: rect.left, Align.MIDDLE: rect.centerx, Align.RIGHT: rect.right}[align]
        y = top
        for block, (lines, size, after) in zip(blocks, fitted, strict=False):
            for line in lines:
                # Capitals stand in the middle of their line.
                baseline = y + (0.5 * LEADING + 0.35) * size
                self.text(line, (x, baseline), size, block.weight, block.colour, block.light, align)
                y += LEADING * size
            y += after * size
        return Rect(rect.left, round(top), rect.width, round(height_px(fitted)))

    # --- signs and lines --------------------------------------------------------------------------------

    def disc(
        self, centre: tuple[float, float], radius_px: float, colour: Colour = WHITE, light: float = 1.0
    ) -> None:
        """A full circle."""
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
        """The outline of an ellipse, or a share of it, clockwise from the top. Covers what is beneath."""
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
        """An unbroken line through `points`. Covers what is beneath."""
        fixed = np.round(np.asarray(points, float) * _ONE).astype(np.int32)
        cv2.polylines(
            self.pixels, [fixed], False, _dimmed(colour, light), max(round(width_px), 1), cv2.LINE_AA,
            _FRACTION_BITS,
        )  # fmt: skip

    def verdict_sign(
        self,
        centre: tuple[float, float],
        radius_px: float,
        same: bool,
        colour: Colour = WHITE,
        light: float = 1.0,
    ) -> None:
        """The verdict as a sign: a full disc for the same person, a ring, black inside, for someone else."""
        if same:
            self.disc(centre, radius_px, colour, light)
            return
        stroke_px = max(2, round(radius_px / 3.5))
        self.disc(centre, radius_px, (0, 0, 0))
        self.arc(centre, (radius_px - stroke_px / 2,) * 2, stroke_px, colour, light)

    def fill(self, rect: Rect, colour: Colour = WHITE, light: float = 1.0) -> None:
        """A full rectangle."""
        inside = rect.clip(Rect(0, 0, *self.pixels.shape[1::-1]))
        self.pixels[inside.top : inside.bottom, inside.left : inside.right] = _dimmed(colour, light)

    def outline(self, rect: Rect, width_px: int, colour: Colour = WHITE, light: float = 1.0) -> None:
        """The border of a rectangle, inside it."""
        for side in (
            Rect(rect.left, rect.top, rect.width, width_px),
            Rect(rect.left, rect.bottom - width_px, rect.width, width_px),
            Rect(rect.left, rect.top, width_px, rect.height),
            Rect(rect.right - width_px, rect.top, width_px, rect.height),
        ):
            self.fill(side, colour, light)

    def button(self, rect: Rect, words: str, size_px: int, colour: Colour, light: float = 1.0) -> None:
        """A place to touch: a thin frame with a line of words in its middle."""
        self.outline(rect, self.layout.stroke_px, colour, 0.7 * light)
        self.text(
            words, (rect.centerx, rect.centery + 0.35 * size_px), size_px, 400, colour, light, Align.MIDDLE
        )
        self.drawn_items.append(DrawnItem(ItemKind.BUTTON, rect.copy()))

    # --- how ink gets onto the canvas -------------------------------------------------------------------

    def _lay_in(self, shades: Pixels, rect: Rect, light: float) -> None:
        """Replaces what is in `rect`, as far as it is on the canvas, by `shades`, uint8 (h, w, 4)."""
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

    def _lay_on(self, shades: Pixels, corner: tuple[int, int], light: float) -> Rect:
        """Lays `shades`, uint8 (h, w, 4), on by the maximum; returns where they are."""
        rect = Rect(corner, shades.shape[1::-1])
        inside = rect.clip(Rect(0, 0, *self.pixels.shape[1::-1]))
        if inside.width and inside.height and light > 0:
            region = self.pixels[inside.top : inside.bottom, inside.left : inside.right]
            x, y = inside.left - rect.left, inside.top - rect.top
            part = shades[y : y + inside.height, x : x + inside.width]
            np.maximum(region, part if light >= 1 else cv2.convertScaleAbs(part, alpha=light), out=region)
        return rect


def _dimmed(colour: Colour, light: float) -> tuple[int, int, int, int]:
    light = min(max(light, 0.0), 1.0)
    return round(colour[0] * light), round(colour[1] * light), round(colour[2] * light), 0


def _fixed(at: tuple[float, float]) -> tuple[int, int]:
    return round(at[0] * _ONE), round(at[1] * _ONE)


def _enlarge(picture: Pixels, size: tuple[int, int], melt: bool) -> Pixels:
    """uint8 (H, W, 3) -> uint8 (h, w, 4)."""
    padded = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
    if (picture.shape[1], picture.shape[0]) != size:
        padded = cv2.resize(padded, size, interpolation=_interpolation(size[0] / picture.shape[1]))
    return np.asarray(cv2.multiply(padded, _melting(size), scale=1 / 255) if melt else padded, np.uint8)


def _interpolation(scale: float) -> int:
    """Bicubic up, linear a little down, by areas far down."""
    if scale > 1:
        return cv2.INTER_CUBIC
    return cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA


@lru_cache(maxsize=8)
def _melting(size: tuple[int, int]) -> Pixels:
    """How much of a picture is left at each place, uint8 (h, w, 4): all inside, nothing at its edge."""
    shade = cv2.resize(_melting_square(), size, interpolation=cv2.INTER_LINEAR)
    return _as_rgbx(shade)


def _as_rgbx(grey: NDArray[Any]) -> Pixels:
    """uint8 (h, w) -> (h, w, 4)."""
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGBA), np.uint8)


@cache
def _melting_square(side: int = 540) -> Pixels:
    y, x = np.mgrid[-1 : 1 : complex(0, side), -1 : 1 : complex(0, side)]
    # Between an ellipse and the square: the face stays whole, the corners go.
    outwards = (np.abs(x) ** 3 + np.abs(y) ** 3) ** (1 / 3)
    left = np.clip((1 - outwards) / 0.3, 0, 1)
    return np.rint(255 * left * left * (3 - 2 * left)).astype(np.uint8)


@lru_cache(maxsize=2)
def _noise(size: tuple[int, int]) -> NDArray[np.uint16]:
    """Less than one step of 8-bit grey, uint16 (h, w)."""
    return np.random.default_rng(0).integers(0, 256, size[::-1], np.uint16)
