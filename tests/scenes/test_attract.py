"""The invitation."""

import re
from typing import Any

from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage.canvas import Canvas, ItemKind
from installation.visit.state import Show
from tests.support.scene_checks import UPRIGHT
from tests.support.scene_views import play


def test_the_invitation_says_what_wakes_the_piece(values: Registry) -> None:
    """In ink, and larger than what is said while nothing does."""
    canvas = Canvas(*UPRIGHT)

    def sizes(**changes: Any) -> dict[str, int]:
        play(canvas, Phase.ATTRACT, 6.0, values, **changes)
        return {each.words: each.size_px for each in canvas.drawn_items if each.kind is ItemKind.TEXT}

    asked = sizes()
    assert "Touch the screen" in " ".join(asked) and "press Yes" in " ".join(asked)
    invitation = next(size for words, size in asked.items() if "Touch" in words)
    resting = sizes(camera_failed=True).items()
    assert invitation > 1.4 * next(size for words, size in resting if "rest" in words)
    for closed in (sizes(show=Show(is_open=False)), sizes(show=Show(is_open=False), camera_failed=True)):
        assert any("Closed" in words for words in closed)
        assert not any(re.search("Touch|press|rest", words) for words in closed)
