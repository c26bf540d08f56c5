"""Changes that photographs have and renders lack: framing, blur and grain."""

import torch
import torch.nn.functional as F


def jitter_framing(pictures: torch.Tensor) -> torch.Tensor:
    """Turns, shifts and stretches pictures (N, 3, R, R) a little: photographs are framed less exactly, and
    real heads are narrower and wider than rendered ones."""
    n = len(pictures)
    angle, stretch, shift = (torch.randn(n, k, device=pictures.device) for k in (1, 2, 2))
    angle, stretch, shift = 0.03 * angle, torch.exp(0.03 * stretch), 0.02 * shift
    cosine, sine = angle.cos(), angle.sin()
    across = torch.cat([stretch[:, :1] * cosine, -sine, shift[:, :1]], dim=1)
    down = torch.cat([sine, stretch[:, 1:] * cosine, shift[:, 1:]], dim=1)
    grid = F.affine_grid(torch.stack([across, down], dim=1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def blur_and_add_grain(pictures: torch.Tensor) -> torch.Tensor:
    """Blurs a third of the pictures (N, 3, R, R), puts grain over all, as cameras do."""
    n, size = len(pictures), pictures.shape[-1]
    coarse = F.interpolate(pictures, scale_factor=0.5, mode="area")
    blurred = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    mix = torch.rand(n, 1, 1, 1, device=pictures.device) * (
        torch.rand(n, 1, 1, 1, device=pictures.device) < 1 / 3
    )
    grain = 0.05 * torch.rand(n, 1, 1, 1, device=pictures.device) * torch.randn_like(pictures)
    return pictures.lerp(blurred, mix) + grain
