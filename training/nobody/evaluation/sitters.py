"""Who is portrayed to measure a generator: photographs and renders that nothing was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.stylegan2.network import to_uint8
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import held_out, load_cutouts

Array = NDArray[Any]


def sitters(
    paths: Sequence[Path], renders: Path, unseen: int, people: Path | None = None
) -> tuple[dict[str, Array], set[str]]:
    """Photographs by name, and which of them are no renders.

    Renders that sit are the first `unseen` of the archive or folder `people`, on whom nothing was trained; or
    the last ones of `renders` that training leaves out.
    """
    from skimage.data import astronaut

    from engine.photographs.photograph import load_photograph

    photographs = {path.name: load_photograph(path) for path in paths} | {"astronaut": astronaut()}
    if not unseen:
        return photographs, set(photographs)
    names, cutouts = load_cutouts(people or renders, 256)
    # The newest, whose shapes are set wider.
    chosen = np.arange(len(names))[:unseen] if people else np.flatnonzero(held_out(names))[-unseen:]
    pictures = to_uint8(compose_as_photographed(cutouts[chosen], torch.Generator().manual_seed(1))).numpy()
    drawn = {names[i]: picture for i, picture in zip(chosen, pictures, strict=True)}
    return photographs | drawn, set(photographs)
