"""The layout of any screen."""

from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from pygame import Rect

from installation.stage.layout import Layout


@settings(max_examples=200)
@examples(st.integers(480, 5000), st.floats(0.4, 2.6))
def test_layout_of_any_screen(width: int, aspect: float) -> None:
    layout = Layout(width, round(width / aspect))
    screen = Rect(0, 0, layout.width_px, layout.height_px)
    assert screen.contains(layout.face) and screen.contains(layout.panel) and screen.contains(layout.page)
    assert not layout.face.colliderect(layout.panel)
    assert layout.face.width == layout.face.height >= 0.6 * layout.short_px
    assert layout.height_px / 36 <= layout.small_px <= layout.body_px <= layout.large_px <= layout.title_px
