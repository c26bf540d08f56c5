"""Warped-and-straight pairs: the encoder sees a face that is bent, the decoder must answer with the straight
one. So it cannot learn to copy."""

import math

import torch
import torch.nn.functional as F

from engine.live.decoders.layout import Warp

POINTS = 5


def warped_and_straight(
    seen: torch.Tensor, answers: torch.Tensor, warp: Warp, dice: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """seen (N, C, S, S) turned, moved and bent; answers (N, D, S, S) turned and moved in the same way."""
    count, side_px = len(seen), seen.shape[-1]

    def within(limit: float) -> torch.Tensor:
        return (2 * torch.rand(count, generator=dice) - 1) * limit

    angle, scale = within(math.radians(warp.turn_deg)), 1 + within(warp.zoom)
    mirror = torch.where(torch.rand(count, generator=dice) < warp.flip, -1.0, 1.0)
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    rows = [
        torch.stack([mirror * cos, -sin, within(2 * warp.shift)], dim=1),
        torch.stack([mirror * sin, cos, within(2 * warp.shift)], dim=1),
    ]
    straight = F.affine_grid(torch.stack(rows, dim=1), [count, 1, side_px, side_px], align_corners=False)
    bends = 2 * warp.stretch * torch.randn(count, 2, POINTS, POINTS, generator=dice)
    bent = straight + F.interpolate(bends, size=(side_px, side_px), mode="bilinear").permute(0, 2, 3, 1)
    return _looked_up(seen, bent), _looked_up(answers, straight)


def carried(pictures: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
    """Pictures (N, C, S, S) moved by a flow (N, S, S, 2); see `engine.live.decoders.faces.Flow`."""
    still = torch.eye(2, 3, device=pictures.device).expand(len(pictures), 2, 3)
    grid = F.affine_grid(still, list(pictures.shape), align_corners=False)
    return _looked_up(pictures, grid + back)


def _looked_up(pictures: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    return F.grid_sample(
        pictures, grid.to(pictures.device), mode="bilinear", padding_mode="border", align_corners=False
    )
