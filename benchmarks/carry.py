"""How far the doppelgänger carries: likeness and verdicts of three kinds; the figures in docs/limits.md.

    python benchmarks/carry.py portray WORK [--steps 60 --tuning-steps 40]
    python benchmarks/carry.py leave-one-out WORK --models FOLDER [--only NAME ...]
    python benchmarks/carry.py pairs WORK [--count 100]
    python benchmarks/carry.py table WORK --models FOLDER [--plot docs/carry.png]
    python benchmarks/carry.py sheet WORK

Portrays the photographs in ../shared, scikit-image's astronaut and people who do not exist, and compares,
with the closest match of each: the doppelgänger on the way through the median face, the nearest one, and a
random face of the generator. FOLDER holds the models of `recognisers.py`, which no search has heard of,
unless they are put on the panel so that another judge can be left out. WORK keeps pictures of the sitters:
delete it afterwards.
"""

import argparse
import io
import pickle
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from recognisers import recognisers
from scipy import linalg
from skimage import data

from engine import doppelganger
from engine.alignment import Portrait, crop_ffhq
from engine.arrays import Pixels
from engine.errors import NoUsableFace
from engine.faces import FaceFinder
from engine.judges import panel
from engine.judges.base import Judge
from engine.judges.perturbations import perturbations
from engine.judges.verdict import judge_pictures, judge_worst_case, make_reference
from engine.likeness import VisibleChange, picture_likeness
from engine.nearest import NearestSettings, Sitting, search_nearest
from engine.perceptual import NormalisedLaplacianPyramid
from engine.photograph import load_photograph
from engine.portrayal import PortrayalSettings, face_importance, portray
from engine.projection import Place, SearchSettings, draw, fast_dtype
from engine.stylegan2 import Generator, to_uint8
from engine.stylegan2.checkpoint import load_generator

Array = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
MARGIN = 0.01
FRECHET_AXES = 8
KINDS = ("match", "on the way", "nearest", "random")


@dataclass
class Sitter:
    """One portrayal. pictures: by kind, uint8 (R, R, 3)."""

    name: str
    rendered: bool
    portrait: Portrait
    other_shot: Portrait | None
    match: Place
    pictures: dict[str, Pixels]
    seconds: dict[str, float]


def generator() -> Generator:
    return load_generator(ROOT / "weights" / "nobody.safetensors")


def sitters() -> Iterator[tuple[str, bool, Pixels, Pixels | None]]:
    """(name, rendered, photograph, another of the same person)."""
    photographs = {path.stem: load_photograph(path) for path in sorted((SHARED / "photos").glob("*.jpg"))}
    others = {"biden": "biden2", "biden2": "biden", "obama": "obama2", "obama2": "obama"}
    for name, photograph in photographs.items():
        yield name, False, photograph, photographs[others[name]]
    yield "astronaut", False, np.asarray(data.astronaut()), None
    for path in sorted((SHARED / "people").glob("*_0.png")):
        second = path.with_name(path.name.replace("_0", "_1"))
        yield path.stem, True, load_photograph(path), load_photograph(second)
    for i, picture in enumerate(strangers(6)):
        yield f"stranger{i}", True, picture, None


def strangers(count: int, skipped: int = 0) -> list[Pixels]:
    """Renders of people who do not exist, one each, before grey: uint8 (256, 256, 3)."""
    found: list[Pixels] = []
    with tarfile.open(SHARED / "nobody" / "renders.tar") as archive:
        for member in archive:
            if Path(member.name).name.startswith("02"):  # the wider shape setting
                file = archive.extractfile(member)
                assert file is not None
                with Image.open(io.BytesIO(file.read())) as render:
                    grey = Image.new("RGBA", render.size, (128, 128, 128, 255))
                    whole = Image.alpha_composite(grey, render.convert("RGBA")).convert("RGB")
                    found.append(np.array(whole))
                if len(found) == count + skipped:
                    break
    return found[skipped:]


