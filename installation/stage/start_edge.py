"""The side at which lines of a language begin: the left, or the right where it is read from there."""

from dataclasses import dataclass

from pygame import Rect

from installation.settings.texts import Texts
from installation.stage.canvas import Align


@dataclass(frozen=True)
class StartEdge:
    """Where lines begin between two x coordinates. is_rtl: at the right one, and they run to the left."""

    left: float
    right: float
    is_rtl: bool

    @property
    def align(self) -> Align:
        """How text is aligned that begins at `x`."""
        return Align.RIGHT if self.is_rtl else Align.LEFT

    @property
    def opposite_align(self) -> Align:
        """How text is aligned that ends at `end`."""
        return Align.LEFT if self.is_rtl else Align.RIGHT

    @property
    def end(self) -> float:
        """The x coordinate of the other side."""
        return self.left if self.is_rtl else self.right

    def x(self, offset_px: float = 0.0) -> float:
        """The x coordinate at `offset_px` from the edge."""
        return self.right - offset_px if self.is_rtl else self.left + offset_px

    def left_of(self, width_px: float, offset_px: float = 0.0) -> float:
        """The left end of what is `width_px` wide and begins at `offset_px` from the edge."""
        return self.x(offset_px) - (width_px if self.is_rtl else 0)


def start_edge(area: Rect, text: Texts) -> StartEdge:
    """Where lines in the language of `text` begin in `area`."""
    return StartEdge(area.left, area.right, text.direction == "rtl")
