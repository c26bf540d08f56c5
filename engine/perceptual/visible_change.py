"""The visible change: how much of a face has changed, in just-noticeable differences.

The perceptual distance compares pictures without any knowledge of faces. People notice more in a face: that
its parts have moved, that the skin or an iris has another colour, that a nostril has a second edge, that gaze
or expression differ. Each part is measured in just-noticeable differences (`JustNoticeable`), and the visible
change is their sum.

**Convention:** pictures are uint8 (R, R, 3) RGB in FFHQ framing, or (N, 3, R, R) in [-1, 1] where gradients
are wanted; meshes are MediaPipe's, (478, 2), in pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch.nn import functional as F

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.landmarks import Landmarks
from engine.judges.perturbations import Perturbation, expose
from engine.perceptual.distance import Distance

Mesh = NDArray[np.float32]


class JustNoticeable:
    """The just-noticeable difference of each part, with the two pictures side by side.

    The reference is the closest match written as JPEG of quality 75, which attentive people begin to see.
    PERCEPTUAL is that quality: the unit is what it does to the perceptual distance in use, so that every
    distance has the same weight. SKIN is the colour difference (CIE 1976) that half of all observers see
    (Mahy et al., *Evaluation of uniform color spaces*, 1994); of an iris and of single cells of the face,
    which are small, it takes three times as much (chosen by looking, docs/search.md). The others are what
    that JPEG does to the mesh at 128 px, on six matches: smaller differences are the mesh's own noise.
    """

    PERCEPTUAL = Perturbation(jpeg_quality=75)
    SKIN = 2.3
    IRISES = 7.0
    SPOTS = 7.3
    LANDMARKS = 0.010  # mean shift of the mesh, in distances between the eyes
    EXPRESSION = 0.020  # largest change of a length in Landmarks.EXPRESSION, in distances between the eyes
    GAZE = 0.010  # shift of the irises, in widths of the eye


SKIN_CELLS = 16
"""Skin colour is compared as the means of so many cells across the picture: shading counts, pores do not."""
SPOT_CELLS = 64
"""Spots are looked for in the means of so many cells across the picture, about a quarter of an iris wide."""
IRIS_CELLS = 128
"""Irises are compared in the means of so many cells: one half that turns red and one blue are seen."""
IRIS_RADIUS = 0.25
"""Of an iris, in widths of its eye."""


@dataclass(frozen=True)
class Change:
    """A visible change by its parts, in just-noticeable differences. The parts of the mesh are infinite where
    the changed picture shows no face."""

    perceptual: float
    skin: float
    irises: float
    spots: float
    landmarks: float
    expression: float
    gaze: float

    @property
    def total(self) -> float:
        """The sum; the parts of the mesh count above 1 only, which is the mesh's own noise."""
        moved = (self.landmarks, self.expression, self.gaze)
        coloured = self.skin + self.irises + self.spots
        return self.perceptual + coloured + sum(max(0.0, part - 1) for part in moved)


