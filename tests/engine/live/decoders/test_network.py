"""The layouts: their size, their shapes, and where the project's own begins."""

import torch

from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.network import SIDES, TwoDecoders


def parameters(name: str) -> float:
    """In millions."""
    with torch.device("meta"):
        network = TwoDecoders(LAYOUTS[name])
    return sum(each.numel() for each in network.parameters() if each.requires_grad) / 1e6


def test_the_layouts_of_2017_have_their_size() -> None:
    assert abs(parameters("published") - 82.1) < 0.1
    # The dense layer of half the width leaves out half of the weights on both sides of it.
    assert abs(parameters("published") - parameters("low-memory") - 512 * 2 * 4 * 4 * 1024 / 1e6) < 0.1
    assert parameters("thin") < 10


def test_every_layout_answers_in_the_size_that_it_sees() -> None:
    for layout in LAYOUTS.values():
        with torch.device("meta"):
            network = TwoDecoders(layout)
            pictures = torch.zeros(2, 3, layout.side_px, layout.side_px)
        drawn = network(pictures, "a", "b")
        assert drawn.shape == (2, 4 if layout.mask else 3, layout.side_px, layout.side_px)


def test_the_own_layout_begins_with_the_mean_picture_of_its_person() -> None:
    layout = LAYOUTS["thin"]
    network = TwoDecoders(layout)
    means = {side: torch.rand(4, layout.side_px, layout.side_px) for side in SIDES}
    for side in SIDES:
        network.set_mean(side, means[side])
    seen = torch.rand(1, 3, layout.side_px, layout.side_px)
    for side in SIDES:
        assert torch.equal(network(seen, "a", side)[0], means[side])
