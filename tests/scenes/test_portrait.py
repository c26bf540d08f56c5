"""The mirror."""

from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from scenes.widgets.mirror import window_for


@settings(max_examples=100)
@examples(
    st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.02, 0.5), st.booleans(),
    st.sampled_from([(1280, 720), (720, 1280), (640, 480)]),
)  # fmt: skip
def test_the_mirror_stays_in_the_picture_and_holds_the_face(
    x: float, y: float, size: float, close: bool, frame: tuple[int, int]
) -> None:
    width, height = frame
    box = (x, y, min(x + size, 1.0), min(y + size, 1.0))
    window = window_for(width, height, box, close)
    assert window.side <= min(width, height)
    assert window.side / 2 <= window.x <= width - window.side / 2
    left, top, right, bottom = window.shares(box, width, height)
    middle = (left + right) / 2, (top + bottom) / 2
    assert all(0 <= each <= 1 for each in middle)
