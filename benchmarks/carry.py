"""How far the doppelgänger carries: likeness and verdicts of four pictures; the figures in docs/limits.md.

    python -m benchmarks.carry portray WORK
    python -m benchmarks.carry leave-one-out WORK --models FOLDER
    python -m benchmarks.carry pairs WORK [--count 60]
    python -m benchmarks.carry table WORK --models FOLDER [--plot docs/carry.png]
    python -m benchmarks.carry sheet WORK

Portrays, as the installation does but with one thread, the photographs in ../shared, scikit-image's
astronaut and people who do not exist. Compares four pictures of each: the closest match, the nearest
doppelgänger, the one on the way through the median face, and a random face of the generator. FOLDER holds
the models of `recognisers.py`, which no search has heard of, unless they are put on the panel so that another
judge can be left out. `--only NAME ...` takes some sitters. What is done is kept and not done again. WORK
keeps pictures of the sitters: delete it afterwards.
"""

import argparse
import io
import json
import pickle
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from benchmarks.judges import equal_error
from benchmarks.recognisers import PHOTOGRAPHS, recognisers
from engine.border.tracing import Crossing
from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.common.errors import NoUsableFace
from engine.faces.acceptance import choose_sitter
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.faces.photograph import load_photograph
from engine.finders.base import Holds, JudgeConstraint
from engine.finders.nearest import NearestSettings, close_in, search_nearest
from engine.finders.towards_others import TRUNCATION
from engine.inversion.projection import Place, draw, fast_dtype
from engine.inversion.target import face_importance
from engine.judges.base import Affine, Judge
from engine.judges.calibration import calibrate
from engine.judges.judging import K, Reference, judge_pictures, judge_worst_case, make_reference
from engine.judges.perturbations import WORST_CASE, perturbations
from engine.judges.registry import panel
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.visible_change import VisibleChange, picture_likeness
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator, to_uint8
from installation.outputs.plots import DIM, GREY, OTHER, SAME
from installation.settings import configuration
from installation.stage.canvas import WHITE, Align, Canvas, grey
from installation.stage.typesetting import text_width
from installation.workers.models import ModelBundle
from training.nobody.dataset import held_out
from training.nobody.evaluation.frechet import frechet_distance

Array = NDArray[np.float64]
Figures = dict[str, float]

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
RENDERS = SHARED / "nobody" / "renders.tar"
KINDS = ("match", "nearest", "on the way", "random")
MARGIN = PortrayalSettings().margin
UNSEEN = 3  # renders that the generator was not trained on
VERSION_0_RENDERS, VERSION_0_UNSEEN = 1200, 64
STRANGERS = 200
FRECHET_AXES = 8
FIRST_SEED = 1000  # of the attacker's own people
HIGHEST_DRAWN = 3.0  # thresholds; what is farther lies on the upper edge of the plot
GROUPS = (("photographs", False), ("rendered people", True))


@dataclass
class Sitter:
    """One portrayal. pictures: by kind, uint8 (R, R, 3). given: the kind of doppelgänger taken home.
    border: of the second continuum. seconds: by stage, and of the processor under `cpu`."""

    name: str
    rendered: bool
    portrait: Portrait
    other_shot: Portrait | None
    match: Place
    pictures: dict[str, Pixels]
    given: str | None = None
    border: Crossing | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)

    @property
    def person(self) -> str:
        """Two photographs of one man are two sitters, but one person."""
        return self.name if self.rendered else self.name.rstrip("2")

    def reference(self, judge: Judge) -> Reference:
        """As the judge knows the sitter; made once."""
        if judge.name not in self.references:
            seen = [(self.portrait.image, self.portrait.landmarks)]
            self.references[judge.name] = make_reference(judge, seen)
        return self.references[judge.name]


@dataclass(frozen=True)
class Asked:
    """What one judge makes of one sitter. By kind: `distance` from the portrait and the smallest one in the
    worst case, in its metric; `probe`, the mean embedding (D,). portrait, other_shot: mean embeddings as a
    gallery holds them, under changes of their own."""

    distance: dict[str, float]
    worst: dict[str, float]
    probe: dict[str, Array]
    portrait: Array
    other_shot: Array | None


@dataclass(frozen=True)
class Measured:
    """All figures of one sitter: likeness to the match by kind, and what each judge says."""

    sitter: Sitter
    likeness: dict[str, Figures]
    asked: dict[str, Asked]

    @property
    def rendered(self) -> bool:
        return self.sitter.rendered


def keep_arrays(path: Path, **arrays: NDArray[np.generic]) -> None:
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    write_bytes(path, held.getvalue())


def generator() -> Generator:
    return load_generator(ROOT / "weights" / "nobody.safetensors")


# --- who sits


def rendered_names() -> list[str]:
    """All in the archive, sorted."""
    with tarfile.open(RENDERS) as archive:
        return sorted(Path(name).stem for name in archive.getnames() if name.endswith(".webp"))