def do_portray(work: Path, steps: int, tuning_steps: int) -> None:
    network, judges, dtype = generator(), panel(["dlib"]), fast_dtype(torch.device("cpu"))
    settings = PortrayalSettings(
        search=SearchSettings(steps=steps, tuning_steps=tuning_steps, dtype=dtype),
        nearest=NearestSettings(dtype=dtype),
        tuning="always",
        margin=MARGIN,
        strip=1,
        nearest_strip=1,
    )
    for name, rendered, photograph, other in sitters():
        path = work / f"{name}.pickle"
        if path.exists():
            continue
        try:
            done = portray([photograph], network, judges, NormalisedLaplacianPyramid(), settings)
        except NoUsableFace as error:
            print(f"{name}: {error}", flush=True)
            continue
        pictures = {"match": done.continuum.picture(1.0)}
        if done.on_the_way and done.on_the_way.kind == "on-the-way":
            pictures["on the way"] = done.on_the_way.picture
        if done.doppelganger and done.doppelganger.kind == "nearest":
            pictures["nearest"] = done.doppelganger.picture
        sitter = Sitter(
            name, rendered, done.portrait, _portrait(other), done.continuum.end, pictures, done.seconds
        )
        path.write_bytes(pickle.dumps(sitter))
        print(name, sorted(pictures), {k: round(v, 1) for k, v in done.seconds.items()}, flush=True)


def _portrait(photograph: Pixels | None) -> Portrait | None:
    if photograph is None:
        return None
    with FaceFinder() as finder:
        faces = finder.find(photograph)
    return crop_ffhq(photograph, faces[0].landmarks) if faces else None


def load(work: Path) -> list[Sitter]:
    """Everybody portrayed so far, each with a random face of the generator that dlib calls someone else."""
    network, everybody = generator(), []
    (dlib,) = panel(["dlib"])
    for i, path in enumerate(sorted(work.glob("*.pickle"))):
        sitter: Sitter = pickle.loads(path.read_bytes())
        reference = make_reference(dlib, [(sitter.portrait.image, sitter.portrait.landmarks)])
        random = torch.Generator().manual_seed(i)
        for _ in range(50):
            z = torch.randn(1, network.z_dim, generator=random)
            with torch.no_grad():
                picture = to_uint8(network(z, psi=0.7))[0].numpy()
            (worst,) = judge_worst_case(dlib, reference, [picture])
            if worst.worst_distance > dlib.threshold * (1 + MARGIN):
                sitter.pictures["random"] = picture
                break
        everybody.append(sitter)
    return everybody


def find_nearest(
    network: Generator, sitter: Sitter, judges: Sequence[Judge], settings: NearestSettings
) -> Pixels | None:
    """The nearest doppelgänger of a sitter under another panel."""
    seen = [(sitter.portrait.image, sitter.portrait.landmarks)]
    sittings = [
        Sitting(judge, make_reference(judge, seen), judge.threshold * (1 + MARGIN)) for judge in judges
    ]

    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        good = np.ones(len(pictures), bool)
        for one in sittings:
            worst = judge_worst_case(one.judge, one.reference, pictures)
            good &= [verdict.worst_distance > one.limit for verdict in worst]
        return good.tolist()

    importance = face_importance(sitter.portrait, network.resolution)
    with FaceFinder() as finder:
        change = VisibleChange(sitter.pictures["match"], importance, NormalisedLaplacianPyramid(), finder)
        *_, last = search_nearest(network, sitter.match, sittings, change, settings)
    twin = doppelganger.nearest(network, last.place, sitter.match, holds)
    return twin.picture if twin else None


def do_leave_one_out(work: Path, models: Path, only: Sequence[str]) -> None:
    """Each judge of three is left out of the search in turn, and asked afterwards."""
    network, judges = generator(), [*panel(["dlib"]), *recognisers(models)]
    settings = NearestSettings(dtype=fast_dtype(torch.device("cpu")))
    for sitter in load(work):
        path = work / f"{sitter.name}.left"
        if path.exists() or (only and sitter.name not in only):
            continue
        found: dict[str, Pixels] = {}
        for left in (*judges, None):
            picture = find_nearest(network, sitter, [one for one in judges if one is not left], settings)
            name = left.name if left else "nobody"
            if picture is not None:
                found[name] = picture
            print(sitter.name, "left out:", name, "found" if picture is not None else "none", flush=True)
        path.write_bytes(pickle.dumps(found))


def do_pairs(work: Path, count: int) -> None:
    """Renders of the generator itself as sitters, and their nearest doppelgängers: what an attacker could
    make at home to learn from."""
    network, judges = generator(), panel(["dlib"])
    settings = NearestSettings(steps=20, dtype=fast_dtype(torch.device("cpu")))
    path = work / "pairs.npz"
    known = dict(np.load(path)) if path.exists() else {"sitters": [], "twins": []}
    pairs = list(zip(known["sitters"], known["twins"], strict=True))
    with FaceFinder() as finder:
        for seed in range(1000, 1000 + 2 * count):
            if len(pairs) >= count:
                break
            random = torch.Generator().manual_seed(seed)
            z = torch.randn(1, network.z_dim, generator=random)
            with torch.no_grad():
                place = Place(network.truncate(network.broadcast(network.mapping(z)), 0.8))
                picture = to_uint8(draw(network, place))[0].numpy()
            faces = finder.find(picture)
            if not faces or seed - 1000 < len(pairs):
                continue
            in_frame = np.eye(2, 3) / len(picture)  # the generator draws in FFHQ framing
            portrait = Portrait(picture, faces[0].landmarks, in_frame, 0.0)
            sitter = Sitter("", True, portrait, None, place, {"match": picture}, {})
            twin = find_nearest(network, sitter, judges, settings)
            if twin is not None:
                pairs.append((picture, twin))
                np.savez(path, sitters=[a for a, _ in pairs], twins=[b for _, b in pairs])
                print(len(pairs), flush=True)


