"""Typesetting: widths of text, line breaks, fitting paragraphs into a rectangle, and rendered lines.

Results are cached by text, so numbers derived from a face must not pass through here whole: see
`Canvas.changing_number`.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from engine.common.arrays import Pixels
from installation.typography import shaping
from installation.typography.direction import is_rtl, with_direction
from installation.typography.plex import font, is_plain
from installation.typography.segmentation import clusters, pieces, words_with_spaces

Colour = tuple[int, int, int]

_MEASURED_PX = 200
LEADING = 1.26  # from baseline to baseline, as a multiple of the type size
# Scripts with marks above each other take more; the most that lines of one text are set apart.
_WIDEST_LEADING = 1.6


def text_width(words: str, size_px: int, weight: int = 400) -> float:
    """The width of one line in pixels."""
    return _em_width(words, weight) * size_px


@lru_cache(maxsize=4096)
def _em_width(words: str, weight: int) -> float:
    """The width of a line as a multiple of its type size: typefaces scale evenly."""
    if is_plain(words):
        return font(_MEASURED_PX, weight).getlength(words) / _MEASURED_PX
    return shaping.shape(words, weight, base_rtl=is_rtl(words)).width_em


def leading(lines: tuple[str, ...]) -> float:
    """From baseline to baseline of these lines, as a multiple of the type size."""
    asked = max((shaping.height_em(line) for line in lines if not is_plain(line)), default=0.0)
    return max(LEADING, min(asked, _WIDEST_LEADING))


def fitting_size(words: tuple[str, ...], largest_px: int, weight: int, width_px: float) -> int:
    """The largest size up to `largest_px` at which each of `words` fits into one line."""
    widest = max(text_width(each, largest_px, weight) for each in words)
    return largest_px if widest <= width_px else int(largest_px * width_px / widest)


def shorten(words: str, size_px: int, weight: int, width_px: float) -> str:
    """`words`, or as much of their beginning as fits into `width_px` together with an ellipsis."""
    if text_width(words, size_px, weight) <= width_px:
        return words
    while words and text_width(words + "…", size_px, weight) > width_px:
        words = words[: -len(clusters(words)[-1])]
    return words.rstrip() + "…"


@lru_cache(maxsize=256)
def wrap(words: str, size_px: int, weight: int, width_px: int) -> tuple[str, ...]:
    """The lines of a text: as few as possible, of even length. Its own line breaks and long words stay.

    No line ends at a no-break space; spaces of a width of their own, such as U+3000, keep it inside a line.
    Lines of right-to-left text carry invisible marks of their direction.
    """
    lines: list[str] = []
    for part in words.split("\n"):
        best = _greedy(part, size_px, weight, width_px)
        narrow, wide = width_px // 2, width_px
        while wide - narrow > max(size_px // 8, 1):
            middle = (narrow + wide) // 2
            tried = _greedy(part, size_px, weight, middle)
            if len(tried) == len(best):
                best, wide = tried, middle
            else:
                narrow = middle
        lines += with_direction(best)
    return tuple(lines)


def _greedy(words: str, size_px: int, weight: int, width_px: float) -> list[str]:
    lines: list[str] = []
    room = 0.0
    for space, word in words_with_spaces(words):
        for number, piece in enumerate(_pieces(word, size_px, weight, width_px)):
            before = "" if number else space
            before_px = text_width(before, size_px, weight)
            width = text_width(piece, size_px, weight)
            if lines and width + before_px <= room:
                lines[-1] += f"{before}{piece}"
                room -= width + before_px
            else:
                # Of the space between two lines nothing stays; the paragraph's indentation does.
                indented = piece if lines else f"{before}{piece}"
                room = width_px - text_width(indented, size_px, weight)
                lines.append(indented)
    return lines or [""]


def _pieces(word: str, size_px: int, weight: int, width_px: float) -> list[str]:
    """The parts of a word that stay in one line: phrases, or the parts of a phrase that is too long."""
    parts: list[str] = []
    for phrase in pieces(word):
        fits_in = text_width(phrase, size_px, weight) <= width_px
        parts += (phrase,) if fits_in else pieces(phrase, within_phrases=True)
    return parts


Paragraph = tuple[str, int, int, float]
"""Words, size in pixels, weight, and the space below as a multiple of the size."""
SetParagraph = tuple[tuple[str, ...], int, float]
"""Lines, size in pixels, and the space below as a multiple of the size."""


@lru_cache(maxsize=128)
def fit(
    paragraphs: tuple[Paragraph, ...], size: tuple[int, int], smallest_px: int
) -> tuple[tuple[SetParagraph, ...], bool]:
    """Sets paragraphs into `size`, (width, height), with smaller type where needed, down to `smallest_px`.

    What still does not fit ends in an ellipsis, and paragraphs after it are left out. Returns the set
    paragraphs, and whether everything fits.
    """
    for percent in range(100, 35, -4):
        scaled = tuple(
            (words, max(round(size_px * percent / 100), min(smallest_px, size_px)), weight, after)
            for words, size_px, weight, after in paragraphs
        )
        done = tuple(
            (wrap(words, size_px, weight, size[0]), size_px, after)
            for words, size_px, weight, after in scaled
        )
        if height_px(done) <= size[1] and _widest_word(scaled) <= size[0]:
            return done, True
    return _cut(done, size[1]), False


def fits(words: str, size_px: int, weight: int, size: tuple[int, int]) -> bool:
    """Whether a paragraph fits into `size`, (width, height), at this type size."""
    return fit(((words, size_px, weight, 0.0),), size, size_px)[1]


def height_px(paragraphs: tuple[SetParagraph, ...]) -> float:
    """The height of paragraphs together, without the space below the last one."""
    lines = sum(len(lines) * leading(lines) * size_px for lines, size_px, _ in paragraphs)
    return lines + sum(after * size_px for _, size_px, after in paragraphs[:-1])


def _cut(paragraphs: tuple[SetParagraph, ...], highest_px: int) -> tuple[SetParagraph, ...]:
    kept: tuple[SetParagraph, ...] = ()
    for lines, size_px, after in paragraphs:
        for count in range(len(lines), 0, -1):
            some = lines if count == len(lines) else (*lines[: count - 1], lines[count - 1] + " …")
            longer = (*kept, (some, size_px, after))
            if height_px(longer) <= highest_px:
                kept = longer
                break
        if not kept or len(kept[-1][0]) < len(lines):
            break
    return kept


def _widest_word(paragraphs: tuple[Paragraph, ...]) -> float:
    return max(
        (
            text_width(part, size_px, weight)
            for words, size_px, weight, _ in paragraphs
            for _, word in words_with_spaces(words)
            for part in pieces(word, within_phrases=True)
        ),
        default=0.0,
    )


@lru_cache(maxsize=256)
def render_line(
    words: str, size_px: int, weight: int, colour: Colour, language: str = "", rtl: bool = False
) -> tuple[Pixels, int, int]:
    """A line of text on black, uint8 (h, w, 4), and its upper left corner from the baseline's left end.

    language: of the words, a BCP 47 code: it decides on the form of Chinese characters. rtl: whether the
    line's paragraph begins at the right.
    """
    mask, left, top = (
        _plain_mask(words, size_px, weight)
        if is_plain(words) and not rtl
        else shaping.draw(shaping.shape(words, weight, language, rtl), size_px, weight)
    )
    shades = np.asarray(mask, np.float32)[..., None] * (np.array([*colour, 0], np.float32) / 255)
    return np.rint(shades).astype(np.uint8), left, top


def _plain_mask(words: str, size_px: int, weight: int) -> tuple[Pixels, int, int]:
    typeface = font(size_px, weight)
    left, top, right, bottom = (round(edge) for edge in typeface.getbbox(words, anchor="ls"))
    mask = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), words, fill=255, font=typeface, anchor="ls")
    return np.asarray(mask), left - 1, top - 1
