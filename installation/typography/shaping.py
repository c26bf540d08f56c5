"""A line of text as glyphs with their positions, and as a picture. By HarfBuzz."""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from unicodedata import category

import numpy as np
import uharfbuzz as hb
from numpy.typing import NDArray

from installation.typography.direction import Run, visual_runs
from installation.typography.families import PLEX, Family, family_of, harfbuzz_font, written_language
from installation.typography.segmentation import clusters

# Stands for a cluster that no typeface sets; whoever sets a text is told first (`coverage`).
REPLACEMENT = "\ufffd"


@dataclass(frozen=True)
class Glyph:
    """A glyph of a typeface; x_em, y_em: its origin from the line's left end on the baseline, y upwards."""

    family: Family
    glyph_id: int
    x_em: float
    y_em: float


@dataclass(frozen=True)
class ShapedLine:
    """The glyphs of one line in no particular order; lengths are multiples of the type size."""

    glyphs: tuple[Glyph, ...]
    width_em: float


@lru_cache(maxsize=2048)
def shape(line: str, weight: int, language: str = "", base_rtl: bool = False) -> ShapedLine:
    """Sets one line. language: of the words, a BCP 47 code. base_rtl: its paragraph begins at the right."""
    language = written_language(line, language)
    line, families = _families(line, language)
    glyphs: list[Glyph] = []
    x_em = 0.0
    for run in visual_runs(line, base_rtl):
        for part in _of_one_family(run, families):
            placed, x_em = _shape_run(line, part, families[part.start], weight, language, x_em)
            glyphs += placed
    return ShapedLine(tuple(glyphs), x_em)


def draw(shaped: ShapedLine, size_px: int, weight: int) -> tuple[NDArray[np.uint8], int, int]:
    """The coverage of a line, uint8 (h, w), and its upper left corner from the baseline's left end."""
    raster = hb.RasterDraw()
    for glyph in shaped.glyphs:
        font = harfbuzz_font(glyph.family, weight)
        scale = size_px / font.face.upem
        raster.transform = (scale, 0, 0, scale, glyph.x_em * size_px, glyph.y_em * size_px)
        raster.draw_glyph(font, glyph.glyph_id)
    image = raster.render()
    extents = image.extents if image else None
    if image is None or extents is None or not extents.width or not extents.height:
        return np.zeros((1, 1), np.uint8), 0, 0
    rows = np.frombuffer(image.buffer, np.uint8).reshape(extents.height, extents.stride)
    return rows[::-1, : extents.width], extents.x_origin, -(extents.y_origin + extents.height)


@lru_cache(maxsize=1024)
def height_em(line: str) -> float:
    """The height that the typefaces of a line ask for, from baseline to baseline, without IBM Plex Sans."""
    _, families = _families(line, "")
    return max((_height_em(family) for family in set(families) - {PLEX}), default=0.0)


def _families(line: str, language: str) -> tuple[str, list[Family]]:
    """The line with what no typeface sets replaced, and the typeface of each of its characters."""
    words, families = "", []
    for cluster in clusters("".join(" " if category(sign) == "Cc" else sign for sign in line)):
        family = family_of(cluster, language)
        words += cluster if family else REPLACEMENT
        families += [family] * len(cluster) if family else [PLEX]
    return words, families


def _of_one_family(run: Run, families: list[Family]) -> list[Run]:
    """The parts of a run that one typeface sets, from left to right."""
    groups = [list(group) for _, group in groupby(range(run.start, run.end), key=lambda at: families[at])]
    parts = [Run(group[0], group[-1] + 1, run.is_rtl) for group in groups]
    return parts[::-1] if run.is_rtl else parts


def _shape_run(
    line: str, run: Run, family: Family, weight: int, language: str, x_em: float
) -> tuple[list[Glyph], float]:
    """The glyphs of a run that begins at `x_em`, and where it ends."""
    buffer = hb.Buffer()
    # With the whole line as context, so that letters join across runs.
    buffer.add_str(line, run.start, run.end - run.start)
    buffer.direction = "rtl" if run.is_rtl else "ltr"
    buffer.guess_segment_properties()
    if language:
        buffer.language = language
    font = harfbuzz_font(family, weight)
    hb.shape(font, buffer)
    em, glyphs = font.face.upem, []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        at = x_em + position.x_offset / em, position.y_offset / em
        glyphs.append(Glyph(family, info.codepoint, *at))
        x_em += position.x_advance / em
    return glyphs, x_em


@cache
def _height_em(family: Family) -> float:
    font = harfbuzz_font(family, 400)
    extents = font.get_font_extents("ltr")
    return (extents.ascender - extents.descender + extents.line_gap) / font.face.upem
