"""From a photograph to the sitter's aligned portrait."""

from typing import NamedTuple

from engine.common.arrays import Pixels
from engine.faces.acceptance import FaceLimits, choose_sitter
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import Face

DEFAULT_LIMITS = FaceLimits()


class Sitter(NamedTuple):
    """The face to portray, as it was measured in the photograph, and its FFHQ crop."""

    face: Face
    portrait: Portrait


def find_sitter(
    analyser: FaceAnalyser, photograph: Pixels, limits: FaceLimits = DEFAULT_LIMITS, size_px: int = 512
) -> Sitter:
    """The sitter on a photograph uint8 (H, W, 3) RGB, upright, cropped to size_px x size_px.

    Raises NoUsableFace where no face keeps the limits, or several are about equally large.
    """
    face = choose_sitter(analyser.find(photograph), limits)
    return Sitter(face, crop_ffhq(photograph, face.landmarks, size_px))
