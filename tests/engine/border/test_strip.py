"""The strip: its places on the continuum, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.border.continuum import filmstrip
from engine.border.strip import Strip
from tests.support.visit_record import make_strip


@given(border_t=st.one_of(st.none(), st.floats(0, 1)), count=st.integers(2, 200))
def test_strip_t_spans_the_way_in_order(border_t: float | None, count: int) -> None:
    t = filmstrip(border_t, count)
    assert len(t) == count and t[0] == 0 and t[-1] == 1
    assert np.all(np.diff(t) > 0)


def test_strip_that_contradicts_itself_is_refused() -> None:
    strip = make_strip()
    parts = {name: getattr(strip, name) for name in Strip.__dataclass_fields__}
    assert strip.border is not None
    for change in (
        {"t": strip.t[::-1]},
        {"t": strip.t[1:]},
        {"border": strip.border[::-1]},
        {"measured": np.zeros(len(strip.t), bool)},
        {"pictures": strip.pictures.astype(float)},
    ):
        with pytest.raises(ValueError):
            Strip(**{**parts, **change})
