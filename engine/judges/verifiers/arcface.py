"""ArcFace judges: the recognisers of insightface's packs buffalo_l and buffalo_s (Deng et al., CVPR 2019).

Trained on WebFace600K; weights for non-commercial research. Input RGB, (grey level - 127.5) / 127.5, as
insightface's ArcFaceONNX feeds them; aligned on its five-point template.
"""

from pathlib import Path

from engine.judges.base import OperatingPoint
from engine.judges.networks.onnx_model import OnnxModel
from engine.judges.verifiers.onnx import OnnxJudge

OPERATING_POINTS = {
    "maker": OperatingPoint("maker", 0.6, "cosine 0.4 of insightface's Evaluation Studio; FMR not published"),
}


def build(name: str, point: OperatingPoint, weights: Path | None) -> OnnxJudge:
    """The judge of `w600k_r50.onnx` (buffalo_l) or `w600k_mbf.onnx` (buffalo_s), the file `weights`. Raises
    WeightsError."""
    assert weights is not None
    judge = OnnxJudge(OnnxModel(name=name, file=weights, threshold=point.threshold, source=point.source))
    judge.point = point
    return judge