def mean_embedding(judge: Judge, picture: Pixels, portrait: Portrait, k: int = 8) -> Array:
    """Over k perturbations, half of them mirrored, in the portrait's alignment; of length one."""
    alignment = judge.align(portrait.image, portrait.landmarks)
    centre = judge.centre(judge.describe([picture], alignment, perturbations(0, k))).astype(np.float64)
    return np.asarray(centre / np.linalg.norm(centre))


def frechet(a: Array, b: Array) -> float:
    """The Fréchet distance of two sets of embeddings (N, D) as normal distributions."""
    both = np.cov(a.T) @ np.cov(b.T)
    root = np.real(linalg.sqrtm(both))
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root))


Figures = dict[str, float]


def figures(sitter: Sitter, picture: Pixels, change: VisibleChange, sittings: Sequence[Sitting]) -> Figures:
    """Likeness to the match, and each judge's distance from the portrait, as a share of its threshold."""
    found = picture_likeness(picture, sitter.pictures["match"])
    found |= {"perceptual": change.perceptual(picture), "visible change": change.measure(picture).total}
    for one in sittings:
        (verdict,) = judge_pictures(one.judge, one.reference, [picture])
        found[f"{one.judge.name} distance"] = verdict.distance / one.judge.threshold
        found[f"{one.judge.name} else"] = float(not verdict.same)
    (worst,) = judge_worst_case(sittings[0].judge, sittings[0].reference, [picture])
    found["holds"] = float(worst.worst_distance > sittings[0].judge.threshold)
    return found


class Gallery:
    """What a recogniser knows: portraits of strangers, and of the sitters one each. Asked who somebody is."""

    def __init__(self, judge: Judge, strangers: list[Portrait], everybody: list[Sitter]) -> None:
        self.judge, self.everybody = judge, everybody
        self.others = np.stack([mean_embedding(judge, one.image, one, k=2) for one in strangers])
        self.own = np.stack([mean_embedding(judge, s.portrait.image, s.portrait) for s in everybody])
        self.second = [
            mean_embedding(judge, s.other_shot.image, s.other_shot) if s.other_shot else None
            for s in everybody
        ]

    def finds(self, probe: Array, index: int, other_shot: bool) -> bool:
        """Whether the sitter's entry (their portrait, or another photograph) is the nearest to the probe."""
        own = self.second[index] if other_shot else self.own[index]
        assert own is not None
        people = np.delete(self.own, [i for i in range(len(self.own)) if self._is(i, index)], axis=0)
        nearest = max(float((self.others @ probe).max()), float((people @ probe).max(initial=-1)))
        return float(own @ probe) > nearest

    def _is(self, i: int, index: int) -> bool:
        """Two photographs of one man are two sitters, but one person."""
        names = [self.everybody[j].name.rstrip("2") for j in (i, index)]
        return i == index or (names[0] == names[1] and not self.everybody[i].rendered)


def do_table(work: Path, models: Path, plot: Path | None) -> None:
    everybody = load(work)
    recognising = [*panel(["dlib"]), *recognisers(models)]
    judges = [*recognising, *panel(["anthropometry"])]
    rows: dict[str, list[Figures]] = {kind: [] for kind in KINDS}
    with FaceFinder() as finder:
        known = [(picture, finder.find(picture)) for picture in strangers(200, skipped=6)]
        bank = [crop_ffhq(picture, faces[0].landmarks, 256) for picture, faces in known if faces]
        for sitter in everybody:
            importance = face_importance(sitter.portrait, len(sitter.pictures["match"]))
            change = VisibleChange(sitter.pictures["match"], importance, NormalisedLaplacianPyramid(), finder)
            seen = [(sitter.portrait.image, sitter.portrait.landmarks)]
            sittings = [Sitting(j, make_reference(j, seen), j.threshold) for j in judges]
            for kind in KINDS:
                if kind in sitter.pictures:
                    found = figures(sitter, sitter.pictures[kind], change, sittings)
                    rows[kind].append(found | {"rendered": float(sitter.rendered)})
                    print(sitter.name, kind, {k: round(v, 3) for k, v in found.items()}, flush=True)
    galleries = [Gallery(judge, bank, everybody) for judge in recognising]
    print(f"\n{len(everybody)} sitters, {sum(s.rendered for s in everybody)} of them rendered\n")
    print_likeness(rows, everybody, recognising[-1])
    print_verdicts(rows, judges)
    print_ranks(everybody, galleries)
    print_left_out(work, everybody, recognising)
    print_attacker(work, everybody, galleries[0])
    if plot:
        draw_plot(rows, judges, plot)


