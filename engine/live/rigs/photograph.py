"""From a photograph to a rig: find the face, search for it in the generator, draw its soft pictures."""

from collections.abc import Callable

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.acceptance import FaceLimits, choose_sitter
from engine.faces.alignment import Portrait, apply_affine, crop_ffhq, ffhq_quad
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import Face
from engine.inversion.projection import Place, SearchSettings, guess_place, search_latent, tune
from engine.inversion.target import aim_at
from engine.live.rigs.directions import Directions
from engine.live.rigs.rig import Rig
from engine.live.rigs.rigging import make_rig
from engine.perceptual.distance import Distance
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import Generator

# Sides of the pictures that are moved: the largest that the photograph fills.
SIDES_PX = (1024, 512, 256)
# A square picture whose crop would be itself, but for so much of its side, is taken as it is: one of the
# generator's own, for which each resampling is a loss.
ITSELF_SHARE = 0.08


def rig_photograph(
    photograph: Pixels,
    analyser: FaceAnalyser,
    generator: Generator,
    directions: Directions,
    distance: Distance,
    settings: SearchSettings,
    encoder: Encoder | None = None,
    report: Callable[[float], None] = lambda _: None,
    largest_px: int = SIDES_PX[0],
) -> Rig:
    """The rig of the face in a photograph uint8 (H, W, 3) RGB, upright.

    Every photograph is searched in the generator, for what it is to be moved like; what is moved is the
    photograph itself. report: called with the share of the search that is done, 0 to 1. largest_px: the side
    of the rig's picture at most, 256 or more.
    Raises NoUsableFace where no face can be portrayed.
    """
    face = choose_sitter(analyser.find(photograph), FaceLimits())
    portrait = framed(photograph, face, largest_px)
    mesh = analyser.mesh(portrait.image, _box(portrait))
    if mesh is None:
        raise ValueError("a face that was found is not there in its own portrait")
    place = project(portrait, generator, distance, settings, encoder, report)
    return make_rig(portrait.image, mesh, generator, place, directions, analyser)


def framed(photograph: Pixels, face: Face, largest_px: int = SIDES_PX[0]) -> Portrait:
    """A face in FFHQ framing, of one of `SIDES_PX` up to `largest_px`; a picture that has it already is not
    resampled."""
    sides_px = [side for side in SIDES_PX if side <= largest_px]
    height, width = photograph.shape[:2]
    quad = ffhq_quad(face.landmarks)
    side_px = float(np.hypot(*(quad[1] - quad[0])))
    crop = crop_ffhq(
        photograph, face.landmarks, next((s for s in sides_px if side_px >= 0.8 * s), sides_px[-1])
    )
    corners = apply_affine(crop.transform, np.array([[0.0, 0.0], [width, height]]))
    if height == width and width in sides_px and np.abs(corners - [[0, 0], [1, 1]]).max() < ITSELF_SHARE:
        return Portrait(photograph, face.landmarks, np.array([[1 / width, 0, 0], [0, 1 / height, 0]]))
    return crop


def project(
    portrait: Portrait,
    generator: Generator,
    distance: Distance,
    settings: SearchSettings,
    encoder: Encoder | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> Place:
    """Where a portrait lies in the generator, weights tuned: the search of a portrayal, without judges."""
    target = aim_at(portrait, generator.resolution, distance, generator.device)
    start = guess_place(generator, encoder, target.picture) if encoder else None
    whole = settings.steps + settings.tuning_steps
    for step in search_latent(generator, target.loss, settings, start):
        report((step.index + 1) / whole)
    for tuning in tune(generator, target.loss, step.place, settings, target.head, target.sees_px):
        report((settings.steps + tuning.index + 1) / whole)
    return tuning.place


def _box(portrait: Portrait) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = portrait.landmarks.min(axis=0).tolist(), portrait.landmarks.max(axis=0).tolist()
    return x0, y0, x1, y1
