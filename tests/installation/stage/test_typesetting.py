"""Line breaks."""

import subprocess
import sys

from installation.stage.typesetting import wrap
from tests.conftest import REPO


def test_lines_break_evenly_and_long_words_stay_whole() -> None:
    words = "one two three four five six seven eight nine ten"
    lines = wrap(words, 40, 400, 500)
    assert " ".join(lines) == words
    assert len(lines[-1]) > 0.5 * len(lines[0])
    assert wrap("a\nb", 40, 400, 500) == ("a", "b")
    assert wrap("incomprehensibilities of it", 40, 400, 100)[0] == "incomprehensibilities"


def test_the_smallest_type_is_set_too() -> None:
    """On a screen of 320x240. Apart, because it would take for ever."""
    widths = "[len(wrap('one two three', size, 400, width)) for size in range(1, 9) for width in range(90)]"
    command = f"from installation.stage.typesetting import wrap; assert set({widths}) == {{1, 2, 3}}"
    subprocess.run([sys.executable, "-c", command], cwd=REPO, check=True, timeout=60)
