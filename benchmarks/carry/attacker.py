"""What an attacker could learn from pairs of their own: a regression from doppelgänger to sitter."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.carry.measuring import Array, SitterFigures, gallery_entries, is_found_first, mean_embedding
from benchmarks.carry.sitters import GROUPS, in_frame
from engine.judges.base import Judge


def print_attacker(work: Path, everybody: Sequence[SitterFigures], judge: Judge, strangers: Array) -> None:
    """Ridge regression from doppelgängers' embeddings to sitters', learned on the generator's people."""
    path = work / "pairs.npz"
    having = [figures for figures in everybody if "nearest" in figures.likeness]
    if not path.exists() or not having:
        return
    known = np.load(path)
    portraits = [in_frame(p, mesh) for p, mesh in zip(known["sitters"], known["landmarks"], strict=True)]
    frames = [judge.align(portrait.image, portrait.landmarks) for portrait in portraits]
    to = np.stack(
        [
            mean_embedding(judge, portrait.image, frame, 1)
            for portrait, frame in zip(portraits, frames, strict=True)
        ]
    )
    of_twins = np.stack(
        [mean_embedding(judge, p, frame, 0) for p, frame in zip(known["twins"], frames, strict=True)]
    )
    strength = best_ridge_strength(of_twins, to)
    probes = np.stack([figures.by_judge[judge.name].probe["nearest"] for figures in having])
    mapped = fit_ridge(of_twins, to, strength)(probes)
    print(f"\nAn attacker with {len(to)} pairs of their own ({judge.name}, ridge {strength})\n")
    print(
        "| | | found first | the same person | distance to the portrait, median |\n|---|---|---:|---:|---:|"
    )
    for who, rendered in GROUPS:
        chosen = [i for i, figures in enumerate(having) if figures.rendered == rendered]
        for name, some in (("as they are", probes), ("mapped back", mapped)):
            firsts, distances = [], []
            for i in chosen:
                own = having[i].by_judge[judge.name].portrait
                others = gallery_entries(judge.name, having[i], everybody, strangers)
                firsts.append(is_found_first(judge, some[i], own, others))
                distances.append(float(judge.distance(some[i].astype(np.float32), own.astype(np.float32))))
            same = sum(distance <= judge.threshold for distance in distances)
            median = f"{np.median(distances):.3f}" if distances else ""
            print(f"| {who} | {name} | {sum(firsts)} of {len(chosen)} | {same} of {len(chosen)} | {median} |")


def fit_ridge(x: Array, y: Array, strength: float) -> Callable[[Array], Array]:
    """Learned from pairs (N, D), (N, D): the mean step from x to y, and a linear one beyond it (ridge)."""
    centre, step = x.mean(0), (y - x).mean(0)
    inner = x - centre
    weights = np.linalg.solve(inner.T @ inner + strength * np.eye(x.shape[1]), inner.T @ (y - x - step))
    return lambda probes: probes + step + (probes - centre) @ weights


def best_ridge_strength(x: Array, y: Array, folds: int = 5) -> float:
    """The ridge that predicts pairs best that it has not seen."""
    fold = np.arange(len(x)) % folds

    def error(strength: float) -> float:
        gaps = [
            fit_ridge(x[fold != i], y[fold != i], strength)(x[fold == i]) - y[fold == i] for i in range(folds)
        ]
        return float(np.linalg.norm(np.concatenate(gaps), axis=1).mean())

    return min((0.01, 0.1, 1.0, 10.0, 100.0), key=error)
