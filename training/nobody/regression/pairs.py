"""Pairs of a latent and its picture, drawn without end from a set of renders."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.nobody.compose import COMPOSITION_DIMS, compose
from training.nobody.dataset import held_out, load_cutouts, read_parameters
from training.nobody.losses import importance
from training.nobody.regression.latents import LatentSpace
from training.nobody.regression.reshape import other_shapes, warped

CODE_DIMS = 48
SHAPES = 8  # other shapes for each render
OLDEST_SHAPEABLE = "020000"


class Pairs:
    """Endless pairs of a latent and its picture, from N renders.

    z is (numbers of the render, composition, code); `codes` are parameters to be learned.
    """

    def __init__(self, renders: Path, assets: Path, run: Path, resolution: int, processes: int) -> None:
        self.names, self.cutouts = load_cutouts(renders, resolution)
        parameters = read_parameters(renders)
        self.space = LatentSpace([parameters[name] for name in self.names])
        kept_back = held_out(self.names)
        self.unseen, self.training = np.flatnonzero(kept_back), np.flatnonzero(~kept_back)
        # Older renders were drawn from narrower shapes than today's seeds give.
        shapeable = [i for i in self.training if self.names[i] >= OLDEST_SHAPEABLE]
        shapes, fields = other_shapes(
            [self.names[i] for i in shapeable], SHAPES, assets, processes, run / "shapes.npz"
        )
        self.place = np.full(len(self.names), -1)
        self.place[shapeable] = np.arange(len(shapeable))
        self.shapes, self.fields = shapes, torch.from_numpy(fields)
        # A code for each render and one for its mirror image.
        self.codes = torch.nn.Parameter(torch.randn(2 * len(self.names), CODE_DIMS))
        both = np.concatenate([self.training, self.training + len(self.names)])
        self._trained_codes = torch.from_numpy(both)

    @property
    def z_dim(self) -> int:
        """How many numbers z has."""
        return len(self.space.names) + COMPOSITION_DIMS - 1 + CODE_DIMS

    def standard_codes(self) -> torch.Tensor:
        """The codes (2 N, CODE_DIMS) of what is trained on; each column of mean 0 and variance 1 over it."""
        known = self.codes[self._trained_codes]
        return (self.codes - known.mean(0)) / (known.std(0) + 1e-6)

    def draw(
        self, rows: NDArray[np.int64], reshaped: NDArray[np.bool_], mirrored: NDArray[np.bool_], noise: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """z, pictures and importance of M rows; the `reshaped` ones in a random other shape of theirs."""
        cutouts, normal = self.cutouts[rows], self.space.normal[rows]
        reshaped = reshaped & (self.place[rows] >= 0)
        if reshaped.any():
            place, which = self.place[rows[reshaped]], np.random.randint(SHAPES, size=int(reshaped.sum()))
            chosen = torch.from_numpy(reshaped)
            cutouts[chosen] = warped(cutouts[chosen], self.fields[place, which])
            normal[reshaped] = self.space.with_shapes(normal[reshaped], self.shapes[place, which])
        normal[mirrored] = self.space.mirrored(normal[mirrored])
        turned = torch.from_numpy(mirrored)
        cutouts[turned] = cutouts[turned].flip(3)
        composition = torch.randn(len(rows), COMPOSITION_DIMS)
        composition[:, -1] = 1.0  # mirrored already
        codes = self.standard_codes()[torch.from_numpy(rows + mirrored * len(self.names))]
        codes = (1 - noise**2) ** 0.5 * codes + noise * torch.randn_like(codes)
        numbers = torch.from_numpy(self.space.latents(normal))
        z = torch.cat([numbers, composition[:, :-1], codes], 1)
        return z, compose(cutouts, composition), importance(cutouts[:, 3:].float() / 255)
