"""The typeface of the installation, IBM Plex Sans, for Pillow (licence: typeface/README.md)."""

import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import uharfbuzz as hb
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


def is_plain(words: str) -> bool:
    """Whether Pillow sets a line rightly in this typeface alone, one sign after the other."""
    return _plain_signs().issuperset(words)


@cache
def _plain_signs() -> frozenset[str]:
    signs = map(chr, hb.Face(hb.Blob.from_file_path(FILE)).unicodes)
    return frozenset(sign for sign in signs if unicodedata.category(sign)[0] not in "MC")
