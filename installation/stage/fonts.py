"""The one typeface of the installation, IBM Plex Sans (SIL Open Font License, see typeface/README.md)."""

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FILE = Path(__file__).parent / "typeface" / "IBMPlexSans-Variable.ttf"


@lru_cache(maxsize=64)
def font(size_px: int, weight: int = 400) -> ImageFont.FreeTypeFont:
    """The typeface at `size_px` pixels a line and a weight from 100 (thin) to 700 (bold).

    The same object is handed out again for the same arguments: do not set its axes.
    """
    typeface = ImageFont.truetype(FILE, size_px)
    typeface.set_variation_by_axes([weight, 100])
    return typeface
