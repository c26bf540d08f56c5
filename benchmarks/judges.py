"""What the judges cost and how far their verdicts can be trusted; the figures in docs/verdict.md.

    python -m benchmarks.judges speed | calm | people | strangers | lengths | worst

Needs the original test data (`benchmarks/test_data.py`), of which tests/data has smaller copies.
Prints tables; writes nothing.
"""

import argparse
import io
import tarfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import dlib as original
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from benchmarks.test_data import SHARED, require_test_data
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.proportions import LENGTHS
from engine.faces.sitter import find_sitter
from engine.judges.base import Affine, Embeddings, Judge
from engine.judges.calibration import Calibration, calibrate
from engine.judges.crops import cut
from engine.judges.judging import REFERENCE_K, Reference, judge_pictures, judge_worst_case, make_reference
from engine.judges.perturbations import WORST_CASE, Perturbation, perturbations
from engine.judges.registry import panel
from engine.judges.verifiers.dlib import DlibJudge, weights_folder
from engine.photographs.photograph import load_photograph

Array = NDArray[np.float64]

NO_LANDMARKS = np.zeros((478, 2), np.float32)  # the embedded judges need none


def people() -> list[tuple[str, Pixels]]:
    """(person, uint8 (256, 256, 3) RGB) of the rendered people, four shots each."""
    return [
        (path.stem.partition("_")[0], load_photograph(path))
        for path in sorted((SHARED / "people").glob("*.png"))
    ]


def portraits() -> dict[str, Pixels]:
    """The photographs and scikit-image's astronaut as portraits uint8 (512, 512, 3)."""
    photographs = {path.stem: load_photograph(path) for path in sorted((SHARED / "photos").glob("*.jpg"))}
    photographs["astronaut"] = np.asarray(data.astronaut())
    with FaceAnalyser() as finder:
        return {
            name: find_sitter(finder, photograph).portrait.image for name, photograph in photographs.items()
        }


def strangers() -> list[Pixels]:
    """Renders of people who do not exist, one each, before grey: uint8 (256, 256, 3)."""
    found = []
    with tarfile.open(SHARED / "nobody" / "renders.tar") as archive:
        for member in archive:
            if Path(member.name).name.startswith("02"):  # the wider shape setting
                file = archive.extractfile(member)
                assert file is not None
                with Image.open(io.BytesIO(file.read())) as render:
                    grey = Image.new("RGBA", render.size, (128, 128, 128, 255))
                    found.append(np.array(Image.alpha_composite(grey, render.convert("RGBA")).convert("RGB")))
    return found


def best_ms(work: Callable[[], object], times: int = 5) -> float:
    """The shortest of several runs: what the machine does when nobody else wants it."""

    def once() -> float:
        start = time.perf_counter()
        work()
        return 1e3 * (time.perf_counter() - start)

    work()
    return min(once() for _ in range(times))


def speed() -> None:
    """Milliseconds a face, dlib's own network and ours; milliseconds a verdict, every embedded judge."""
    judge = DlibJudge()
    shots = [picture for _, picture in people()[:32]]
    crops = np.stack([cut(shot, judge.align(shot, NO_LANDMARKS), 150) for shot in shots])
    own = original.face_recognition_model_v1(
        str(weights_folder() / "dlib_face_recognition_resnet_model_v1.dat")
    )
    print(f"dlib itself, one face: {best_ms(lambda: own.compute_face_descriptor(crops[0])):.1f} ms")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        for batch in (1, 8, 32):
            ms = best_ms(lambda batch=batch: judge.embed(crops[:batch])) / batch  # type: ignore[misc]
            print(f"ours, {threads} threads, batch {batch}: {ms:.2f} ms a face")
        for member in panel():
            reference = make_reference(member, [(shots[0], NO_LANDMARKS)])
            k8 = best_ms(lambda member=member, r=reference: judge_pictures(member, r, shots[:8]), 3) / 8  # type: ignore[misc]
            worst = best_ms(lambda member=member, r=reference: judge_worst_case(member, r, shots[:2]), 3) / 2  # type: ignore[misc]
            print(f"{member.name}, {threads} threads: {k8:.0f} ms a verdict, {worst:.0f} ms a worst case")


