"""Where things are on a screen of any size: rectangles in pixels, from its width and height alone.

A square for the face, as large as the screen allows, and a panel for words: below it on upright and square
screens, else beside it. They never overlap. Nothing is written smaller than 1/45 of the screen's height (the
size of the type).
"""

import math
from dataclasses import dataclass
from functools import cached_property

from pygame import Rect

# Of the longer way, the share that the face takes at most; the panel has the rest.
FACE_SHARE = 0.62
SMALLEST_TEXT = 1 / 45
# From this aspect on the panel stands beside the face.
WIDE = 1.2


@dataclass(frozen=True)
class Layout:
    """The places on one screen. Sizes of type are in pixels, as `fonts.font` takes them."""

    width_px: int
    height_px: int

    @property
    def short_px(self) -> int:
        """The screen's short side."""
        return min(self.width_px, self.height_px)

    @property
    def stacked(self) -> bool:
        """Whether the panel is below the face, not beside it."""
        return self.width_px < WIDE * self.height_px

    @cached_property
    def margin_px(self) -> int:
        return round(0.055 * self.short_px)

    @cached_property
    def small_px(self) -> int:
        """The smallest type."""
        smallest = math.ceil(self.height_px * SMALLEST_TEXT)
        return max(smallest, self._type_px(34, 21, 18))

    @cached_property
    def body_px(self) -> int:
        """Type of sentences."""
        return max(self.small_px, self._type_px(27, 17, 15))

    @cached_property
    def large_px(self) -> int:
        """Type of what is read first."""
        return round(1.5 * self.body_px)

    @cached_property
    def title_px(self) -> int:
        """Type of a verdict; it is made smaller where the words are too long."""
        return round(2.2 * self.body_px)

    @cached_property
    def stroke_px(self) -> int:
        """The width of a thin line."""
        return max(2, round(self.short_px / 480))

    @cached_property
    def face(self) -> Rect:
        """The square for the face."""
        if self.stacked:
            side = min(self.width_px, round(FACE_SHARE * self.height_px))
            top = min(self.margin_px // 2, (self.height_px - side) // 4)
            return Rect((self.width_px - side) // 2, top, side, side)
        side = min(self.height_px, round(FACE_SHARE * self.width_px))
        left = min(self.margin_px // 2, (self.width_px - side) // 4)
        return Rect(left, (self.height_px - side) // 2, side, side)

    @cached_property
    def panel(self) -> Rect:
        """Where words go while there is a face."""
        margin = self.margin_px
        if self.stacked:
            top = self.face.bottom + margin // 2
            return Rect(margin, top, self.width_px - 2 * margin, self.height_px - margin - top)
        left = self.face.right + margin // 2
        return Rect(left, margin, self.width_px - margin - left, self.height_px - 2 * margin)

    @cached_property
    def stop(self) -> Rect:
        """The field that ends a visit: the lower right corner of the panel."""
        width, height = 6 * self.small_px, round(1.9 * self.small_px)
        return Rect(self.panel.right - width, self.panel.bottom - height, width, height)

    @cached_property
    def clear(self) -> Rect:
        """The panel without the row of *stop*; where it is low, without its column."""
        left, top, width, height = self.panel
        gap = self.small_px // 2
        if width > 3 * height:
            return Rect(left, top, self.stop.left - gap - left, height)
        return Rect(left, top, width, self.stop.top - gap - top)

    @cached_property
    def page(self) -> Rect:
        """The whole screen but its margins, for scenes without a face."""
        return Rect(0, 0, self.width_px, self.height_px).inflate(-2 * self.margin_px, -2 * self.margin_px)

    def _type_px(self, of_short: int, of_width: int, of_height: int) -> int:
        """A share of the screen's short side, if the panel has room for lines of that size."""
        panel = self.panel
        return min(self.short_px // of_short, panel.width // of_width, panel.height // of_height)