def print_likeness(rows: dict[str, list[Figures]], everybody: list[Sitter], asked: Judge) -> None:
    names = ("rmse", "psnr_db", "ssim", "perceptual", "visible change", "dlib distance")
    print("| | sitters | " + " | ".join(names) + " | Fréchet |")
    print("|---|" + "---:|" * (len(names) + 2))
    for kind, found in rows.items():
        medians = [np.median([one[name] for one in found]) for name in names]
        having = [sitter for sitter in everybody if kind in sitter.pictures]
        pair = [
            np.stack([mean_embedding(asked, s.pictures[k], s.portrait) for s in having])
            for k in ("match", kind)
        ]
        # In the directions in which the sitters themselves differ most, as many as so few can tell.
        axes = np.linalg.svd(pair[0] - pair[0].mean(0), full_matrices=False)[2][:FRECHET_AXES]
        values = " | ".join(f"{value:.3g}" for value in medians)
        print(f"| {kind} | {len(found)} | {values} | {frechet(pair[0] @ axes.T, pair[1] @ axes.T):.3f} |")


def print_verdicts(rows: dict[str, list[Figures]], judges: Sequence[Judge]) -> None:
    for rendered, who in ((0.0, "photographs"), (1.0, "rendered people")):
        print(f"\nSomeone else, {who}; the last column: for dlib in the worst case too\n")
        print("| | " + " | ".join(judge.name for judge in judges) + " | worst case |")
        print("|---|" + "---:|" * (len(judges) + 1))
        for kind, found in rows.items():
            some = [one for one in found if one["rendered"] == rendered]
            names = [*(f"{judge.name} else" for judge in judges), "holds"]
            cells = [f"{sum(one[name] for one in some):.0f} of {len(some)}" for name in names]
            print(f"| {kind} | " + " | ".join(cells) + " |")


def print_ranks(everybody: list[Sitter], galleries: list[Gallery]) -> None:
    for other_shot, what in ((False, "the portrait itself"), (True, "another photograph")):
        print(f"\nFound first in a gallery that holds {what} of the sitter\n")
        print("| | " + " | ".join(gallery.judge.name for gallery in galleries) + " |")
        print("|---|" + "---:|" * len(galleries))
        for kind in KINDS:
            cells = []
            for gallery in galleries:
                asked = [
                    gallery.finds(mean_embedding(gallery.judge, s.pictures[kind], s.portrait), i, other_shot)
                    for i, s in enumerate(everybody)
                    if kind in s.pictures and (s.other_shot or not other_shot)
                ]
                cells.append(f"{sum(asked)} of {len(asked)}")
            print(f"| {kind} | " + " | ".join(cells) + " |")


def print_left_out(work: Path, everybody: list[Sitter], judges: Sequence[Judge]) -> None:
    kept = [(s, pickle.loads(p.read_bytes())) for s in everybody if (p := work / f"{s.name}.left").exists()]
    if not kept:
        return
    print("\nLeft out of the search, and asked afterwards\n")
    print("| left out | says someone else | perceptual distance to the match |\n|---|---:|---:|")
    for judge in (*judges, None):
        name, answers, changes = judge.name if judge else "nobody", [], []
        for sitter, found in kept:
            if name not in found:
                continue
            asked = [judge] if judge else judges
            for one in asked:
                reference = make_reference(one, [(sitter.portrait.image, sitter.portrait.landmarks)])
                (verdict,) = judge_pictures(one, reference, [found[name]])
                answers.append(not verdict.same)
            match = torch.tensor(sitter.pictures["match"]).permute(2, 0, 1)[None].float() / 127.5 - 1
            twin = torch.tensor(found[name]).permute(2, 0, 1)[None].float() / 127.5 - 1
            importance = face_importance(sitter.portrait, match.shape[-1])
            changes.append(float(NormalisedLaplacianPyramid().towards(match, importance)(twin)))
        if answers:
            print(f"| {name} | {sum(answers)} of {len(answers)} | {np.median(changes):.3f} |")