def calm(counts: Sequence[int] = (1, 4, 8, 16)) -> None:
    """Blends of photographs with the mean of the rendered people: how often the verdict flips, and where."""
    median = np.mean([picture for _, picture in people()], axis=0)
    (judge,) = panel(["dlib"])
    for name, portrait in portraits().items():
        sitter = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA).astype(float)

        def blend(t: float, sitter: Array = sitter) -> Pixels:
            return np.rint(median + t * (sitter - median)).clip(0, 255).astype(np.uint8)

        reference = make_reference(judge, [(portrait, NO_LANDMARKS)])
        coarse = np.linspace(0, 1, 17)
        distances = [v.distance for v in judge_pictures(judge, reference, [blend(t) for t in coarse])]
        print(f"{name}: " + " ".join(f"{d:.2f}" for d in distances))
        flips = [
            i
            for i, (a, b) in enumerate(pairwise(distances))
            if (a > judge.threshold) != (b > judge.threshold)
        ]
        if not flips:
            continue
        fine = np.linspace(coarse[flips[-1]] - 0.06, coarse[flips[-1] + 1] + 0.06, 49)
        pictures = [blend(t) for t in fine]
        for k in counts:
            print("    " + _calm_row(judge, portrait, pictures, fine, k))


def _calm_row(judge: Judge, portrait: Pixels, pictures: Sequence[Pixels], fine: Array, k: int) -> str:
    crossings, borders, zones = [], [], []
    for seed in range(4):
        reference = make_reference(judge, [(portrait, NO_LANDMARKS)], seed)
        verdicts = judge_pictures(judge, reference, pictures, seed, k)
        places = [float(fine[i]) for i, (a, b) in enumerate(pairwise(verdicts)) if a.same != b.same]
        unsure = [
            t
            for t, v in zip(fine, verdicts, strict=True)
            if abs(v.distance - judge.threshold) <= 2 * v.spread / k**0.5
        ]
        crossings.append(len(places))
        borders.append(places[-1] if places else np.nan)
        zones.append(max(unsure) - min(unsure) if unsure else 0.0)
    return (
        f"K={k}: crossings {crossings}, border {np.mean(borders):.3f}, moved by another seed at most "
        f"{np.ptp(borders):.4f}, zone of two standard errors {np.mean(zones):.4f}"
    )


def rates(name: str, measured: Calibration, thresholds: Sequence[float]) -> None:
    for threshold in thresholds:
        (fmr, fnmr) = (measured.fmr(threshold), measured.fnmr(threshold))
        print(
            f"{name}: at {threshold:g} FMR {fmr.value:.4f} [{fmr.interval[0]:.4f}, {fmr.interval[1]:.4f}], "
            f"FNMR {fnmr.value:.4f} [{fnmr.interval[0]:.4f}, {fnmr.interval[1]:.4f}]"
        )


def equal_error(measured: Calibration) -> float:
    """The threshold at which the two errors are nearest to each other."""
    return float(min(measured.genuine, key=lambda t: abs(measured.fmr(t).value - measured.fnmr(t).value)))


class Plain(DlibJudge):
    """dlib without perturbations: one embedding to a verdict, one to a reference."""

    def describe(
        self, pictures: Sequence[Pixels], alignment: Affine, perturbations: Sequence[Perturbation]
    ) -> Embeddings:
        once = super().describe(pictures, alignment, [Perturbation()])
        return np.repeat(once, len(perturbations), axis=1)


class OneFrame(DlibJudge):
    """dlib with one alignment for every picture, as along a continuum, but of nobody's in particular."""

    def align(self, portrait: Pixels, landmarks: NDArray[np.float32]) -> Affine:
        median = np.mean([picture for _, picture in people()], axis=0).astype(np.uint8)
        return super().align(median, landmarks)


