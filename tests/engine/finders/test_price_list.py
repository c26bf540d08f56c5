"""Which judge lets go next, and the way on which they do."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.finders.price_list import Judges, Stop, cheapest_first, way_through
from engine.inversion.projection import Place, median_face
from engine.stylegan2.network import Generator

NOWHERE = Place(torch.zeros(1, 1, 1))


def order_of(prices: dict[str, float]) -> tuple[list[str], list[float], int]:
    """The order, the stops' visible changes and the number of searches, where a set costs what its dearest
    judge does; an infinite price: it cannot be convinced."""
    asked: list[Judges] = []

    def find(judges: Judges) -> Stop | None:
        asked.append(judges)
        price = max(prices[name] for name in judges)
        return None if math.isinf(price) else Stop(NOWHERE, price)

    found = cheapest_first(list(prices), find)
    return [name for name, _ in found], [stop.visible_change for _, stop in found], len(asked)


def test_the_cheapest_lets_go_first_and_the_order_is_found() -> None:
    order, changes, searches = order_of({"a": 5.0, "b": 2.0, "c": 3.0, "d": 9.0})
    assert order == ["b", "c", "a", "d"] and changes == [2.0, 3.0, 5.0, 9.0]
    assert searches == 4 + 3  # each alone, then each next one with those before it


def test_judges_that_are_convinced_together_change_the_order() -> None:
    """Alone the second is the cheaper one, together with the first the third is."""
    costs = {"a": 1.0, "b": 2.0, "c": 3.0, "ab": 8.0, "ac": 4.0, "abc": 9.0}
    found = cheapest_first(["a", "b", "c"], lambda judges: Stop(NOWHERE, costs["".join(sorted(judges))]))
    assert [name for name, _ in found] == ["a", "c", "b"]


def test_the_list_ends_where_nobody_else_can_be_convinced() -> None:
    order, _, searches = order_of({"a": 1.0, "b": math.inf, "c": math.inf})
    assert order == ["a"] and searches == 3
    assert order_of({"a": math.inf})[0] == [] and order_of({})[0] == []


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=6))
def test_prices_never_fall_and_nobody_is_left_out(costs: list[float]) -> None:
    prices = {str(number): cost for number, cost in enumerate(costs)}
    order, changes, searches = order_of(prices)
    assert sorted(order) == sorted(prices) and changes == sorted(costs)
    assert searches <= len(costs) * (len(costs) + 1) / 2


@pytest.mark.parametrize("changes", [[3.0], [3.0, 4.0, 12.0], [3.5, 3.0, 12.0], [12.0, 12.0]])
def test_the_way_leads_through_every_stop_at_its_price(changes: list[float]) -> None:
    """The second stop makes the first one needless where it costs no more."""
    torch.manual_seed(2)
    generator = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
    generator.requires_grad_(False)
    match = median_face(generator)
    stops = [Stop(Place(torch.randn_like(match.latent)), change) for change in changes]
    way = way_through(generator, stops, match)
    assert torch.equal(way.place(1.0).latent, match.latent)
    assert torch.equal(way.place(0.0).latent, stops[-1].place.latent)
    kept = stops[1:] if changes[0] >= min(changes[1:], default=99) else stops
    for stop in kept:
        t = 1 - stop.visible_change / changes[-1]
        assert torch.allclose(way.place(t).latent, stop.place.latent, atol=1e-4)
    halfway = way.place(1 - kept[0].visible_change / changes[-1] / 2)
    assert torch.allclose(halfway.latent, (match.latent + kept[0].place.latent) / 2, atol=1e-4)
    assert np.array_equal(way.picture(1.0), way_through(generator, stops, match).picture(1.0))
