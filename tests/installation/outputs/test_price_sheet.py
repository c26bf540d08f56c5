"""The price list in one picture."""

import numpy as np
import pytest

from installation.outputs.price_sheet import PricedPicture, price_sheet
from installation.outputs.report import PriceVerdict
from tests.support.visit_record import face

JUDGES = ("dlib", "anthropometry", "a judge with a very long name indeed")


def priced(count: int, faceless: bool = False) -> list[PricedPicture]:
    """The match, then `count` prices; each time one more judge lets go."""
    return [
        PricedPicture(
            face(1 - number / 10),
            JUDGES[number - 1] if number else None,
            None if faceless and number else 3.7 * number,
            {name: PriceVerdict(distance=0.5, same=i >= number) for i, name in enumerate(JUDGES)},
        )
        for number in range(count + 1)
    ]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("still_know", [(), JUDGES])
def test_nothing_is_clipped_on_the_sheet(count: int, still_know: tuple[str, ...]) -> None:
    sheet = price_sheet(priced(count, faceless=count == 1), still_know)
    assert sheet.dtype == np.uint8 and sheet.shape[1] >= 2800
    assert all(edge.max() == 0 for edge in (sheet[:20], sheet[-20:], sheet[:, :20], sheet[:, -20:]))
    assert sheet.max() == 255


def test_nothing_is_told_by_colour_on_the_sheet() -> None:
    grey = [
        PricedPicture(np.repeat(each.picture[..., :1], 3, axis=2), each.lets_go, 1.0, each.verdicts)
        for each in priced(3)
    ]
    sheet = price_sheet(grey, JUDGES)
    assert np.array_equal(sheet[..., 0], sheet[..., 2])