def people_rates() -> None:
    """Errors on the rendered people: with and without averaging, with one alignment for all."""
    shots = [(person, picture, NO_LANDMARKS) for person, picture in people()]
    for name, judge in (
        ("dlib", DlibJudge()),
        ("dlib, single pictures", Plain()),
        ("dlib, one frame", OneFrame()),
    ):
        measured = calibrate(judge, shots)
        rates(name, measured, (0.477, 0.545, 0.6, equal_error(measured)))
        print(
            f"    genuine {np.percentile(measured.genuine, [5, 50, 95]).round(3)}, "
            f"impostor {np.percentile(measured.impostor, [1, 5, 50, 95]).round(3)}"
        )
    (bertillon,) = panel(["anthropometry"])
    measured = calibrate(bertillon, shots)
    rates("anthropometry", measured, (1.3, 1.5, bertillon.threshold, 2.0, equal_error(measured)))


def strangers_rates() -> None:
    """Strangers among the renders: what averaging does to the false matches."""
    pictures = strangers()
    pairs = np.triu_indices(len(pictures), 1)
    for name, judge in (
        ("dlib", DlibJudge()),
        ("dlib, single pictures", Plain()),
        *((j.name, j) for j in panel()[1:]),
    ):
        distances = _all_distances(judge, pictures)[pairs]
        thresholds = (0.477, 0.545, 0.6) if name != "anthropometry" else (judge.threshold,)
        for threshold in thresholds:
            print(
                f"{name}: {len(distances)} pairs, at {threshold:g} FMR {np.mean(distances <= threshold):.5f}"
            )
        print(
            f"    thresholds for FMR 1e-2, 1e-3, 1e-4: {np.quantile(distances, [1e-2, 1e-3, 1e-4]).round(4)}"
        )


def _all_distances(judge: Judge, pictures: Sequence[Pixels]) -> Array:
    judged, remembered = perturbations(0, 8), perturbations(0, REFERENCE_K)
    embedded = [
        judge.describe([p], judge.align(p, NO_LANDMARKS), [*judged, *remembered])[0] for p in pictures
    ]
    embeddings = np.stack([s[: len(judged)] for s in embedded])
    references = [judge.centre(s[len(judged) :]) for s in embedded]
    return np.stack([judge.distance(embeddings, reference).mean(axis=1) for reference in references])


def lengths() -> None:
    """The ordinary deviations of anthropometry's lengths between shots of one person."""
    (judge,) = panel(["anthropometry"])
    deviations = np.array([deviation for _, deviation in LENGTHS.values()]) * len(LENGTHS) ** 0.5
    shots = people()
    embedded = [
        judge.describe([p], judge.align(p, NO_LANDMARKS), perturbations(0, 8))[0].mean(axis=0)
        for _, p in shots
    ]
    means = np.stack(embedded) * deviations
    names = np.array([person for person, _ in shots])
    groups = [means[names == person] for person in np.unique(names)]
    squares = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups)
    freedom = len(means) - len(groups)
    for name, deviation in zip(LENGTHS, np.sqrt(squares / freedom), strict=True):
        print(f"{name}: {deviation:.4f}")


def worst() -> None:
    """How far each harsher change moves dlib's distance of one shot to another of the same person."""
    (judge,) = panel(["dlib"])
    shots = [picture for _, picture in people()]
    moves = []
    for first, second in zip(shots[::4], shots[1::4], strict=True):
        reference: Reference = make_reference(judge, [(first, NO_LANDMARKS)])
        mean = judge_pictures(judge, reference, [second])[0].distance
        moves.append(
            [judge_worst_case(judge, reference, [second], [c])[0].distance - mean for c in WORST_CASE]
        )
    for change, column in zip(WORST_CASE, np.array(moves).T, strict=True):
        print(f"{column.mean():+.3f}, {column.min():+.3f}..{column.max():+.3f}  {change}")


TABLES = {
    "speed": speed,
    "calm": calm,
    "people": people_rates,
    "strangers": strangers_rates,
    "lengths": lengths,
    "worst": worst,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="which to print (default: all)")
    chosen = parser.parse_args().tables
    require_test_data()
    for table in chosen or list(TABLES):
        print(f"--- {table}: {(TABLES[table].__doc__ or '').splitlines()[0]}")
        TABLES[table]()
