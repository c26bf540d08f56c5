"""Right-to-left and mixed text, by the Unicode Bidirectional Algorithm (UAX #9) of python-bidi."""

from dataclasses import dataclass
from functools import lru_cache
from unicodedata import bidirectional

from bidi import get_display

_RTL_SHARE = 0.4
_LTR_MARK, _RTL_MARK = "\u200e", "\u200f"
# Invisible letters of each direction.
_MARK_OF = {"L": _LTR_MARK, "R": _RTL_MARK, "AL": "\u061c", "": ""}

# Variation selectors, in two blocks: each takes the direction of the character before it.
_HIGH = range(0xFE00, 0xFE10)
_LOW = range(0xE0100, 0xE01F0)


@dataclass(frozen=True)
class Run:
    """A part of a line, characters `start` to `end` in logical order, that is read in one direction."""

    start: int
    end: int
    is_rtl: bool


@lru_cache(maxsize=2048)
def is_rtl(paragraph: str) -> bool:
    """Whether a paragraph begins at the right: where at least `_RTL_SHARE` of its words are read from there.

    A direction mark (U+200E, U+200F) at its beginning decides.
    """
    if paragraph[:1] in (_LTR_MARK, _RTL_MARK):
        return paragraph[0] == _RTL_MARK
    directions = [found for word in paragraph.split() if (found := _first_direction(word))]
    return sum(each != "L" for each in directions) >= _RTL_SHARE * max(len(directions), 1)


def with_direction(lines: list[str]) -> list[str]:
    """The lines of one paragraph with invisible marks, so that each is ordered as it is in the whole."""
    paragraph = " ".join(lines)
    if all(bidirectional(sign) not in ("R", "AL") for sign in paragraph):
        return lines
    begin = _RTL_MARK if is_rtl(paragraph) else _LTR_MARK
    marked = []
    for number, line in enumerate(lines):
        before = _MARK_OF[_first_direction(" ".join(lines[:number])[::-1])]
        after = _MARK_OF[_first_direction(" ".join(lines[number + 1 :]))]
        marked.append(f"{begin}{before}{line}{after}")
    return marked


def visual_runs(line: str, base_rtl: bool) -> list[Run]:
    """The runs of a line from left to right. `base_rtl`: whether its paragraph begins at the right.

    A line of more characters than there are marks, some thousand, is one run.
    """
    if len(line) > len(_HIGH) * len(_LOW):
        return [Run(0, len(line), base_rtl)]
    # python-bidi returns the reordered text, not where each character went. So each is given its number, as
    # two marks behind it: they come back in the other order where it is read from right to left.
    signs = _with_whole_numbers(line)
    marked = "".join(_without_mark(sign) + _as_marks(number) for number, sign in enumerate(signs))
    shown = get_display(marked, base_dir="R" if base_rtl else "L")
    runs: list[Run] = []
    for number, right_to_left in _numbers(shown):
        last = runs[-1] if runs else None
        if last and last.is_rtl and right_to_left and number == last.start - 1:
            runs[-1] = Run(number, last.end, True)
        elif last and not last.is_rtl and not right_to_left and number == last.end:
            runs[-1] = Run(last.start, number + 1, False)
        else:
            runs.append(Run(number, number + 1, right_to_left))
    return runs


def _first_direction(words: str) -> str:
    """The class of the first letter that has a direction: L, R or AL (Arabic); empty where there is none."""
    return next((found for sign in words if (found := bidirectional(sign)) in ("L", "R", "AL")), "")


def _with_whole_numbers(line: str) -> str:
    """The line with the separators inside numbers, as in 12.5, replaced by a digit.

    A separator holds a number together only where it stands alone, which with marks behind it it would not.
    """
    classes = [bidirectional(sign) for sign in line]
    signs, after_arabic = list(line), False
    for at in range(1, len(line) - 1):
        if classes[at - 1] in ("L", "R", "AL"):
            after_arabic = classes[at - 1] == "AL"
        holds = classes[at] == "CS" or (classes[at] == "ES" and classes[at - 1] == "EN" and not after_arabic)
        if holds and classes[at - 1] == classes[at + 1] and classes[at - 1] in ("EN", "AN"):
            signs[at] = line[at - 1]
    return "".join(signs)


def _without_mark(sign: str) -> str:
    return "\u0301" if ord(sign) in _HIGH or ord(sign) in _LOW else sign


def _as_marks(number: int) -> str:
    high, low = divmod(number, len(_LOW))
    return chr(_HIGH[high]) + chr(_LOW[low])


def _numbers(shown: str) -> list[tuple[int, bool]]:
    """The characters' numbers from left to right, and whether each is read from right to left."""
    marks = [code for code in map(ord, shown) if code in _HIGH or code in _LOW]
    found = []
    for first, second in zip(marks[::2], marks[1::2], strict=True):
        high, low = (first, second) if first in _HIGH else (second, first)
        found.append((_HIGH.index(high) * len(_LOW) + _LOW.index(low), first in _LOW))
    return found
