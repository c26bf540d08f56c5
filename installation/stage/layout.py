"""The layout of a screen of any size: rectangles and type sizes in pixels.

A square for the face, as large as the screen allows, and a panel for text: below the face on upright and
square screens, else beside it. They never overlap. The smallest type is 1/36 of the screen's height.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from pygame import Rect

# The largest share of the screen that the face takes along the direction in which the panel follows it.
FACE_SHARE = 0.6
SMALLEST_TEXT = 1 / 36
# From this aspect ratio on, the panel stands beside the face.
WIDE = 1.2


@dataclass(frozen=True)
class Layout:
    """The layout of one screen. Type sizes are in pixels, as `fonts.font` takes them.

    face_share: the largest share of the height (stacked) or of the width (beside) for the face. stop_button:
    whether room is kept free for the stop button.
    """

    width_px: int
    height_px: int
    face_share: float = FACE_SHARE
    stop_button: bool = True

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
        """The smallest type size."""
        smallest = math.ceil(self.height_px * SMALLEST_TEXT)
        return max(smallest, self._type_px(34, 21, 18))

    @cached_property
    def body_px(self) -> int:
        """Type size of sentences."""
        return max(self.small_px, self._type_px(27, 17, 15))

    @cached_property
    def large_px(self) -> int:
        """Type size of headlines."""
        return round(1.5 * self.body_px)

    @cached_property
    def title_px(self) -> int:
        """Type size of a verdict, at most: smaller on nearly square screens, whose panel is low."""
        return max(self.large_px, min(round(2.2 * self.body_px), round(self.panel.height / 6.5)))

    @cached_property
    def stroke_px(self) -> int:
        """The width of a thin line."""
        return max(2, round(self.short_px / 480))

    @cached_property
    def face(self) -> Rect:
        """The square for the face."""
        if self.stacked:
            side = min(self.width_px, math.ceil(self.face_share * self.height_px))
            top = min(self.margin_px // 2, (self.height_px - side) // 4)
            return Rect((self.width_px - side) // 2, top, side, side)
        side = min(self.height_px, math.ceil(self.face_share * self.width_px))
        left = min(self.margin_px // 2, (self.width_px - side) // 4)
        return Rect(left, (self.height_px - side) // 2, side, side)

    @cached_property
    def panel(self) -> Rect:
        """The rectangle for text beside or below the face."""
        margin = self.margin_px
        if self.stacked:
            top = self.face.bottom + margin // 2
            return Rect(margin, top, self.width_px - 2 * margin, self.height_px - margin - top)
        left = self.face.right + margin // 2
        return Rect(left, margin, self.width_px - margin - left, self.height_px - 2 * margin)

    @cached_property
    def stop(self) -> Rect:
        """The stop button: the lower right corner of the panel; empty without `stop_button`."""
        if not self.stop_button:
            return Rect(self.panel.bottomright, (0, 0))
        width, height = 6 * self.small_px, round(1.9 * self.small_px)
        return Rect(self.panel.right - width, self.panel.bottom - height, width, height)

    @cached_property
    def clear(self) -> Rect:
        """The panel without the row of the stop button; a low panel without its column."""
        if not self.stop_button:
            return self.panel
        left, top, width, height = self.panel
        gap = self.small_px // 2
        if width > 2.5 * height:
            return Rect(left, top, self.stop.left - gap - left, height)
        return Rect(left, top, width, self.stop.top - gap - top)

    @cached_property
    def page(self) -> Rect:
        """The whole screen without its margins, for scenes without a face."""
        return Rect(0, 0, self.width_px, self.height_px).inflate(-2 * self.margin_px, -2 * self.margin_px)

    def _type_px(self, of_short: int, of_width: int, of_height: int) -> int:
        """The smallest of these fractions of the screen's short side, the panel's width and its height."""
        panel = self.panel
        return min(self.short_px // of_short, panel.width // of_width, panel.height // of_height)


def below(area: Rect, taken: Rect, gap_px: int) -> Rect:
    """What is left of `area` below `taken` and a gap."""
    top = taken.bottom + gap_px
    return Rect(area.left, top, area.width, max(area.bottom - top, 0))
