"""The judges this house knows, by name, and how to call a panel of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import UsageError, WeightsError
from engine.judges import anthropometry, arcface, dlib, sface
from engine.judges.base import Judge, OperatingPoint
from engine.judges.files import FILES
from engine.judges.onnx import OnnxJudge, OnnxModel


@dataclass(frozen=True)
class Known:
    """A judge by name, before it is built.

    points: its operating points, the usual one first. build: from an operating point and the path of the
    weights.
    """

    name: str
    what: str
    metric: str
    binding: bool
    points: Mapping[str, OperatingPoint]
    build: Callable[[OperatingPoint, Path | None], Judge]

    @property
    def weights(self) -> tuple[str, str] | None:
        """The name in the weights' manifest and the file, for those that have to be fetched."""
        return FILES[self.name]


def _known_arcface(name: str, what: str) -> Known:
    return Known(
        name,
        what,
        "cosine",
        True,
        arcface.OPERATING_POINTS,
        lambda point, path: arcface.arcface_judge(name, _required(name, path), point),
    )


def _required(name: str, path: Path | None) -> Path:
    if path is None:
        weights = FILES[name]
        assert weights is not None
        raise WeightsError(f"The judge {name} has no weights yet: `./kiosk weights fetch {weights[0]}`")
    return path


KNOWN: dict[str, Known] = {
    known.name: known
    for known in (
        Known(
            "dlib",
            "dlib's face recognition ResNet, 128 numbers",
            "euclidean",
            True,
            dlib.OPERATING_POINTS,
            lambda point, path: dlib.DlibJudge(point, path),
        ),
        Known(
            "anthropometry",
            "proportions of the face, after Bertillon",
            "euclidean",
            False,
            anthropometry.OPERATING_POINTS,
            lambda point, path: anthropometry.AnthropometryJudge(point),
        ),
        _known_arcface("arcface-l", "ArcFace ResNet-50 of buffalo_l, 512 numbers"),
        _known_arcface("arcface-s", "ArcFace MobileFaceNet of buffalo_s, 512 numbers"),
        Known(
            "sface",
            "SFace of OpenCV, 128 numbers",
            "cosine",
            True,
            sface.OPERATING_POINTS,
            lambda point, path: sface.SFaceJudge(_required("sface", path), point),
        ),
    )
}

EMBEDDED = ("dlib", "anthropometry")
"""The judges that need no download."""


def panel(
    names: Sequence[str] = EMBEDDED,
    weights: Mapping[str, Path] | None = None,
    thresholds: Mapping[str, str | float] | None = None,
    configured: Sequence[OnnxModel] = (),
) -> list[Judge]:
    """The judges of a visit, in the order of `names`.

    weights: path of the network's file for each judge that has to be fetched. thresholds: for a judge another
    of its operating points by name (`fmr-1e-3`), or a distance of the curator's own. configured: further
    judges that `names` may call. Raises UsageError for unknown names, WeightsError where weights are missing
    or unreadable.
    """
    weights, thresholds = weights or {}, thresholds or {}
    models = {model.name: model for model in configured}
    if not names:
        raise UsageError("A panel needs at least one judge: name some of " + ", ".join((*KNOWN, *models)))
    for name in (*names, *thresholds):
        if name not in KNOWN and name not in models:
            raise UsageError(f"There is no judge {name!r}: choose among " + ", ".join((*KNOWN, *models)))
    judges: list[Judge] = []
    for name in names:
        if name in models:
            judge: Judge = OnnxJudge(models[name])
            if name in thresholds:
                judge.point = _operating_point(name, {}, thresholds[name])
        else:
            known = KNOWN[name]
            usual = next(iter(known.points))
            point = _operating_point(name, known.points, thresholds.get(name, usual))
            judge = known.build(point, weights.get(name))
        judges.append(judge)
    return judges


def require_binding(judges: Sequence[Judge]) -> None:
    """Raises UsageError where none of a visit's judges binds: any picture would pass for someone else."""
    if not any(judge.binding for judge in judges):
        named = " and ".join(judge.name for judge in judges)
        those = ", ".join(known.name for known in KNOWN.values() if known.binding)
        raise UsageError(f"A panel needs a judge that binds: beside {named} name one of {those}")


def _operating_point(name: str, points: Mapping[str, OperatingPoint], wanted: str | float) -> OperatingPoint:
    if isinstance(wanted, str):
        if wanted not in points:
            raise UsageError(
                f"The judge {name} has no operating point {wanted!r}: " + (", ".join(points) or "none")
            )
        return points[wanted]
    if not 0 < wanted < math.inf:
        raise UsageError(f"The threshold of the judge {name} must be a number above 0, not {wanted}")
    return OperatingPoint("own", float(wanted), "set by the curator")