class VisibleChange:
    """The visible change against one picture, the closest match."""

    def __init__(
        self, match: Pixels, importance: torch.Tensor, distance: Distance, finder: FaceAnalyser
    ) -> None:
        """match: uint8 (R, R, 3) RGB. importance: weights (1, 1, R, R), largest on the face, on the device
        of the distance."""
        self._finder = finder
        self._device = importance.device
        self._perceptual = distance.towards(self._signed(match), importance)
        self._unit = max(self.perceptual(expose(match, JustNoticeable.PERCEPTUAL)), 1e-6)
        inside = (importance - importance.min()) / (importance.max() - importance.min())
        colours = to_lab(self._signed(match))
        self._mesh = self._find(match)
        self._skin = _ColourPart(inside, colours, SKIN_CELLS)
        self._spots = _ColourPart(inside, colours, SPOT_CELLS)
        self._irises: _ColourPart | None = None
        if self._mesh is not None:
            discs = iris_discs(self._mesh, len(match)).to(self._device)
            self._irises = _ColourPart(discs.sum(dim=0)[None, None], colours, IRIS_CELLS)

    @torch.no_grad()
    def perceptual(self, picture: Pixels) -> float:
        """The perceptual distance alone, in its own units."""
        return float(self._perceptual(self._signed(picture)))

    def smooth(self, pictures: torch.Tensor) -> torch.Tensor:
        """The differentiable parts, (N,), of pictures (N, 3, R, R): the perceptual part, and the *squares* of
        the colours' differences, so that one of another colour costs more than a faint tint of all."""
        return self._perceptual(pictures) / self._unit + sum(self._colour_squares(to_lab(pictures)))

    @torch.no_grad()
    def measure(self, picture: Pixels) -> Change:
        """All parts. Where the match itself shows no face, the parts of the mesh are 0."""
        signed = self._signed(picture)
        moved = (0.0, 0.0, 0.0)
        if self._mesh is not None:
            mesh = self._find(picture)
            moved = (np.inf,) * 3 if mesh is None else mesh_change(self._mesh, mesh)
        skin, irises, spots = (float(square) ** 0.5 for square in self._colour_squares(to_lab(signed)))
        return Change(
            float(self._perceptual(signed)) / self._unit,
            skin,
            irises,
            spots,
            moved[0] / JustNoticeable.LANDMARKS,
            moved[1] / JustNoticeable.EXPRESSION,
            moved[2] / JustNoticeable.GAZE,
        )

    def _colour_squares(self, colours: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Skin, irises and spots, (N,) each, squared, of colours (N, 3, R, R) in CIE L*a*b*.

        Skin: the mean square over the cells of the face. Irises: over those of the two discs; 0 where the
        match shows no face. Spots: the root of the mean fourth power over small cells, which a few strong
        ones decide.
        """
        skin = self._skin.mean(self._skin.squares(colours))
        spots = self._spots.mean(self._spots.squares(colours).square())
        irises = torch.zeros_like(skin)
        if self._irises is not None:
            irises = self._irises.mean(self._irises.squares(colours))
        return (
            skin / JustNoticeable.SKIN**2,
            irises / JustNoticeable.IRISES**2,
            (spots + 1e-12).sqrt() / JustNoticeable.SPOTS**2,
        )

    def _signed(self, picture: Pixels) -> torch.Tensor:
        return (torch.tensor(picture, device=self._device).permute(2, 0, 1)[None].float() - 127.5) / 127.5

    def _find(self, picture: Pixels) -> Mesh | None:
        faces = self._finder.find(picture)
        return faces[0].landmarks if faces else None


def mesh_change(before: Mesh, after: Mesh) -> tuple[float, float, float]:
    """Shift of the landmarks, change of expression and of gaze; `JustNoticeable` says in what units."""
    eyes = before[list(Landmarks.RIGHT_EYE)].mean(axis=0) - before[list(Landmarks.LEFT_EYE)].mean(axis=0)
    scale = float(np.hypot(*eyes))

    def lengths(mesh: Mesh) -> NDArray[np.float32]:
        ends = np.array(Landmarks.EXPRESSION)
        return np.linalg.norm(mesh[ends[:, 0]] - mesh[ends[:, 1]], axis=1)

    def gaze(mesh: Mesh) -> NDArray[np.float32]:
        iris, left, right = mesh[np.array(Landmarks.IRISES).T]
        return ((iris - (left + right) / 2) / np.linalg.norm(right - left, axis=1, keepdims=True)).mean(
            axis=0
        )

    return (
        float(np.linalg.norm(after - before, axis=1).mean()) / scale,
        float(np.abs(lengths(after) - lengths(before)).max()) / scale,
        float(np.linalg.norm(gaze(after) - gaze(before))),
    )


def picture_likeness(picture: Pixels, match: Pixels) -> dict[str, float]:
    """RMSE in grey levels, PSNR in dB (at most 108) and SSIM of two pictures uint8 (R, R, 3)."""
    rmse = float(np.sqrt(np.mean((picture.astype(np.float64) - match) ** 2)))
    return {
        "rmse": rmse,
        "psnr_db": float(20 * np.log10(255 / max(rmse, 1e-3))),
        "ssim": float(structural_similarity(picture, match, channel_axis=2)),
    }


def to_lab(pictures: torch.Tensor) -> torch.Tensor:
    """RGB (N, 3, H, W) in [-1, 1], sRGB -> CIE L*a*b* under D65, differentiable."""
    srgb = ((pictures + 1) / 2).clamp(0, 1)
    linear = torch.where(srgb > 0.04045, ((srgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, srgb / 12.92)
    to_xyz = linear.new_tensor(
        [
            [0.412453, 0.357580, 0.180423],
            [0.212671, 0.715160, 0.072169],
            [0.019334, 0.119193, 0.950227],
        ]
    )
    white = to_xyz.sum(dim=1)
    xyz = torch.einsum("ij,njhw->nihw", to_xyz / white[:, None], linear)
    f = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], dim=1)


class _ColourPart:
    """Colours of the match in so many cells across the picture, and how much each cell counts."""

    def __init__(self, weights: torch.Tensor, colours: torch.Tensor, cells: int) -> None:
        """weights: (1, 1, R, R). colours: of the match, (1, 3, R, R)."""
        weights = _cells(weights, cells)
        self._weights, self._colours, self._count = weights / weights.sum(), _cells(colours, cells), cells

    def squares(self, colours: torch.Tensor) -> torch.Tensor:
        """Colours (N, 3, R, R) -> squared differences of the cells (N, 1, C, C)."""
        return (_cells(colours, self._count) - self._colours).square().sum(dim=1, keepdim=True)

    def mean(self, cells: torch.Tensor) -> torch.Tensor:
        """(N, 1, C, C) -> (N,)."""
        return (cells * self._weights).sum(dim=(1, 2, 3))


def iris_discs(mesh: Mesh, size_px: int) -> torch.Tensor:
    """Where a face (478, 2) has its irises: (2, R, R), each summing to 1, softly ending."""
    points = np.stack(np.meshgrid(*[np.arange(size_px) + 0.5] * 2), axis=-1)
    discs = []
    for centre, left, right in mesh[np.array(Landmarks.IRISES)]:
        radius = IRIS_RADIUS * float(np.linalg.norm(right - left))
        apart = np.linalg.norm(points - centre, axis=-1)
        disc = np.clip(radius + 0.5 - apart, 0, 1) + 1e-9
        discs.append(disc / disc.sum())
    return torch.from_numpy(np.stack(discs)).float()


def _cells(maps: torch.Tensor, cells: int) -> torch.Tensor:
    """(N, C, R, R) -> means over so many cells across; a picture smaller than that stays as it is."""
    return F.avg_pool2d(maps, max(1, maps.shape[-1] // cells))
