"""Composed pictures, and which renders are held out."""

from pathlib import Path

import torch

from training.nobody.compose import COMPOSITION_DIMS, compose, compose_as_photographed
from training.nobody.dataset import held_out, load_cutouts


def test_grounds_differ_and_faces_stay(renders: Path) -> None:
    _, cutouts = load_cutouts(renders, 64)
    same_person = cutouts[:1].expand(16, -1, -1, -1)
    pictures = compose_as_photographed(same_person, torch.Generator().manual_seed(0))
    assert pictures.shape == (16, 3, 64, 64) and pictures.abs().max() <= 1
    corner, nose = (
        pictures[:, :, :4, :4].mean(dim=(1, 2, 3)),
        pictures[:, :, 36:40, 30:34].mean(dim=(1, 2, 3)),
    )
    assert corner.std() > 2 * nose.std()
    again = compose_as_photographed(same_person, torch.Generator().manual_seed(0))
    assert torch.equal(pictures, again)


def test_compose_mirrors_where_its_draw_says_so(renders: Path) -> None:
    _, cutouts = load_cutouts(renders, 32)
    draw = torch.zeros(4, COMPOSITION_DIMS)
    draw[:, 6], mirrored = 1e-9, draw.clone()
    draw[:, 11], mirrored[:, 11] = 1, -1
    torch.testing.assert_close(compose(cutouts[:4], draw).flip(3), compose(cutouts[:4], mirrored))


def test_who_is_held_out_does_not_depend_on_who_else_there_is() -> None:
    names = [f"{i:06d}_0" for i in range(20000, 22000)]
    assert 60 < held_out(names).sum() < 140
    assert (held_out(names[::3]) == held_out(names)[::3]).all()


def test_all_pictures_of_a_person_are_held_out_or_none() -> None:
    firsts = [f"{seed}_0" for seed in range(200_000, 200_300)]
    for number in (1, 2):
        others = [name.replace("_0", f"_{number}") for name in firsts]
        assert (held_out(others) == held_out(firsts)).all()
