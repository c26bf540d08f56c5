"""The judges there are, by name, and how a panel of them is built.

To add one: a module in `verifiers` that has `OPERATING_POINTS` and `build` (see `JudgeEntry`), and an entry
in `JUDGES`; where it needs a file that does not come with a package, also an entry in
`weights/manifest.toml`.

A judge's module, and with it its libraries, is loaded only when the judge is built or its operating points
are asked for: whoever only wants to know what has to be fetched loads none of them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from engine.judges.base import Judge, OperatingPoint
    from engine.judges.networks.onnx_model import OnnxModel


@dataclass(frozen=True)
class Origin:
    """Where a judge comes from, for visitors.

    maker: who made it. year: when. photographs, people: of the faces it was trained with, None where nothing
    was trained or its maker does not say. measures: whether it compares lengths instead of having been
    trained. source: of these facts.
    """

    maker: str
    year: int
    source: str
    photographs: int | None = None
    people: int | None = None
    measures: bool = False


@dataclass(frozen=True)
class JudgeEntry:
    """A judge by name, before it is built.

    Attributes:
        description: what it is, a few words.
        metric: "euclidean" or "cosine".
        binding: whether the doppelgänger has to convince it.
        module: has `OPERATING_POINTS`, by name, the usual one first, and
            `build(name, operating_point, weights) -> Judge`.
        weights: for a judge whose file has to be fetched: the entry of `weights/manifest.toml`, and the file
            in it.
        origin: None where its facts have not been checked.
    """

    description: str
    metric: str
    binding: bool
    module: str
    weights: tuple[str, str] | None = None
    origin: Origin | None = None

    @property
    def points(self) -> "Mapping[str, OperatingPoint]":
        """Its operating points by name, the usual one first."""
        points: Mapping[str, OperatingPoint] = import_module(self.module).OPERATING_POINTS
        return points

    def build(self, name: str, point: "OperatingPoint", weights: Path | None) -> "Judge":
        """The judge. `weights`: its file, or None where it comes with a package. Raises WeightsError."""
        if self.weights and weights is None:
            raise WeightsError(
                f"The judge {name} has no weights yet: `./kiosk weights fetch {self.weights[0]}`"
            )
        judge: Judge = import_module(self.module).build(name, point, weights)
        return judge


JUDGES: dict[str, JudgeEntry] = {
    "dlib": JudgeEntry(
        "dlib's face recognition ResNet, 128 numbers",
        "euclidean",
        True,
        "engine.judges.verifiers.dlib",
        origin=Origin(
            "Davis King",
            2017,
            "github.com/davisking/dlib-models, README.md",
            photographs=3_000_000,
            people=7_485,
        ),
    ),
    "anthropometry": JudgeEntry(
        "proportions of the face, after Bertillon",
        "euclidean",
        False,
        "engine.judges.verifiers.anthropometry",
        origin=Origin(
            "Alphonse Bertillon",
            1885,
            "his address to the penitentiary congress at Rome, 1885",
            measures=True,
        ),
    ),
    "arcface-l": JudgeEntry(
        "ArcFace ResNet-50 of buffalo_l, 512 numbers",
        "cosine",
        True,
        "engine.judges.verifiers.arcface",
        ("buffalo_l", "w600k_r50.onnx"),
    ),
    "arcface-s": JudgeEntry(
        "ArcFace MobileFaceNet of buffalo_s, 512 numbers",
        "cosine",
        True,
        "engine.judges.verifiers.arcface",
        ("buffalo_s", "w600k_mbf.onnx"),
    ),
    "sface": JudgeEntry(
        "SFace of OpenCV, 128 numbers",
        "cosine",
        True,
        "engine.judges.verifiers.sface",
        ("sface", "face_recognition_sface_2021dec.onnx"),
        Origin("Yaoyao Zhong", 2021, "github.com/opencv/opencv_zoo, models/face_recognition_sface/README.md"),
    ),
    "mobileface": JudgeEntry(
        "MobileFace of becauseofAI, 256 numbers",
        "cosine",
        True,
        "engine.judges.verifiers.mobileface",
        ("mobileface", "mobileface.json"),
    ),
    "faceres": JudgeEntry(
        "features of HSE's networks of age and gender, 1024 numbers",
        "cosine",
        True,
        "engine.judges.verifiers.faceres",
        ("faceres", "faceres-deep.json"),
        Origin(
            "Andrey Savchenko",
            2019,
            "PeerJ Computer Science 5, e197, and his repository HSE_FaceRec_tf: VGGFace2, whose makers give "
            "these numbers",
            photographs=3_310_000,
            people=9_131,
        ),
    ),
}


def origin_of(name: str) -> Origin | None:
    """Where a judge comes from; None for a curator's own, and where its facts have not been checked."""
    return JUDGES[name].origin if name in JUDGES else None