def print_attacker(work: Path, everybody: list[Sitter], gallery: Gallery) -> None:
    """Ridge regression from doppelgängers' embeddings to sitters', learned on the generator's people."""
    path = work / "pairs.npz"
    if not path.exists():
        return
    judge, known = gallery.judge, np.load(path)
    with FaceFinder() as finder:
        meshes = [finder.find(picture)[0].landmarks for picture in known["sitters"]]
    framed = [
        Portrait(p, mesh, np.eye(2, 3) / len(p), 0.0)
        for p, mesh in zip(known["sitters"], meshes, strict=True)
    ]
    to = np.stack([mean_embedding(judge, one.image, one) for one in framed])
    of = np.stack([mean_embedding(judge, p, one) for p, one in zip(known["twins"], framed, strict=True)])
    third = len(of) // 3
    errors = {}
    for strength in (0.01, 0.1, 1.0, 10.0):
        weights = ridge(of[third:], to[third:], strength)
        errors[strength] = float(np.linalg.norm(of[:third] @ weights - to[:third], axis=1).mean())
    strength = min(errors, key=lambda one: errors[one])
    weights = ridge(of, to, strength)
    having = [(i, s) for i, s in enumerate(everybody) if "nearest" in s.pictures]
    probes = [mean_embedding(judge, s.pictures["nearest"], s.portrait) for _, s in having]
    mapped = [probe @ weights for probe in probes]
    print(f"\nAn attacker with {len(of)} pairs of their own ({judge.name}, ridge {strength})\n")
    print("| | found first, the portrait in the gallery | cosine to the sitter, median |\n|---|---:|---:|")
    for name, some in (("as they are", probes), ("mapped back", mapped)):
        units = [one / np.linalg.norm(one) for one in some]
        first = sum(gallery.finds(one, i, False) for one, (i, _) in zip(units, having, strict=True))
        cosines = [float(one @ gallery.own[i]) for one, (i, _) in zip(units, having, strict=True)]
        print(f"| {name} | {first} of {len(having)} | {np.median(cosines):.3f} |")


def ridge(x: Array, y: Array, strength: float) -> Array:
    """Weights (D, D): the identity plus what the pairs teach beyond it."""
    return np.eye(x.shape[1]) + np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (y - x))


def draw_plot(rows: dict[str, list[Figures]], judges: Sequence[Judge], path: Path) -> None:
    """How alike, how else: one panel a judge, one mark a picture."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(judges), figsize=(4 * len(judges), 4), sharex=True, sharey=True)
    marks = {"match": "o", "nearest": "D", "on the way": "s", "random": "x"}
    for judge, axis in zip(judges, axes, strict=True):
        for kind, mark in marks.items():
            found = [one for one in rows[kind] if np.isfinite(one[f"{judge.name} distance"])]
            axis.plot(
                [one["perceptual"] for one in found],
                [one[f"{judge.name} distance"] for one in found],
                mark,
                color="black",
                fillstyle="none",
                label=kind,
            )
        axis.axhline(1.0, color="grey", linewidth=1)
        axis.set_title(judge.name)
        axis.set_xlabel("perceptual distance to the match")
    axes[0].set_ylabel("distance to the sitter, in thresholds")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def do_sheet(work: Path, px: int = 256) -> None:
    """sheet.png in WORK: portrait, match, on the way, nearest, random; one sitter a row."""
    rows = []
    for sitter in load(work):
        pictures = [sitter.portrait.image, *(sitter.pictures.get(kind) for kind in KINDS)]
        blank = np.zeros((px, px, 3), np.uint8)
        rows.append(
            np.hstack(
                [
                    blank if p is None else cv2.resize(p, (px, px), interpolation=cv2.INTER_CUBIC)
                    for p in pictures
                ]
            )
        )
    Image.fromarray(np.vstack(rows)).save(work / "sheet.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("portray", "leave-one-out", "pairs", "table", "sheet"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--tuning-steps", type=int, default=150)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    match arguments.what:
        case "portray":
            do_portray(arguments.work, arguments.steps, arguments.tuning_steps)
        case "leave-one-out":
            do_leave_one_out(arguments.work, arguments.models, arguments.only)
        case "pairs":
            do_pairs(arguments.work, arguments.count)
        case "table":
            do_table(arguments.work, arguments.models, arguments.plot)
        case "sheet":
            do_sheet(arguments.work)


if __name__ == "__main__":
    main()
