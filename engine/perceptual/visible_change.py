"""The visible change: how much of a face has changed, in just-noticeable differences.

The perceptual distance compares pictures without any knowledge of faces. People notice more in a face: that
its parts have moved, that the skin has another colour, that the gaze or the expression differs. Each part is
measured in just-noticeable differences (`JustNoticeable`), and the visible change is their sum.

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
    (Mahy et al., *Evaluation of uniform color spaces*, 1994). The others are what that JPEG does to the mesh
    at 128 px, on six matches: smaller differences are the mesh's own noise.
    """

    PERCEPTUAL = Perturbation(jpeg_quality=75)
    SKIN = 2.3
    LANDMARKS = 0.010  # mean shift of the mesh, in distances between the eyes
    EXPRESSION = 0.020  # largest change of a length in Landmarks.EXPRESSION, in distances between the eyes
    GAZE = 0.010  # shift of the irises, in widths of the eye


SKIN_CELLS = 16
"""Skin colour is compared as the means of so many cells across the picture: shading counts, pores do not."""


@dataclass(frozen=True)
class Change:
    """A visible change by its parts, in just-noticeable differences. The parts of the mesh are infinite where
    the changed picture shows no face."""

    perceptual: float
    skin: float
    landmarks: float
    expression: float
    gaze: float

    @property
    def total(self) -> float:
        """The sum; the parts of the mesh count above 1 only, which is the mesh's own noise."""
        moved = (self.landmarks, self.expression, self.gaze)
        return self.perceptual + self.skin + sum(max(0.0, part - 1) for part in moved)


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
        self._skin = _cells(inside)
        self._colours = _cells(to_lab(self._signed(match)))
        self._mesh = self._find(match)

    @torch.no_grad()
    def perceptual(self, picture: Pixels) -> float:
        """The perceptual distance alone, in its own units."""
        return float(self._perceptual(self._signed(picture)))

    def smooth(self, pictures: torch.Tensor) -> torch.Tensor:
        """The differentiable parts, (N,), of pictures (N, 3, R, R): the perceptual part, and the mean
        *square* of the skin's colour difference, so that a small spot costs more than a faint tint."""
        return self._perceptual(pictures) / self._unit + self._skin_square(pictures)

    @torch.no_grad()
    def measure(self, picture: Pixels) -> Change:
        """All parts. Where the match itself shows no face, the parts of the mesh are 0."""
        signed = self._signed(picture)
        moved = (0.0, 0.0, 0.0)
        if self._mesh is not None:
            mesh = self._find(picture)
            moved = (np.inf,) * 3 if mesh is None else mesh_change(self._mesh, mesh)
        return Change(
            float(self._perceptual(signed)) / self._unit,
            float(self._skin_square(signed)) ** 0.5,
            moved[0] / JustNoticeable.LANDMARKS,
            moved[1] / JustNoticeable.EXPRESSION,
            moved[2] / JustNoticeable.GAZE,
        )

    def _skin_square(self, pictures: torch.Tensor) -> torch.Tensor:
        gap = (_cells(to_lab(pictures)) - self._colours).square().sum(dim=1, keepdim=True)
        return (gap * self._skin).sum(dim=(1, 2, 3)) / self._skin.sum() / JustNoticeable.SKIN**2

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


def _cells(maps: torch.Tensor) -> torch.Tensor:
    """(N, C, R, R) -> means over cells; a picture smaller than SKIN_CELLS stays as it is."""
    return F.avg_pool2d(maps, max(1, maps.shape[-1] // SKIN_CELLS))