def unseen(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which renders the generator never saw: left out now, and by version 0, which it began with."""
    by_version_0 = np.zeros(len(names), bool)
    if len(names) == VERSION_0_RENDERS:
        by_version_0[np.random.default_rng(0).permutation(len(names))[:VERSION_0_UNSEEN]] = True
    return held_out(names) & by_version_0


def of_the_wider_shapes(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """From all names: those who sit, never seen by the generator, and the strangers of the gallery."""
    wider = [name.startswith("02") for name in names]
    sitting = [names[i] for i in np.flatnonzero(unseen(names) & wider)[:UNSEEN]]
    others = [name for name, wide in zip(names, wider, strict=True) if wide and name not in sitting]
    return sitting, others[:STRANGERS]


def renders(names: Sequence[str]) -> Iterator[tuple[str, Pixels]]:
    """(name, uint8 (256, 256, 3)) before grey."""
    with tarfile.open(RENDERS) as archive:
        for name in names:
            file = archive.extractfile(f"{name}.webp")
            assert file is not None
            with Image.open(file) as render:
                grey = Image.new("RGBA", render.size, (128, 128, 128, 255))
                yield name, np.array(Image.alpha_composite(grey, render.convert("RGBA")).convert("RGB"))


def sitters() -> Iterator[tuple[str, bool, Callable[[], Pixels], Callable[[], Pixels] | None]]:
    """(name, rendered, photograph, another of the same person)."""

    def file(path: Path) -> Callable[[], Pixels]:
        return lambda: load_photograph(path)

    paths = {path.stem: path for path in sorted((SHARED / "photos").glob("*.jpg"))}
    for name, path in paths.items():
        other = name.removesuffix("2") if name.endswith("2") else f"{name}2"
        yield name, False, file(path), file(paths[other])
    yield "astronaut", False, lambda: np.asarray(data.astronaut()), None
    for path in sorted((SHARED / "people").glob("*_0.png")):
        yield path.stem, True, file(path), file(path.with_name(path.name.replace("_0", "_1")))
    for name in of_the_wider_shapes(rendered_names())[0]:
        yield name, True, lambda name=name: next(renders([name]))[1], None  # type: ignore[misc]


def find_portrait(photograph: Pixels, finder: FaceAnalyser, size_px: int = 512) -> Portrait | None:
    faces = finder.find(photograph)
    return crop_ffhq(photograph, faces[0].landmarks, size_px) if faces else None


# --- portray


def do_portray(work: Path, only: Sequence[str], steps: int | None) -> None:
    """As the installation does; `steps`: of search and tuning, where fewer shall do for a trial."""
    bundle = ModelBundle(configuration.load(configuration.DEFAULT))
    torch.set_num_threads(1)
    settings = replace(bundle.settings, strip=1, nearest_strip=1)
    if steps:
        settings = replace(settings, search=replace(settings.search, steps=steps, tuning_steps=steps))
    bundle.settings = settings
    print(f"{torch.get_num_threads()} thread, search {settings.search}, finders {settings.finders}")
    with FaceAnalyser() as finder:
        for name, rendered, photograph, other in sitters():
            path = work / f"{name}.pickle"
            if path.exists() or (only and name not in only):
                continue
            began = time.process_time()
            try:
                done = bundle.portray([photograph()])
            except NoUsableFace as error:
                print(f"{name}: {error}", flush=True)
                continue
            sitter = Sitter(
                name,
                rendered,
                done.portrait,
                find_portrait(other(), finder) if other else None,
                done.continuum.end,
                {"match": done.continuum.picture(1.0)},
                seconds=done.seconds | {"cpu": time.process_time() - began},
                references={one.judge.name: one.reference for one in done.judged},
            )
            if done.doppelganger:
                sitter.given = done.doppelganger.kind
            if done.on_the_way and done.on_the_way.kind == "on-the-way":
                sitter.pictures["on the way"] = done.on_the_way.picture
            if done.doppelganger and done.doppelganger.kind == "nearest":
                sitter.pictures["nearest"] = done.doppelganger.picture
            binding = [one.judge for one in done.judged if one.judge.binding]
            if done.nearest:
                sitter.border = done.nearest.curves[binding[0].name].border
            # Another seed for each sitter, whoever sits beside them: how wide the face is.
            random = random_face(bundle.generator, holding(sitter, binding), int(done.face.face_px))
            if random is not None:
                sitter.pictures["random"] = random
            write_bytes(path, pickle.dumps(sitter))
            (work / f"{name}.figures").unlink(missing_ok=True)
            shown = {stage: round(value, 1) for stage, value in sitter.seconds.items()}
            print(name, sorted(sitter.pictures), sitter.given, sitter.border, shown, flush=True)


def holding(sitter: Sitter, judges: Sequence[Judge]) -> Holds:
    """Whether each judge says someone else, in the worst case too, as `engine.pipeline.portrayal` asks."""

    def stays_beyond(judge: Judge, picture: Pixels) -> bool:
        reference = sitter.reference(judge)
        (plain,) = judge_pictures(judge, reference, [picture])
        if plain.same:
            return False
        (worst,) = judge_worst_case(judge, reference, [picture])
        return worst.worst_distance > judge.threshold * (1 + MARGIN)

    return lambda pictures: [all(stays_beyond(judge, picture) for judge in judges) for picture in pictures]


def random_face(network: Generator, holds: Holds, seed: int) -> Pixels | None:
    """The first of 50 faces of the generator that holds."""
    random = torch.Generator().manual_seed(seed)
    for _ in range(50):
        z = torch.randn(1, network.z_dim, generator=random)
        with torch.no_grad():
            picture = to_uint8(network(z, psi=TRUNCATION))[0].numpy()
        if holds([picture])[0]:
            return picture
    return None


def load(work: Path, only: Sequence[str]) -> list[Sitter]:
    """Everybody portrayed so far, photographs first."""
    paths = [path for path in work.glob("*.pickle") if not only or path.stem in only]
    everybody: list[Sitter] = [pickle.loads(path.read_bytes()) for path in paths]
    return sorted(everybody, key=lambda one: (one.rendered, one.name))


# --- other searches


def find_nearest(
    network: Generator,
    sitter: Sitter,
    judges: Sequence[Judge],
    settings: NearestSettings,
    finder: FaceAnalyser,
) -> Pixels | None:
    """The nearest doppelgänger of a sitter under another panel, or None."""
    constraints = [
        JudgeConstraint(judge, sitter.reference(judge), judge.threshold * (1 + MARGIN)) for judge in judges
    ]
    change = visible_change(sitter, finder)
    *_, last = search_nearest(network, sitter.match, constraints, change, settings)
    twin = close_in(network, last.place, sitter.match, holding(sitter, judges))
    return twin.picture if twin else None


def visible_change(sitter: Sitter, finder: FaceAnalyser) -> VisibleChange:
    match = sitter.pictures["match"]
    importance = face_importance(sitter.portrait, len(match))
    return VisibleChange(match, importance, NormalisedLaplacianPyramid(), finder)


def do_leave_one_out(work: Path, models: Path, only: Sequence[str]) -> None:
    """Each judge of three is left out of the search in turn, and then none."""
    network, settings = generator(), NearestSettings(dtype=fast_dtype(torch.device("cpu")))
    lines = draw_lines(work, models)
    with FaceAnalyser() as finder:
        for sitter in load(work, only):
            path = work / f"{sitter.name}.left"
            found: dict[str, Pixels | None] = pickle.loads(path.read_bytes()) if path.exists() else {}
            judges = [*panel(["dlib"]), *recognisers(models, lines if sitter.rendered else PHOTOGRAPHS)]
            for left in (*judges, None):
                name = left.name if left else "nobody"
                if name in found:
                    continue
                began = time.monotonic()
                others = [one for one in judges if one is not left]
                found[name] = find_nearest(network, sitter, others, settings, finder)
                write_bytes(path, pickle.dumps(found))
                outcome = "none" if found[name] is None else "found"
                print(
                    sitter.name, "left out:", name, outcome, f"{time.monotonic() - began:.0f} s", flush=True
                )


def do_pairs(work: Path, count: int) -> None:
    """Faces of the generator itself as sitters, and their nearest doppelgängers: what an attacker could make
    at home to learn from. Searched as the installation does."""
    network, judges = generator(), panel(["dlib"])
    settings = NearestSettings(dtype=fast_dtype(torch.device("cpu")))
    path = work / "pairs.npz"
    names = ("seeds", "sitters", "landmarks", "twins")
    kept: list[list[NDArray[np.generic]]] = [[], [], [], []]
    if path.exists():
        with np.load(path) as known:
            kept = [list(known[name]) for name in names]
    with FaceAnalyser() as finder:
        for seed in unused_seeds([int(one) for one in kept[0]]):
            if len(kept[0]) >= count:
                break
            random = torch.Generator().manual_seed(seed)
            z = torch.randn(1, network.z_dim, generator=random)
            with torch.no_grad():
                place = Place(network.truncate(network.broadcast(network.mapping(z)), 0.5))
                picture = to_uint8(draw(network, place))[0].numpy()
            faces = finder.find(picture)
            if not faces:
                continue
            sitter = Sitter("", True, in_frame(picture, faces[0].landmarks), None, place, {"match": picture})
            twin = find_nearest(network, sitter, judges, settings, finder)
            if twin is None:
                continue
            for column, value in zip(kept, (seed, picture, faces[0].landmarks, twin), strict=True):
                column.append(np.asarray(value))
            stacked = (np.stack(column) for column in kept)
            keep_arrays(path, **dict(zip(names, stacked, strict=True)))
            print(len(kept[0]), flush=True)


def unused_seeds(used: Sequence[int]) -> Iterator[int]:
    """Seeds behind the last one used, without end."""
    seed = max(used, default=FIRST_SEED - 1)
    while True:
        seed += 1
        yield seed


def in_frame(picture: Pixels, landmarks: NDArray[np.float32]) -> Portrait:
    """A picture of the generator, which draws in FFHQ framing, as a portrait."""
    return Portrait(picture, landmarks, np.eye(2, 3) / len(picture))


# --- measuring


def draw_lines(work: Path, models: Path) -> dict[str, float]:
    """Thresholds for rendered people: where both errors are equal on the shots in ../shared/people; printed
    beside those for photographs. dlib and anthropometry keep theirs, and are printed too."""
    path = work / "lines.json"
    if not path.exists():
        shots = []
        with FaceAnalyser() as finder:
            for file in sorted((SHARED / "people").glob("*.png")):
                picture = load_photograph(file)
                portrait = crop_ffhq(picture, choose_sitter(finder.find(picture)).landmarks)
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
    for name, one in lines.items():
        print(
            f"| {name} | {one['now']:.3g} | {one['fmr now']:.1%} | {one['equal']:.3f} | {one['fmr']:.1%} "
            f"| {one['fnmr']:.1%} |"
        )
    return {name: lines[name]["equal"] for name in PHOTOGRAPHS}


def mean_embedding(judge: Judge, picture: Pixels, alignment: Affine, seed: int) -> Array:
    """(D,), over K changes."""
    return judge.centre(judge.describe([picture], alignment, perturbations(seed, K))).astype(np.float64)


def own_mean(judge: Judge, portrait: Portrait, seed: int) -> Array:
    """(D,), in the portrait's own alignment."""
    return mean_embedding(judge, portrait.image, judge.align(portrait.image, portrait.landmarks), seed)


def ask(judge: Judge, sitter: Sitter) -> Asked:
    """Each picture is embedded once, under the changes of a verdict and those of the worst case."""
    reference = sitter.reference(judge)
    asked = Asked(
        {},
        {},
        {},
        own_mean(judge, sitter.portrait, seed=1),
        own_mean(judge, sitter.other_shot, seed=1) if sitter.other_shot else None,
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


def measure(work: Path, sitter: Sitter, judges: Sequence[Judge], finder: FaceAnalyser) -> Measured:
    """All figures of a sitter, kept in WORK."""
    path = work / f"{sitter.name}.figures"
    if path.exists():
        likeness, asked = pickle.loads(path.read_bytes())
        return Measured(sitter, likeness, asked)
    change, likeness = visible_change(sitter, finder), {}
    for kind, picture in sitter.pictures.items():
        likeness[kind] = picture_likeness(picture, sitter.pictures["match"]) | {
            "perceptual": change.perceptual(picture),
            "visible change": change.measure(picture).total,
        }
    asked = {judge.name: ask(judge, sitter) for judge in judges}
    write_bytes(path, pickle.dumps((likeness, asked)))
    return Measured(sitter, likeness, asked)


def gallery_of_strangers(work: Path, judges: Sequence[Judge], finder: FaceAnalyser) -> dict[str, Array]:
    """Mean embeddings (N, D) of people who do not sit, by judge; kept in WORK."""
    path = work / "gallery.npz"
    if not path.exists():
        _, names = of_the_wider_shapes(rendered_names())
        found = [find_portrait(picture, finder, 256) for _, picture in renders(names)]
        known = {
            judge.name: np.stack([own_mean(judge, one, seed=1) for one in found if one]) for judge in judges
        }
        keep_arrays(path, **known)
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def found_first(judge: Judge, probe: Array, own: Array, others: Array) -> bool:
    """Whether, in the judge's metric, a probe (D,) is nearer to its own entry (D,) than to any other one
    (N, D)."""

    def distance(entries: Array) -> Array:
        return judge.distance(entries.astype(np.float32), probe.astype(np.float32))

    return bool(distance(own) < distance(others).min(initial=np.inf))


def entries_of_others(name: str, one: Measured, everybody: Sequence[Measured], strangers: Array) -> Array:
    """(N, D): strangers, and the portraits of the other sitters."""
    people = [o.asked[name].portrait for o in everybody if o.sitter.person != one.sitter.person]
    return np.stack([*strangers, *people])


# --- the table


def do_table(work: Path, models: Path, only: Sequence[str], plot: Path | None) -> None:
    lines = draw_lines(work, models)
    recognising = [*panel(["dlib"]), *recognisers(models)]
    judges = [*recognising, *panel(["anthropometry"])]
    with FaceAnalyser() as finder:
        measured = [measure(work, sitter, judges, finder) for sitter in load(work, only)]
        strangers = gallery_of_strangers(work, recognising, finder)
    rendered = sum(one.rendered for one in measured)
    print(f"\n{len(measured)} sitters, {rendered} of them rendered; {torch.get_num_threads()} thread")
    if not measured:
        return
    thresholds = {
        was: {j.name: lines.get(j.name, j.threshold) if was else j.threshold for j in judges}
        for was in (False, True)
    }
    print_sitters(measured)
    for who, some in (("all", measured), *((who, of(measured, was)) for who, was in GROUPS)):
        print_likeness(who, some, thresholds)
    print_frechet(measured, recognising[-1].name)
    for who, was in GROUPS:
        print_verdicts(who, of(measured, was), thresholds[was])
        print_ranks(who, of(measured, was), measured, recognising, strangers)
        print_left_out(work, who, of(measured, was), recognising, thresholds[was])
    print_attacker(work, measured, recognising[0], strangers["dlib"])
    if plot:
        Image.fromarray(draw_plot(measured, thresholds)).save(plot, optimize=True)


def of(measured: Sequence[Measured], rendered: bool) -> list[Measured]:
    return [one for one in measured if one.rendered == rendered]


def ratios(measured: Sequence[Measured]) -> list[float]:
    """The nearest one's perceptual distance to the match, as a share of that of the one on the way; of
    those who have both."""
    return [
        one.likeness["nearest"]["perceptual"] / one.likeness["on the way"]["perceptual"]
        for one in measured
        if {"nearest", "on the way"} <= one.likeness.keys()
    ]


def spread(values: Sequence[float], unit: str = "") -> str:
    if not values:
        return "none"
    return f"median {np.median(values):.3g}{unit}, largest {max(values):.3g}{unit}, of {len(values)}"


def print_sitters(measured: Sequence[Measured]) -> None:
    print("\nPerceptual distance to the match; border of the second continuum; seconds of one core\n")
    print(
        "| | given | on the way | nearest | ratio | t | width | mean, max difference | dlib | nearest | all |"
    )
    print("|---|---|" + "---:|" * 9)
    for one in measured:
        way, near = (one.likeness.get(kind, {}).get("perceptual") for kind in ("on the way", "nearest"))
        ratio = f"{near / way:.3f}" if near and way else ""
        shown = " | ".join("" if value is None else f"{value:.3f}" for value in (way, near))
        border, seconds = one.sitter.border, one.sitter.seconds
        cells = ["", "", "", ""]
        if border:
            cells = [
                f"{border.t:.3f}",
                f"{border.width:.4f}",
                f"{border.mean_abs_diff:.3f}, {border.max_abs_diff}",
                f"{border.same.verdict.distance:.4f} same, {border.other.verdict.distance:.4f} else",
            ]
        searching, whole = processor_seconds(seconds)
        print(
            f"| {one.sitter.name} | {one.sitter.given} | {shown} | {ratio} | "
            + " | ".join(cells)
            + f" | {searching:.1f} | {whole:.0f} |"
        )
    borders = [one.sitter.border for one in measured if one.sitter.border]
    for who, some in (("all", list(measured)), *((who, of(measured, was)) for who, was in GROUPS)):
        print(f"\nratio, {who}: {spread(ratios(some))}")
    print(f"\nborder, mean difference: {spread([one.mean_abs_diff for one in borders])}")
    print(f"border, largest difference: {spread([float(one.max_abs_diff) for one in borders])}")
    differing = sum(border.low.verdict.same != border.high.verdict.same for border in borders)
    print(f"borders with differing verdicts: {differing}")
    times = [processor_seconds(one.sitter.seconds) for one in measured]
    print(f"the nearest one, of one core: {spread([one for one, _ in times], ' s')}")
    print(f"all of it, of one core: {spread([whole for _, whole in times], ' s')}")
    for stage in sorted({stage for one in measured for stage in one.sitter.seconds} - {"cpu"}):
        taken = [one.sitter.seconds.get(stage, 0) for one in measured]
        print(f"{stage}, by the clock: {spread(taken, ' s')}, least {min(taken):.1f} s")


def processor_seconds(seconds: Mapping[str, float]) -> tuple[float, float]:
    """Of the search for the nearest one, and of everything: what the processor has worked, on a machine that
    may be busy with other things; the search's share is that of the clock."""
    stages = sum(value for stage, value in seconds.items() if stage != "cpu")
    whole = seconds.get("cpu", stages)
    return (whole * seconds.get("nearest", 0.0) / stages if stages else 0.0), whole


def print_likeness(who: str, some: Sequence[Measured], thresholds: dict[bool, dict[str, float]]) -> None:
    names = ("rmse", "psnr_db", "ssim", "perceptual", "visible change")
    judges = list(thresholds[False])
    print(f"\nLikeness to the match, and each judge's distance from the portrait in thresholds; {who}\n")
    print("| | sitters | " + " | ".join((*names, *judges)) + " |")
    print("|---|" + "---:|" * (len(names) + len(judges) + 1))
    for kind in KINDS:
        having = [one for one in some if kind in one.likeness]
        if not having:
            print(f"| {kind} | 0 |" + " |" * (len(names) + len(judges)))
            continue
        values = [np.median([one.likeness[kind][name] for one in having]) for name in names]
        values += [
            np.median([one.asked[j].distance[kind] / thresholds[one.rendered][j] for one in having])
            for j in judges
        ]
        print(f"| {kind} | {len(having)} | " + " | ".join(f"{value:.3g}" for value in values) + " |")


def print_frechet(measured: Sequence[Measured], judge: str) -> None:
    """Of those who have every kind, in the directions in which all matches differ most."""
    whole = [one for one in measured if set(KINDS) <= one.likeness.keys()]
    axes = min(FRECHET_AXES, len(whole) - 2)
    if axes < 1:
        print("\nToo few sitters have all four pictures for a Fréchet distance")
        return
    matches = unit([one.asked[judge].probe["match"] for one in measured])
    ways = np.linalg.svd(matches - matches.mean(0), full_matrices=False)[2][:axes].T
    sets = {kind: unit([one.asked[judge].probe[kind] for one in whole]) @ ways for kind in KINDS}
    print(f"\nFréchet distance to the matches ({judge}, {axes} axes, {len(whole)} sitters)\n")
    for kind in KINDS:
        print(f"- {kind}: {abs(frechet_distance(sets[kind], sets['match'])):.4f}")


def unit(vectors: Sequence[Array]) -> Array:
    """(N, D), each of length one."""
    stacked = np.stack(vectors)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def print_verdicts(who: str, some: Sequence[Measured], thresholds: Mapping[str, float]) -> None:
    print(f"\nSomeone else, {who}; in brackets: in the worst case too\n")
    print("| | sitters | " + " | ".join(f"{name} ({line:.3g})" for name, line in thresholds.items()) + " |")
    print("|---|" + "---:|" * (len(thresholds) + 1))
    for kind in KINDS:
        having = [one for one in some if kind in one.likeness]
        cells = []
        for name, line in thresholds.items():
            beyond = [one for one in having if one.asked[name].distance[kind] > line]
            cells.append(f"{len(beyond)} ({sum(o.asked[name].worst[kind] > line for o in beyond)})")
        print(f"| {kind} | {len(having)} | " + " | ".join(cells) + " |")


def print_ranks(
    who: str,
    some: Sequence[Measured],
    everybody: Sequence[Measured],
    judges: Sequence[Judge],
    strangers: Mapping[str, Array],
) -> None:
    for other_shot, what in ((False, "the portrait itself"), (True, "another photograph")):
        print(f"\nFound first in a gallery that holds {what}, {who}\n")
        print("| | " + " | ".join(judge.name for judge in judges) + " |")
        print("|---|" + "---:|" * len(judges))
        for kind in KINDS:
            cells = []
            for judge in judges:
                firsts = []
                for one in some:
                    asked = one.asked[judge.name]
                    own = asked.other_shot if other_shot else asked.portrait
                    if kind not in one.likeness or own is None:
                        continue
                    others = entries_of_others(judge.name, one, everybody, strangers[judge.name])
                    firsts.append(found_first(judge, asked.probe[kind], own, others))
                cells.append(f"{sum(firsts)} of {len(firsts)}")
            print(f"| {kind} | " + " | ".join(cells) + " |")


def print_left_out(
    work: Path, who: str, some: Sequence[Measured], judges: Sequence[Judge], thresholds: Mapping[str, float]
) -> None:
    """What the judge left out says, of the same sitters' match, of their nearest one under dlib alone, and of
    what was found without it."""
    print(f"\nLeft out of the search, and asked afterwards, {who}; in brackets: in the worst case too\n")
    print("| left out | found | someone else | of the match | of the one for dlib alone | perceptual |")
    print("|---|" + "---:|" * 5)
    for name in (*(judge.name for judge in judges), "nobody"):
        searched, having, beyond, changes = 0, [], [], []
        for one in some:
            path = work / f"{one.sitter.name}.left"
            found = pickle.loads(path.read_bytes()) if path.exists() else {}
            searched += name in found
            picture = found.get(name)
            if picture is None:
                continue
            having.append(one)
            changes.append(perceptual(one.sitter, picture))
            if name == "nobody":
                continue
            (judge,) = (judge for judge in judges if judge.name == name)
            reference = one.sitter.reference(judge)
            (plain,) = judge_pictures(judge, reference, [picture])
            (worst,) = judge_worst_case(judge, reference, [picture])
            beyond.append((plain.distance > thresholds[name], worst.worst_distance > thresholds[name]))
        if not searched:
            continue
        cells = [f"{len(having)} of {searched}", "", "", ""]
        if name != "nobody":
            cells[1] = f"{sum(a for a, _ in beyond)} ({sum(a and b for a, b in beyond)}) of {len(beyond)}"
            for i, kind in ((2, "match"), (3, "nearest")):
                known = [one.asked[name].distance[kind] for one in having if kind in one.likeness]
                cells[i] = f"{sum(d > thresholds[name] for d in known)} of {len(known)}"
        median = f"{np.median(changes):.3f}" if changes else ""
        print(f"| {name} | " + " | ".join(cells) + f" | {median} |")


@torch.no_grad()
def perceptual(sitter: Sitter, picture: Pixels) -> float:
    """The perceptual distance from the match."""
    match, other = (
        torch.tensor(one).permute(2, 0, 1)[None].float() / 127.5 - 1
        for one in (sitter.pictures["match"], picture)
    )
    importance = face_importance(sitter.portrait, match.shape[-1])
    return float(NormalisedLaplacianPyramid().towards(match, importance)(other))


# --- the attacker


def print_attacker(work: Path, everybody: Sequence[Measured], judge: Judge, strangers: Array) -> None:
    """Ridge regression from doppelgängers' embeddings to sitters', learned on the generator's people."""
    path = work / "pairs.npz"
    having = [one for one in everybody if "nearest" in one.likeness]
    if not path.exists() or not having:
        return
    known = np.load(path)
    portraits = [in_frame(p, mesh) for p, mesh in zip(known["sitters"], known["landmarks"], strict=True)]
    frames = [judge.align(one.image, one.landmarks) for one in portraits]
    to = np.stack(
        [mean_embedding(judge, one.image, frame, 1) for one, frame in zip(portraits, frames, strict=True)]
    )
    of_twins = np.stack(
        [mean_embedding(judge, p, frame, 0) for p, frame in zip(known["twins"], frames, strict=True)]
    )
    strength = best_strength(of_twins, to)
    probes = np.stack([one.asked[judge.name].probe["nearest"] for one in having])
    mapped = way_back(of_twins, to, strength)(probes)
    print(f"\nAn attacker with {len(to)} pairs of their own ({judge.name}, ridge {strength})\n")
    print(
        "| | | found first | the same person | distance to the portrait, median |\n|---|---|---:|---:|---:|"
    )
    for who, rendered in GROUPS:
        chosen = [i for i, one in enumerate(having) if one.rendered == rendered]
        for name, some in (("as they are", probes), ("mapped back", mapped)):
            firsts, distances = [], []
            for i in chosen:
                own = having[i].asked[judge.name].portrait
                others = entries_of_others(judge.name, having[i], everybody, strangers)
                firsts.append(found_first(judge, some[i], own, others))
                distances.append(float(judge.distance(some[i].astype(np.float32), own.astype(np.float32))))
            same = sum(distance <= judge.threshold for distance in distances)
            median = f"{np.median(distances):.3f}" if distances else ""
            print(f"| {who} | {name} | {sum(firsts)} of {len(chosen)} | {same} of {len(chosen)} | {median} |")


def way_back(x: Array, y: Array, strength: float) -> Callable[[Array], Array]:
    """Learned from pairs (N, D), (N, D): the mean step from x to y, and a linear one beyond it (ridge)."""
    centre, step = x.mean(0), (y - x).mean(0)
    inner = x - centre
    weights = np.linalg.solve(inner.T @ inner + strength * np.eye(x.shape[1]), inner.T @ (y - x - step))
    return lambda probes: probes + step + (probes - centre) @ weights


def best_strength(x: Array, y: Array, folds: int = 5) -> float:
    """The ridge that predicts pairs best that it has not seen."""
    fold = np.arange(len(x)) % folds

    def error(strength: float) -> float:
        gaps = [
            way_back(x[fold != i], y[fold != i], strength)(x[fold == i]) - y[fold == i] for i in range(folds)
        ]
        return float(np.linalg.norm(np.concatenate(gaps), axis=1).mean())

    return min((0.01, 0.1, 1.0, 10.0, 100.0), key=error)


# --- pictures


def draw_plot(measured: Sequence[Measured], thresholds: dict[bool, dict[str, float]]) -> NDArray[np.uint8]:
    """uint8 (1000, 1500, 3): one panel a judge, one column a kind, one mark a sitter; photographs are white,
    rendered people grey; a disc is *the same person*, a ring *someone else*."""
    width, height = 3000, 2000
    left, right, top, bottom, gap = 470, 2930, 330, 1560, 90
    judges = list(thresholds[False])
    panel_px = (right - left - gap * (len(judges) - 1)) / len(judges)
    ratios_drawn = [
        _ratio(one, name, k, thresholds) for one in measured for name in judges for k in one.likeness
    ]
    highest = 1.05 * max(1.5, *(ratio for ratio in ratios_drawn if ratio < HIGHEST_DRAWN))
    canvas = Canvas(width, height)

    def y_of(ratio: float) -> float:
        return bottom - (bottom - top) * min(ratio, highest) / highest

    canvas.text(
        "how far each recogniser finds four pictures from the sitter",
        (left, 110),
        46,
        400,
        GREY,
    )
    line_y = y_of(1.0)
    canvas.text(OTHER, (left - 84, line_y - 40), 50, 600, align=Align.RIGHT)
    canvas.text("threshold", (left - 84, line_y + 16), 46, 300, GREY, align=Align.RIGHT)
    canvas.text(SAME, (left - 84, line_y + 76), 50, 600, align=Align.RIGHT)
    canvas.text("0", (left - 84, bottom + 16), 46, 300, GREY, align=Align.RIGHT)
    for number, name in enumerate(judges):
        start = left + number * (panel_px + gap)
        weight, what = (600, "on the panel") if name == "dlib" else (400, "not asked in the search")
        canvas.text(name, (start, 210), 50, weight)
        canvas.text(what, (start, 262), 42, 300, GREY)
        canvas.polyline([(start, bottom), (start + panel_px, bottom)], 2, DIM)
        canvas.polyline([(start - 30, line_y), (start + panel_px, line_y)], 3, GREY)
        column = panel_px / len(KINDS)
        x_of = {kind: start + column * (i + 0.5) for i, kind in enumerate(KINDS)}
        aside = np.linspace(-0.32, 0.32, len(measured)) * column if len(measured) > 1 else [0.0]
        places = [
            {
                kind: (x_of[kind] + float(dx), y_of(_ratio(one, name, kind, thresholds)))
                for kind in one.likeness
            }
            for one, dx in zip(measured, aside, strict=True)
        ]
        for place in places:
            if {"match", "nearest"} <= place.keys():
                canvas.polyline([place["match"], place["nearest"]], 2, DIM)
        for one, place in zip(measured, places, strict=True):
            colour = grey(125) if one.rendered else WHITE
            for kind, at in place.items():
                canvas.verdict_sign(at, 13, _ratio(one, name, kind, thresholds) <= 1, colour)
        for kind, x in x_of.items():
            _upright(canvas, kind, (x, bottom + 40), 600 if kind == "nearest" else 300)
    key = (("photographs", WHITE), ("rendered people", grey(125)))
    x = left
    for words, colour in key:
        canvas.verdict_sign((x + 13, height - 74), 13, True, colour)
        canvas.text(words, (x + 44, height - 58), 46, 300, GREY)
        x += round(text_width(words, 46, 300)) + 130
    return np.asarray(
        cv2.resize(canvas.rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8
    )


def _ratio(one: Measured, judge: str, kind: str, thresholds: dict[bool, dict[str, float]]) -> float:
    return one.asked[judge].distance[kind] / thresholds[one.rendered][judge]


def _upright(canvas: Canvas, words: str, at: tuple[float, float], weight: int) -> None:
    """Words that run downwards from `at`, centred."""
    lying = Canvas(round(text_width(words, 46, weight)) + 10, 70)
    lying.text(words, (0, 50), 46, weight)
    standing = np.rot90(lying.pixels, -1)
    x, y = round(at[0]) - standing.shape[1] // 2, round(at[1])
    region = canvas.pixels[y : y + standing.shape[0], x : x + standing.shape[1]]
    np.maximum(region, standing[: region.shape[0]], out=region)


def do_sheet(work: Path, only: Sequence[str], px: int = 256) -> None:
    """sheet.png in WORK: portrait, match, nearest, on the way, random; one sitter a row."""
    rows = []
    for sitter in load(work, only):
        pictures = [sitter.portrait.image, *(sitter.pictures.get(kind) for kind in KINDS)]
        blank = np.zeros((px, px, 3), np.uint8)
        size = (px, px)
        rows.append(
            np.hstack(
                [
                    blank
                    if p is None
                    else cv2.resize(p, size, interpolation=cv2.INTER_AREA if len(p) > px else cv2.INTER_CUBIC)
                    for p in pictures
                ]
            )
        )
    if rows:
        Image.fromarray(np.vstack(rows)).save(work / "sheet.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("portray", "leave-one-out", "pairs", "table", "sheet"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--steps", type=int, help="for a trial: this many steps of search and tuning")
    arguments = parser.parse_args()
    if arguments.what in ("leave-one-out", "table") and not arguments.models:
        parser.error(f"{arguments.what} needs --models")
    work, only = arguments.work, arguments.only
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    match arguments.what:
        case "portray":
            do_portray(work, only, arguments.steps)
        case "leave-one-out":
            do_leave_one_out(work, arguments.models, only)
        case "pairs":
            do_pairs(work, arguments.count)
        case "table":
            do_table(work, arguments.models, only, arguments.plot)
        case "sheet":
            do_sheet(work, only)


if __name__ == "__main__":
    main()
