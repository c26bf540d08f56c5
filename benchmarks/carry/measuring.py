"""Measures each sitter's pictures: likeness to the match, judges' distances, embeddings."""

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.carry.sitters import (
    Sitter,
    find_portrait,
    keep_arrays,
    rendered_names,
    renders,
    sitters_and_strangers,
)
from benchmarks.judges import equal_error
from benchmarks.recognisers import PHOTOGRAPHS, recognisers
from benchmarks.test_data import SHARED
from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.faces.alignment import Portrait
from engine.faces.analyser import FaceAnalyser
from engine.faces.sitter import find_sitter
from engine.inversion.target import face_importance
from engine.judges.base import Affine, Judge
from engine.judges.calibration import calibrate
from engine.judges.judging import K
from engine.judges.perturbations import WORST_CASE, perturbations
from engine.judges.registry import panel
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.visible_change import VisibleChange, picture_likeness
from engine.photographs.photograph import load_photograph

Array = NDArray[np.float64]
Figures = dict[str, float]


@dataclass(frozen=True)
class JudgeFigures:
    """What one judge makes of one sitter. By kind: `distance` from the portrait and the smallest one in the
    worst case, in its metric; `probe`, the mean embedding (D,). portrait, other_shot: mean embeddings as a
    gallery holds them, under changes of their own."""

    distance: dict[str, float]
    worst: dict[str, float]
    probe: dict[str, Array]
    portrait: Array
    other_shot: Array | None


@dataclass(frozen=True)
class SitterFigures:
    """All figures of one sitter: likeness to the match by kind, and what each judge says."""

    sitter: Sitter
    likeness: dict[str, Figures]
    by_judge: dict[str, JudgeFigures]

    @property
    def rendered(self) -> bool:
        return self.sitter.rendered


def thresholds_for_renders(work: Path, models: Path) -> dict[str, float]:
    """Thresholds for rendered people: where both errors are equal on the original shots of the 14 people;
    printed beside those for photographs. dlib and anthropometry keep theirs, and are printed too."""
    path = work / "lines.json"
    if not path.exists():
        shots = []
        with FaceAnalyser() as finder:
            for file in sorted((SHARED / "people").glob("*.png")):
                portrait = find_sitter(finder, load_photograph(file)).portrait
                shots.append((file.stem.partition("_")[0], portrait.image, portrait.landmarks))
        found = {}
        for judge in [*recognisers(models), *panel(["dlib", "anthropometry"])]:
            measured = calibrate(judge, shots)
            equal = equal_error(measured)
            found[judge.name] = {
                "now": judge.threshold,
                "fmr now": measured.fmr(judge.threshold).value,
                "equal": equal,
                "fmr": measured.fmr(equal).value,
                "fnmr": measured.fnmr(equal).value,
                "fmr-1e-2": measured.threshold(1e-2),
                "fnmr at fmr-1e-2": measured.fnmr(measured.threshold(1e-2)).value,
            }
        write_bytes(path, json.dumps(found, indent=1).encode())
    lines = json.loads(path.read_text())
    print("\nThresholds: for photographs; on rendered people: false matches there, equal errors at, errors\n")
    print("| | photographs | false matches among renders | renders | false matches | false non-matches |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, line in lines.items():
        print(
            f"| {name} | {line['now']:.3g} | {line['fmr now']:.1%} | {line['equal']:.3f} | {line['fmr']:.1%} "
            f"| {line['fnmr']:.1%} |"
        )
    return {name: lines[name]["equal"] for name in PHOTOGRAPHS}


def mean_embedding(judge: Judge, picture: Pixels, alignment: Affine, seed: int) -> Array:
    """(D,), over K changes."""
    return judge.centre(judge.describe([picture], alignment, perturbations(seed, K))).astype(np.float64)


def portrait_embedding(judge: Judge, portrait: Portrait, seed: int) -> Array:
    """(D,), in the portrait's own alignment."""
    return mean_embedding(judge, portrait.image, judge.align(portrait.image, portrait.landmarks), seed)


def judge_sitter(judge: Judge, sitter: Sitter) -> JudgeFigures:
    """Each picture is embedded once, under the changes of a verdict and those of the worst case."""
    reference = sitter.reference(judge)
    asked = JudgeFigures(
        {},
        {},
        {},
        portrait_embedding(judge, sitter.portrait, seed=1),
        portrait_embedding(judge, sitter.other_shot, seed=1) if sitter.other_shot else None,
    )
    for kind, picture in sitter.pictures.items():
        changes = [*perturbations(0, K), *WORST_CASE]
        embeddings = judge.describe([picture], reference.alignment, changes)[0]
        distances = judge.distance(embeddings, reference.embedding)
        verdict, worst = (part[~np.isnan(part)] for part in (distances[:K], distances[K:]))
        asked.distance[kind] = float(verdict.mean()) if len(verdict) else np.inf
        asked.worst[kind] = float(worst.min()) if len(worst) else np.inf
        asked.probe[kind] = judge.centre(embeddings[:K]).astype(np.float64)
    return asked


def measure(work: Path, sitter: Sitter, judges: Sequence[Judge], finder: FaceAnalyser) -> SitterFigures:
    """All figures of a sitter, kept in WORK."""
    path = work / f"{sitter.name}.figures"
    if path.exists():
        likeness, asked = pickle.loads(path.read_bytes())
        return SitterFigures(sitter, likeness, asked)
    change, likeness = visible_change(sitter, finder), {}
    for kind, picture in sitter.pictures.items():
        likeness[kind] = picture_likeness(picture, sitter.pictures["match"]) | {
            "perceptual": change.perceptual(picture),
            "visible change": change.measure(picture).total,
        }
    asked = {judge.name: judge_sitter(judge, sitter) for judge in judges}
    write_bytes(path, pickle.dumps((likeness, asked)))
    return SitterFigures(sitter, likeness, asked)


def visible_change(sitter: Sitter, finder: FaceAnalyser) -> VisibleChange:
    """Measures changes against the sitter's closest match."""
    match = sitter.pictures["match"]
    importance = face_importance(sitter.portrait, len(match))
    return VisibleChange(match, importance, NormalisedLaplacianPyramid(), finder)


def gallery_of_strangers(work: Path, judges: Sequence[Judge], finder: FaceAnalyser) -> dict[str, Array]:
    """Mean embeddings (N, D) of people who do not sit, by judge; kept in WORK."""
    path = work / "gallery.npz"
    if not path.exists():
        _, names = sitters_and_strangers(rendered_names())
        found = [find_portrait(picture, finder, 256) for _, picture in renders(names)]
        known = {
            judge.name: np.stack(
                [portrait_embedding(judge, portrait, seed=1) for portrait in found if portrait]
            )
            for judge in judges
        }
        keep_arrays(path, **known)
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def is_found_first(judge: Judge, probe: Array, own: Array, others: Array) -> bool:
    """Whether, in the judge's metric, a probe (D,) is nearer to its own entry (D,) than to any other one
    (N, D)."""

    def distance(entries: Array) -> Array:
        return judge.distance(entries.astype(np.float32), probe.astype(np.float32))

    return bool(distance(own) < distance(others).min(initial=np.inf))


def gallery_entries(
    name: str, figures: SitterFigures, everybody: Sequence[SitterFigures], strangers: Array
) -> Array:
    """(N, D): strangers, and the portraits of the other sitters."""
    people = [o.by_judge[name].portrait for o in everybody if o.sitter.person != figures.sitter.person]
    return np.stack([*strangers, *people])
