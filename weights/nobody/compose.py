"""Puts backgrounds, light and mirror images behind and over the renders, anew each time a picture is shown.

**Convention:** cut-outs are uint8 (N, 4, R, R), RGB premultiplied by alpha; composed pictures are float
(N, 3, R, R), RGB, [-1, 1]. What is drawn for a picture is a standard normal vector of `COMPOSITION_DIMS`
numbers, so that a generator trained on pairs can be told it.
"""

import io
import tarfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

COMPOSITION_DIMS = 12


def load_cutouts(archive: Path, resolution: int) -> tuple[list[str], torch.Tensor]:
    """Reads every WebP of a tar of renders.

    Returns:
        Names without suffix, sorted; and uint8 (N, 4, R, R), premultiplied, shrunk by area averaging.
    """
    pictures: dict[str, NDArray[np.uint8]] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.name.endswith(".webp"):
                continue
            stored = tar.extractfile(member)
            assert stored is not None
            rgba = Image.open(io.BytesIO(stored.read())).convert("RGBA").convert("RGBa")
            small = rgba.resize((resolution, resolution), Image.Resampling.BOX)
            pictures[Path(member.name).stem] = np.asarray(small).transpose(2, 0, 1)
    names = sorted(pictures)
    return names, torch.from_numpy(np.stack([pictures[name] for name in names]))


def compose(cutouts: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """Cut-outs uint8 (N, 4, R, R) and standard normal numbers (N, COMPOSITION_DIMS) -> pictures (N, 3, R, R).

    The numbers are, in order: the ground's level and its colour at one side (0-2) and at the other (3-5),
    the direction of the gradient between them (6, 7), exposure (8), white balance (9, 10), and the mirror
    image (11: mirrored where negative).
    """
    size = cutouts.shape[-1]
    layers = cutouts.float() / 255
    layers = torch.where(draw[:, 11, None, None, None] < 0, layers.flip(3), layers)
    foreground, alpha = layers[:, :3], layers[:, 3:]

    def ground(first: int) -> torch.Tensor:
        level = torch.sigmoid(draw[:, first] * 1.2 - 0.2)
        tint = torch.stack(
            [draw[:, first + 1], -draw[:, first + 1 : first + 3].sum(1) / 2, draw[:, first + 2]], 1
        )
        return (level[:, None] * (1 + 0.12 * tint)).clamp(0, 1)[:, :, None, None]

    axis = torch.linspace(-1, 1, size, device=draw.device)
    direction = torch.nn.functional.normalize(draw[:, 6:8], dim=1)
    slope = (
        direction[:, 0, None, None] * axis[None, None, :] + direction[:, 1, None, None] * axis[None, :, None]
    )
    place = (slope * 0.5 + 0.5).clamp(0, 1)[:, None]
    picture = foreground + (1 - alpha) * (ground(0) * (1 - place) + ground(3) * place)

    exposure = torch.exp(0.10 * draw[:, 8])
    balance = torch.exp(0.03 * draw[:, 9:11])
    gains = exposure[:, None] * torch.stack([balance[:, 0], torch.ones_like(exposure), balance[:, 1]], 1)
    return (picture * gains[:, :, None, None]).clamp(0, 1) * 2 - 1
