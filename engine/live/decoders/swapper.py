"""Puts a decoder's face into the frames of a film: aligned, matched in colour, blended through the mask."""

from collections.abc import Mapping
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.live.decoders.network import Side, TwoDecoders, as_input, as_pictures, other
from engine.live.decoders.placement import Placement, crop, softened, uncropped
from engine.live.frame import Array

# How much of the colours of each frame counts, so that they do not flicker.
COLOUR_SHARE = 0.15
# A face that appears or is lost is faded in and out within so long.
FADE_S = 0.16
# Contrast is matched within these limits.
GAIN_LIMITS = (0.6, 1.6)
# Without a mask of its own a decoder's face is blended through an ellipse: half axes, in shares of the side.
ELLIPSE = 0.36, 0.42


class Swapper:
    """Swaps the face in one film's frames, in ascending order.

    places: frame -> where the face is. to: whose face is put in; the film's is the other one's. calm: colours
    follow slowly, and a face that comes or goes fades; else each frame is treated by itself, as in 2017.
    """

    def __init__(
        self,
        network: TwoDecoders,
        to: Side,
        places: Mapping[int, Placement],
        rate_hz: float,
        calm: bool = True,
    ) -> None:
        self._network, self._to, self._places = network.eval(), to, places
        self._device = next(network.parameters()).device
        self._calm = calm
        self._fade = _presence(places, FADE_S * rate_hz) if self._calm else {}
        self._colours: NDArray[np.float64] | None = None

    def draw(self, picture: Pixels, frame: int) -> Pixels:
        """The frame uint8 (H, W, 3) RGB with the other face; as it is where no face is."""
        place = self._places.get(frame)
        if place is None:
            self._colours = None
            return picture
        side_px = self._network.layout.side_px
        seen = crop(picture, place, side_px)
        drawn, mask = self._decoded(seen)
        face = self._in_colours_of(drawn, seen, mask)
        height, width = picture.shape[:2]
        laid = uncropped(np.dstack([face, mask]), place, (width, height))
        alpha = self._fade.get(frame, 1.0) * laid[..., 3:].clip(0, 1)
        mixed = picture + alpha * (laid[..., :3] - picture)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)

    @torch.inference_mode()
    def _decoded(self, seen: Pixels) -> tuple[Pixels, Array]:
        """A decoder's face uint8 (S, S, 3), and where it is opaque, float32 (S, S)."""
        given = as_input(torch.from_numpy(seen).permute(2, 0, 1)[None]).to(self._device)
        answer = as_pictures(self._network(given, other(self._to), self._to))[0].numpy()
        mask = answer[..., 3].astype(np.float32) / 255 if answer.shape[-1] == 4 else _ellipse(len(answer))
        return np.ascontiguousarray(answer[..., :3]), softened(mask)

    def _in_colours_of(self, drawn: Pixels, seen: Pixels, mask: Array) -> Array:
        """The face with the mean and the spread of each colour that the film's own face has."""
        rows = []
        for picture in (drawn, seen):
            mean, spread = _colours(picture, mask)
            rows += [mean, spread]
        now = np.stack(rows)
        if self._colours is None or not self._calm:
            self._colours = now
        self._colours = self._colours + COLOUR_SHARE * (now - self._colours)
        mean, spread, wanted, wanted_spread = self._colours
        gain = np.clip(wanted_spread / np.maximum(spread, 1.0), *GAIN_LIMITS)
        return np.asarray((drawn - mean) * gain + wanted, np.float32)


def _colours(picture: Pixels, mask: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (3,) of each channel within a mask."""
    weight = mask[..., None] / max(float(mask.sum()), 1e-6)
    mean = (picture * weight).sum(axis=(0, 1), dtype=np.float64)
    return mean, np.sqrt((np.square(picture - mean) * weight).sum(axis=(0, 1)))


def _ellipse(side_px: int) -> Array:
    """float32 (S, S): 1 inside the ellipse of a face, 0 outside."""
    mask = np.zeros((side_px, side_px), np.float32)
    axes = tuple(round(share * side_px) for share in ELLIPSE)
    cv2.ellipse(mask, (side_px // 2, side_px // 2), axes, 0, 0, 360, (1.0,), -1)
    return mask


def _presence(places: Mapping[int, Placement], fade_frames: float) -> dict[int, float]:
    """frame -> 0 to 1: small near the first and the last frame of each time that a face is there.

    Not at the film's first frame, and where the face is never lost 1 throughout.
    """
    there = sorted(places)
    if not there:
        return {}
    starts = [b for a, b in pairwise(there) if b - a > 1]
    ends = [a for a, b in pairwise(there) if b - a > 1]
    presence = {}
    for frame in there:
        since = min((frame - start for start in starts if start <= frame), default=np.inf)
        until = min((end - frame for end in ends if end >= frame), default=np.inf)
        presence[frame] = float(min(1.0, (1 + min(since, until)) / (1 + fade_frames)))
    return presence