EMBEDDED = tuple(name for name, entry in JUDGES.items() if entry.weights is None)
"""The judges that need no download."""


def files_of(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Of these judges, those that have to fetch a file: the manifest's entry and the file in it, by name.

    Raises UsageError for unknown names.
    """
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        if name not in JUDGES:
            raise UsageError(f"There is no judge {name!r}: choose among " + ", ".join(JUDGES))
        if (weights := JUDGES[name].weights) is not None:
            found[name] = weights
    return found


def panel(
    names: Sequence[str] = EMBEDDED,
    weights: Mapping[str, Path] | None = None,
    thresholds: Mapping[str, str | float] | None = None,
    configured: "Sequence[OnnxModel]" = (),
    points: "Mapping[str, Mapping[str, OperatingPoint]] | None" = None,
) -> "list[Judge]":
    """The judges of a visit, in the order of `names`.

    weights: path of the network's file for each judge that has to be fetched. thresholds: for a judge another
    of its operating points by name (`fmr-1e-3`), or a distance of the curator's own. configured: further
    judges that `names` may call. points: for a judge further operating points by name, which `thresholds` may
    call; one that has the name of a judge's own takes its place.

    Raises UsageError for unknown names, WeightsError where weights are missing or unreadable.
    """
    weights, thresholds, points = weights or {}, thresholds or {}, points or {}
    models = {model.name: model for model in configured}
    if not names:
        raise UsageError("A panel needs at least one judge: name some of " + ", ".join((*JUDGES, *models)))
    for name in (*names, *thresholds):
        if name not in JUDGES and name not in models:
            raise UsageError(f"There is no judge {name!r}: choose among " + ", ".join((*JUDGES, *models)))
    judges = []
    for name in names:
        judge = _build_configured(models[name]) if name in models else _build(name, weights.get(name))
        if name in thresholds:
            known = {} if name in models else JUDGES[name].points
            judge.point = _operating_point(name, {**known, **points.get(name, {})}, thresholds[name])
        judges.append(judge)
    return judges


def _build(name: str, weights: Path | None) -> "Judge":
    """A judge of the project at its usual operating point."""
    entry = JUDGES[name]
    return entry.build(name, next(iter(entry.points.values())), weights)


def _build_configured(model: "OnnxModel") -> "Judge":
    from engine.judges.verifiers.onnx import OnnxJudge

    return OnnxJudge(model)


def require_binding(judges: "Sequence[Judge]") -> None:
    """Raises UsageError where none of a visit's judges binds: any picture would pass for someone else."""
    if not any(judge.binding for judge in judges):
        named = " and ".join(judge.name for judge in judges)
        those = ", ".join(name for name, entry in JUDGES.items() if entry.binding)
        raise UsageError(f"A panel needs a judge that binds: beside {named} name one of {those}")


def _operating_point(
    name: str, points: "Mapping[str, OperatingPoint]", wanted: str | float
) -> "OperatingPoint":
    from engine.judges.base import OperatingPoint

    if isinstance(wanted, str):
        if wanted not in points:
            raise UsageError(
                f"The judge {name} has no operating point {wanted!r}: " + (", ".join(points) or "none")
            )
        return points[wanted]
    if not 0 < wanted < math.inf:
        raise UsageError(f"The threshold of the judge {name} must be a number above 0, not {wanted}")
    return OperatingPoint("own", float(wanted), "set by the curator")
