"""People who do not exist, turned as asked: drawn by the generator when they are first needed, and kept.

A nobody is a number. Nothing of a photograph takes part in how they look but how the head is turned.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.native_output import native_stderr_silenced
from engine.faces.detector import DetectedHead
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.inversion.projection import Place, draw, fast_dtype, median_face
from engine.live.crowd.head import Turn, box_width, turn_of
from engine.live.frame import Array
from engine.live.rigs.directions import Directions
from engine.stylegan2.network import Generator, to_uint8

TRUNCATION = 0.7
# Further the generator's heads dissolve. Steps: coarser ones are seen as jumps, finer ones are not seen.
MOST_YAW_DEG, MOST_PITCH_DEG = 26.0, 9.0
YAW_STEP_DEG, PITCH_STEP_DEG = 2.0, 3.0
# At 256 px these are 100 MB.
KEPT_PICTURES = 300
# A candidate whose face is not found in its own picture is passed over, at most so often.
MOST_CANDIDATES = 20
SPACING = 1000


@dataclass(frozen=True, eq=False)
class Cutout:
    """A head without ground. picture: uint8 (R, R, 3) RGB. alpha: float32 (R, R), 0 to 1. head: its face."""

    picture: Pixels
    alpha: Array
    head: DetectedHead


class Nobodies:
    """Draws nobodies and keeps their pictures. Not to be shared between threads.

    detector: finds the six points in the generator's pictures. known: people who are the nobodies 1 to N
    (`engine.pipeline.people`): they stand far from the median face, where random ones that look like people
    do not. All others are random. Noise maps of theirs do not turn with a head, so they are left out.
    """

    def __init__(
        self,
        generator: Generator,
        directions: Directions,
        detector: MediaPipeDetector,
        known: Sequence[Place] | None = None,
    ) -> None:
        with native_stderr_silenced():
            from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

            self._segmentation = SelfieSegmentation(model_selection=0)
            self._segmentation.process(np.zeros((256, 256, 3), np.uint8))
        self._generator, self._directions, self._detector = generator, directions, detector
        self._known = known
        self._latents: dict[int, tuple[torch.Tensor, Turn]] = {}
        self._kept: OrderedDict[tuple[int, int, int], Cutout] = OrderedDict()

    def cutout(self, number: int, turn: Turn) -> Cutout:
        """The nobody of this number, turned like that, upright. 0.2 s where it is not kept."""
        yaw = round(np.clip(turn.yaw, -MOST_YAW_DEG, MOST_YAW_DEG) / YAW_STEP_DEG)
        pitch = round(np.clip(turn.pitch, -MOST_PITCH_DEG, MOST_PITCH_DEG) / PITCH_STEP_DEG)
        key = number, yaw, pitch
        if key not in self._kept:
            self._kept[key] = self._drawn(number, yaw * YAW_STEP_DEG, pitch * PITCH_STEP_DEG)
            while len(self._kept) > KEPT_PICTURES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def median(self) -> Cutout | None:
        """The median face, which is nobody's, as it is turned by itself; None where none is found in it."""
        picture = self._picture(median_face(self._generator).latent, 0.0, 0.0)
        head = self._head(picture)
        return None if head is None else Cutout(picture, self._alpha(picture), head)

    def _drawn(self, number: int, yaw_deg: float, pitch_deg: float) -> Cutout:
        if number not in self._latents:
            self._latents[number] = self._chosen(number)
        latent, own = self._latents[number]
        picture = self._picture(latent, yaw_deg - own.yaw, pitch_deg - own.pitch)
        head = self._head(picture)
        if head is None:  # turned so far that it is not found: as it is at rest
            picture = self._picture(latent, 0.0, 0.0)
            head = self._head(picture)
            assert head is not None
        return Cutout(picture, self._alpha(picture), head)

    def _chosen(self, number: int) -> tuple[torch.Tensor, Turn]:
        """The latent of a nobody, and how it is turned by itself."""
        if self._known is not None and 1 <= number <= len(self._known):
            latent = self._known[number - 1].latent
            head = self._head(self._picture(latent, 0.0, 0.0))
            if head is not None:
                return latent, turn_of(head)
        for candidate in range(MOST_CANDIDATES):
            seed = torch.Generator().manual_seed(SPACING * (number + 1) + candidate)
            z = torch.randn(1, self._generator.z_dim, generator=seed).to(self._generator.device)
            with torch.no_grad():
                latent = self._generator.truncate(
                    self._generator.broadcast(self._generator.mapping(z)), TRUNCATION
                )
            head = self._head(self._picture(latent, 0.0, 0.0))
            if head is not None:
                return latent, turn_of(head)
        raise ValueError("the generator makes no faces that the detector finds")

    @torch.no_grad()
    def _picture(self, latent: torch.Tensor, yaw_deg: float, pitch_deg: float) -> Pixels:
        turned = latent + yaw_deg * self._directions.yaw + pitch_deg * self._directions.pitch
        drawn = draw(self._generator, Place(turned), fast_dtype(self._generator.device))
        return np.asarray(to_uint8(drawn)[0].cpu().numpy(), np.uint8)

    def _head(self, picture: Pixels) -> DetectedHead | None:
        side_px = len(picture)
        heads = self._detector.detect_heads(picture, (0, 0, side_px, side_px))
        wide = [head for head in heads if box_width(head.box_px) > 0.3 * side_px]
        return max(wide, key=lambda head: head.score, default=None)

    def _alpha(self, picture: Pixels) -> NDArray[np.float32]:
        """Head and neck, without the rim in which the ground shines through; 0 at the picture's own edges."""
        side_px = len(picture)
        mask = np.asarray(self._segmentation.process(picture).segmentation_mask, np.float32)
        rim = max(1, side_px // 64)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
        sure = cv2.erode((mask > 0.6).astype(np.float32), kernel)
        away = np.minimum(np.arange(side_px), np.arange(side_px)[::-1]) / (0.06 * side_px)
        fade = np.clip(away, 0, 1).astype(np.float32)
        soft = cv2.GaussianBlur(sure, (0, 0), rim) * np.outer(np.ones(side_px, np.float32), fade)
        soft *= np.clip(np.arange(side_px)[::-1] / (0.1 * side_px), 0, 1)[:, None]
        return np.asarray(soft, np.float32)
