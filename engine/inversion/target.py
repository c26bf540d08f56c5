"""What a search approaches: the portrait at the generator's size, and how much each pixel counts."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import Portrait
from engine.inversion.projection import Loss
from engine.perceptual.distance import Distance

HEAD_WIDTH = 1.5  # in widths of the mesh of its face


@dataclass(frozen=True, eq=False)
class Target:
    """A portrait, prepared for a search.

    picture: (1, 3, R, R), RGB, [-1, 1]. importance, head: (1, 1, R, R), see the functions of these names.
    loss: how far pictures are from it, the face counting most. sees_px: see `Distance`.
    """

    picture: torch.Tensor
    importance: torch.Tensor
    head: torch.Tensor
    loss: Loss
    sees_px: int | None


def aim_at(portrait: Portrait, resolution: int, distance: Distance, device: torch.device) -> Target:
    """Prepares a portrait for a generator of that resolution, on that device."""
    picture = to_target(portrait.image, resolution).to(device)
    importance = face_importance(portrait, resolution).to(device)
    head = head_mask(portrait, resolution).to(device)
    return Target(picture, importance, head, distance.towards(picture, importance), distance.sees_px)


def to_target(image: Pixels, resolution: int) -> torch.Tensor:
    """uint8 (S, S, 3) -> (1, 3, R, R) in [-1, 1], shrunk by area averaging."""
    method = cv2.INTER_AREA if resolution < image.shape[0] else cv2.INTER_CUBIC
    small = cv2.resize(image, (resolution, resolution), interpolation=method)
    return (torch.from_numpy(small).permute(2, 0, 1)[None].float() - 127.5) / 127.5


def face_importance(portrait: Portrait, resolution: int) -> torch.Tensor:
    """(1, 1, R, R): the face within the mesh counts fully, everything about it a quarter."""
    size = portrait.image.shape[0]
    mask = _filled(cv2.convexHull(portrait.landmarks.astype(np.int32)), size)
    soft = cv2.GaussianBlur(cv2.dilate(mask, np.ones((9, 9), np.uint8)), (0, 0), size / 40)
    return 0.25 + 0.75 * _reduced(soft, resolution)


def head_mask(portrait: Portrait, resolution: int) -> torch.Tensor:
    """(1, 1, R, R): 1 on the head, about half as wide again as the mesh of its face, and softly 0 about it.

    Within it tuning makes the match as sharp as the portrait; the background, and anybody in it, stays as
    soft as the generator draws it.
    """
    size = portrait.image.shape[0]
    hull = cv2.convexHull(portrait.landmarks.astype(np.float32))
    middle = hull.mean(axis=0)
    mask = _filled((middle + HEAD_WIDTH * (hull - middle)).astype(np.int32), size)
    return _reduced(cv2.GaussianBlur(mask, (0, 0), size / 20), resolution)


def _filled(outline: cv2.typing.MatLike, size_px: int) -> NDArray[np.float32]:
    """int32 (N, 1, 2) -> float32 (S, S): 1 within the outline, 0 outside."""
    mask = np.zeros((size_px, size_px), np.float32)
    cv2.fillPoly(mask, [outline], (1.0,))
    return mask


def _reduced(mask: cv2.typing.MatLike, resolution: int) -> torch.Tensor:
    """float32 (S, S) -> (1, 1, R, R)."""
    small = cv2.resize(mask, (resolution, resolution), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.asarray(small, np.float32))[None, None]
