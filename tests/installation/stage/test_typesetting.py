"""Line breaks."""

import subprocess
import sys

import pytest

from installation.stage.typesetting import fit, wrap
from tests.conftest import REPO


def test_lines_break_evenly_and_long_words_stay_whole() -> None:
    words = "one two three four five six seven eight nine ten"
    lines = wrap(words, 40, 400, 500)
    assert " ".join(lines) == words
    assert len(lines[-1]) > 0.5 * len(lines[0])
    assert wrap("a\nb", 40, 400, 500) == ("a", "b")
    assert wrap("incomprehensibilities of it", 40, 400, 100)[0] == "incomprehensibilities"


@pytest.mark.parametrize(
    "whole",
    [
        "personne\u00a0?",
        "«\u00a0Oui\u00a0»",
        "12\u202f345",
        "1\u2007234",
        "10\u00a0%",
        "\u00a0a",
        "顔\u00a0か",
        "a\u2060b",
    ],
    ids=ascii,
)
def test_no_line_ends_at_a_no_break_space(whole: str) -> None:
    for width_px in range(1, 600, 37):
        lines = wrap(f"il n'y a {whole} ici", 30, 400, width_px)
        assert any(whole in line for line in lines), (width_px, lines)
    assert wrap(f"il y a {whole}", 30, 400, 10)[-1] == whole


def test_spaces_keep_their_width() -> None:
    """Those of one line: between two lines there is none, and ordinary ones count once."""
    for space in "\u2003\u2009\u205f\u3000":
        words = f"a{space}b{space}{space}c"
        assert wrap(words, 30, 400, 900) == (words,), ascii(space)
        assert wrap(words, 30, 400, 10) == ("a", "b", "c"), ascii(space)
    assert wrap("\u3000機械は\u3000顔を", 30, 400, 900) == ("\u3000機械は\u3000顔を",)
    assert wrap(" a \t b\u2028c ", 30, 400, 900) == ("a b c",)
    assert wrap("\u3000 ", 30, 400, 900) == wrap(" ", 30, 400, 900) == ("",)
    # A word that no-break spaces hold together counts as one where type is made smaller for the longest word.
    (lines, size_px, _), *_ = fit((("a\u00a0long\u00a0word", 60, 400, 0.0),), (150, 300), 10)[0]
    assert lines == ("a\u00a0long\u00a0word",) and size_px < 60


def test_the_smallest_type_is_set_too() -> None:
    """On a screen of 320x240. Apart, because it would take for ever."""
    widths = "[len(wrap('one two three', size, 400, width)) for size in range(1, 9) for width in range(90)]"
    command = f"from installation.stage.typesetting import wrap; assert set({widths}) == {{1, 2, 3}}"
    subprocess.run([sys.executable, "-c", command], cwd=REPO, check=True, timeout=60)
