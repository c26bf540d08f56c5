"""Measures a generator made of nobody: are they people, different people, and nobody it was trained on?

    python training/nobody/evaluate.py weights/nobody.safetensors RENDERS OUT --samples 1000
    python training/nobody/evaluate.py weights/nobody.safetensors RENDERS OUT --samples 0 \\
        --search photos/*.jpg --people OTHERS --encoder weights/nobody-encoder.safetensors

Writes OUT/figures.json and figures.md, samples.png, interpolations.png and truncation.png. With `--search`
it portrays, as the installation does, each photograph, scikit-image's sample sitter and some renders that
nothing was trained on (of the archive OTHERS, or those that `compose.held_out` names), and writes
searches.json, searches.md and searches.png. **searches.png shows the sitters: keep it to yourself.** With
`--encoder` samples and renders are compared in its features too, the searches begin where it guesses, and its
guess alone is measured as well; guesses.png shows it for renders: portrait, guess, match. Leaves with 1 where
a figure misses what it must be.

The training renders are measured in the same run and the same way, before grounds composed anew, at the
generator's resolution: what a figure of samples means shows beside theirs.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from engine.common.atomic_file import write_text
from engine.common.errors import NoUsableFace, report_errors_in_one_line
from engine.faces.analyser import FaceAnalyser
from engine.finders.nearest import NearestSettings
from engine.inversion.projection import SearchSettings, draw, fast_dtype
from engine.inversion.target import aim_at, to_target
from engine.judges.base import Judge
from engine.judges.crops import cut, density_px, reduce_to
from engine.judges.judging import judge_pictures
from engine.judges.registry import panel
from engine.perceptual.distance import Distance, NormalisedLaplacianPyramid
from engine.pipeline.portrayal import Portrayal, PortrayalSettings, guess, portray
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.compose import compose_as_photographed, held_out, load_cutouts
from training.nobody.latents import read_parameters
from training.nobody.learning import contact_sheet

Array = NDArray[Any]

PSI = 0.7
STRANGERS = 0.6  # dlib: two pictures farther apart are two people
LEARNED_BY_HEART = 0.35  # dlib: a sample nearer to a training render is that person
MATCHED = 0.5
ENCODER_MS = 50.0
CHEEKS = ((0.31, 0.39), (0.61, 0.69)), (0.57, 0.65)  # of the FFHQ crop: columns of both, rows
BEARDS = {"full", "goatee", "chin", "moustache"}
LONG_HAIR = {"long", "wavy", "bangs"}


@dataclass(frozen=True)
class Figure:
    """One line of the table. `holds` is None for what is only reported."""

    name: str
    value: float
    renders: float | None = None
    wanted: str = ""
    holds: bool | None = None


def embeddings(judge: Judge, pictures: Array) -> Array:
    """Pictures uint8 (N, R, R, 3) in FFHQ framing -> (N, D), each in its own alignment, unperturbed."""
    crops = []
    for picture in pictures:
        # dlib finds its own five points and looks at no landmarks of the mesh.
        alignment = judge.align(picture, np.zeros((478, 2), np.float32))
        crops.append(cut(reduce_to(picture, density_px(alignment)), alignment, judge.crop_px))
    batches = range(0, len(crops), 32)
    return np.concatenate(
        [judge.embed(np.stack(crops[i : i + 32])) for i in tqdm(batches, "judge", leave=False)]
    )


def both_ways(judge: Judge, pictures: Array) -> tuple[Array, Array]:
    """`embeddings` of the pictures, and of their mirror images."""
    return embeddings(judge, pictures), embeddings(judge, np.ascontiguousarray(pictures[:, :, ::-1]))


def distances(a: Array, b: Array) -> Array:
    """Euclidean distances (N, M) between rows of (N, D) and (M, D)."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a.astype(np.float64) @ b.T.astype(np.float64)
    return np.sqrt(np.maximum(squares, 0))


def share_of_strangers(found: Array) -> float:
    """How many of all pairs among embeddings (N, D) are farther apart than `STRANGERS`."""
    return float((distances(found, found)[np.triu_indices(len(found), 1)] > STRANGERS).mean())


def share_learned_by_heart(found: Array, mirrored: Array, training: Array) -> float:
    """How many samples (N, D), or their mirror images (N, D), are a training render (M, D)."""
    nearest = np.minimum(distances(found, training).min(1), distances(mirrored, training).min(1))
    return float((nearest < LEARNED_BY_HEART).mean())


def share_alike(found: Array, mirrored: Array) -> float:
    """How many of (N, D), or their mirror images (N, D), are as near to another one of them: what
    `share_learned_by_heart` is to be expected of people drawn as these were, none of whom was trained on."""
    both = np.minimum(distances(found, found), distances(mirrored, found))
    np.fill_diagonal(both, np.inf)
    return float((both.min(1) < LEARNED_BY_HEART).mean())


def frechet_distance(a: Array, b: Array) -> float:
    """Squared Frechet distance of two normal distributions fitted to features (N, D) and (M, D).

    Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, 2017, with a face verifier's features.
    """
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    p, q = (np.cov(x.astype(np.float64), rowvar=False) for x in (a, b))
    values, vectors = np.linalg.eigh(p)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    both = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ q @ root), 0)).sum()
    return float(mean + np.trace(p) + np.trace(q) - 2 * both)


def share_with_one_face(finder: FaceAnalyser, pictures: Array) -> float:
    """How many of uint8 (N, R, R, 3) hold exactly one face."""
    return float(
        np.mean([len(finder.find(picture)) == 1 for picture in tqdm(pictures, "faces", leave=False)])
    )


def skin_lightness(pictures: Array) -> Array:
    """CIE L* (N,) of the cheeks, mean over both; the light counts with the skin."""
    size = pictures.shape[1]
    columns, (top, bottom) = CHEEKS
    rows = slice(round(top * size), round(bottom * size))
    cheeks = [pictures[:, rows, round(left * size) : round(right * size)] for left, right in columns]
    both = np.concatenate([cheek.reshape(len(pictures), -1, 3) for cheek in cheeks], axis=1)
    return cv2.cvtColor(both.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0].mean(1)


class Probe:
    """Tells a look from a small picture, linearly: taught on renders, whose looks are known.

    `auc`: how well it ranks renders it was not taught, over five folds. 0.5 is guessing, and its shares mean
    nothing then.
    """

    COMPONENTS, FOLDS, RIDGE = 64, 5, 1.0

    def __init__(self, pictures: Array, labels: Array) -> None:
        """Pictures uint8 (N, R, R, 3) and labels bool (N,)."""
        features = self._small(pictures)
        self.mean = features.mean(0)
        _, scale, axes = np.linalg.svd(features - self.mean, full_matrices=False)
        kept = slice(0, min(self.COMPONENTS, len(pictures) // 4))
        self.axes = axes[kept] / (scale[kept, None] / np.sqrt(len(pictures)) + 1e-6)
        inputs = self._inputs(features)
        fold = np.random.default_rng(0).permutation(len(labels)) % self.FOLDS
        scores = np.empty(len(labels))
        for i in range(self.FOLDS):
            scores[fold == i] = inputs[fold == i] @ self._fit(inputs[fold != i], labels[fold != i])
        self.weights = self._fit(inputs, labels)
        ranks = scores.argsort().argsort() + 1.0
        positive, negative = labels.sum(), (~labels).sum()
        self.auc = float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))
        self.threshold = float(np.quantile(scores, 1 - labels.mean()))

    def share(self, pictures: Array) -> float:
        """How many of the pictures it gives the look."""
        return float((self._inputs(self._small(pictures)) @ self.weights > self.threshold).mean())

    @staticmethod
    def _small(pictures: Array) -> Array:
        small = [cv2.resize(p, (24, 24), interpolation=cv2.INTER_AREA) for p in pictures]
        return np.stack(small).reshape(len(pictures), -1) / 255.0

    def _inputs(self, features: Array) -> Array:
        return np.column_stack([(features - self.mean) @ self.axes.T, np.ones(len(features))])

    def _fit(self, inputs: Array, labels: Array) -> Array:
        return np.linalg.solve(inputs.T @ inputs + self.RIDGE * np.eye(inputs.shape[1]), inputs.T @ labels)


def looks(renders: Path, names: Sequence[str]) -> dict[str, Array]:
    """Which renders have a beard, and long hair: bool (N,) each, from the parameters they were made from."""
    parameters = read_parameters(renders)
    identities = [parameters[name]["identity"] for name in names]
    return {
        "beard": np.array([i["beard"] in BEARDS for i in identities]),
        "long hair": np.array([i["style"] in LONG_HAIR for i in identities]),
    }


@torch.no_grad()
def draw_samples(generator: Generator, count: int, psi: float = PSI, seed: int = 0) -> Array:
    """uint8 (count, R, R, 3): random people at truncation `psi`, the same for the same seed."""
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    parts = [to_uint8(generator(part, psi)) for part in tqdm(z.split(16), "samples", leave=False)]
    return torch.cat(parts).numpy()


@torch.no_grad()
def draw_sheets(generator: Generator, folder: Path) -> None:
    """64 samples, 8 interpolations in w, and 8 people from truncation 0 to 1."""
    random = torch.Generator().manual_seed(1)
    w = generator.mapping(torch.randn(16, generator.z_dim, generator=random))
    between = torch.stack([w[0::2].lerp(w[1::2], i / 7) for i in range(8)], dim=1)
    median = generator.mapping.w_avg
    ways = {
        "interpolations": median.lerp(between, PSI),
        "truncation": torch.stack([median.lerp(w[:8], i / 7) for i in range(8)], dim=1),
    }
    sheets = {"samples": torch.from_numpy(draw_samples(generator, 64))}
    for name, ws in ways.items():
        sheets[name] = torch.cat([to_uint8(generator.synthesis(generator.broadcast(row))) for row in ws])
    for name, pictures in sheets.items():
        contact_sheet(pictures, 8).save(folder / f"{name}.png")


@torch.no_grad()
def pooled_features(encoder: Encoder, pictures: Array) -> Array:
    """uint8 (N, R, R, 3) -> (N, D): means of the encoder's feature maps over the picture."""
    parts = (part.permute(0, 3, 1, 2) / 127.5 - 1 for part in torch.from_numpy(pictures).split(32))
    means = [torch.cat([x.mean(dim=(2, 3)) for x in encoder.features(part)], dim=1) for part in parts]
    return torch.cat(means).numpy()


def figures(
    generator: Generator, renders: Path, samples: Array, encoder: Encoder | None = None
) -> list[Figure]:
    """Everything that is measured of uint8 (N, R, R, 3), beside the training renders."""
    names, cutouts = load_cutouts(renders, generator.resolution)
    trained = ~held_out(names)
    composed = compose_as_photographed(cutouts, torch.Generator().manual_seed(0))
    training = to_uint8(composed[torch.from_numpy(trained)]).numpy()
    (judge,) = panel(["dlib"])
    (found, mirrored), (known, known_mirrored) = both_ways(judge, samples), both_ways(judge, training)
    half = np.random.default_rng(0).permutation(len(known))
    first, second = known[half[::2]], known[half[1::2]]

    with FaceAnalyser() as finder:
        faces, faces_of_renders = (
            share_with_one_face(finder, p) for p in (samples, training[: len(samples)])
        )
    strangers, strangers_of_renders = share_of_strangers(found), share_of_strangers(known)
    by_heart = share_learned_by_heart(found, mirrored, known)
    result = [
        Figure("exactly one face (MediaPipe)", faces, faces_of_renders, ">= 0.98", faces >= 0.98),
        Figure(
            f"pairs farther apart than {STRANGERS} (dlib)", strangers, strangers_of_renders,
            ">= 0.9 of the renders'", strangers >= 0.9 * strangers_of_renders,
        ),
        Figure(
            f"nearer than {LEARNED_BY_HEART} to a training render (dlib)",
            by_heart, share_alike(known, known_mirrored), "<= 0.02", by_heart <= 0.02,
        ),
        Figure(
            "Frechet distance x 1000 (dlib)",
            1000 * frechet_distance(found, known), 1000 * frechet_distance(first, second),
        ),
    ]  # fmt: skip

    if encoder:
        drawn, rendered = (pooled_features(encoder, pictures) for pictures in (samples, training))
        value = frechet_distance(drawn, rendered)
        beside = frechet_distance(rendered[half[::2]], rendered[half[1::2]])
        result.append(Figure("Frechet distance (encoder)", value, beside))

    thirds = np.quantile(skin_lightness(training), [1 / 3, 2 / 3])
    shares = np.bincount(np.digitize(skin_lightness(samples), thirds), minlength=3) / len(samples)
    for name, share in zip(("dark", "middle", "light"), shares, strict=True):
        result.append(
            Figure(f"cheeks in the {name} third", float(share), 1 / 3, ">= 0.1", bool(share >= 0.1))
        )
    for name, labels in looks(renders, [n for n, kept in zip(names, trained, strict=True) if kept]).items():
        probe, own = Probe(training, labels), float(labels.mean())
        share = probe.share(samples)
        label = f"{name} (linear probe, AUC {probe.auc:.2f})"
        result.append(Figure(label, share, own, ">= 0.3 of the renders'", share >= 0.3 * own))
    return result


def banded_sheet(columns: Sequence[Array], across: int = 10) -> Image.Image:
    """Columns of M pictures, each uint8 (M, R, R, 3), side by side, in bands of at most `across`; white where
    the last band is not full."""
    across = min(across, len(columns))
    blank = np.full_like(columns[0], 255)
    filled = [*columns, *[blank] * (-len(columns) % across)]
    bands = np.stack(filled).reshape(-1, across, *blank.shape).swapaxes(1, 2)
    return contact_sheet(torch.from_numpy(bands.reshape(-1, *blank.shape[1:])), across)


def search_all(
    generator: Generator,
    photographs: dict[str, Array],
    tuned: set[str],
    folder: Path,
    encoder: Encoder | None = None,
) -> list[dict[str, Any]]:
    """Portrays each photograph as the installation does; those in `tuned` a second time, with tuning.

    Writes searches.json after each, and searches.png: portrait, median, match in W+, tuned, doppelgänger.
    With an encoder also guesses.png, of those not in `tuned`: portrait, its guess, match in W+.
    """
    judges, distance = panel(["dlib"]), NormalisedLaplacianPyramid()
    dtype = fast_dtype(generator.mapping.w_avg.device)
    search = SearchSettings(dtype=dtype)
    # The nearest doppelgänger is looked for once, in the last portrayal of each sitter.
    never = PortrayalSettings(search=search, tuning="never", nearest=None, strip=1)
    always = PortrayalSettings(
        search=search, tuning="always", nearest=NearestSettings(dtype=dtype), strip=1, nearest_strip=1
    )
    rows: list[dict[str, Any]] = []
    pictures: list[Array] = []
    guesses: list[Array] = []  # each (3, R, R, 3)
    for name, photograph in tqdm(photographs.items(), "searches"):
        try:
            plain = portray([photograph], generator, judges, distance, never, encoder=encoder)
        except NoUsableFace as error:
            rows.append({"sitter": name, "refused": str(error)})
            write_text(folder / "searches.json", json.dumps(rows, indent=1))
            continue
        last = plain
        if name in tuned:
            last = portray([photograph], generator, judges, distance, always, encoder=encoder)
        (judged,), (final,) = plain.judged, last.judged
        rows.append(
            {
                "sitter": name,
                "median": judged.at_median,
                "w_plus": judged.at_match,
                "tuned": final.at_match if name in tuned else None,
                "border_t": final.curve.border.t if final.curve.border else None,
                "doppelganger": last.doppelganger.kind if last.doppelganger else None,
                "seconds": sum(last.seconds.values()),
            }
        )
        twin = last.doppelganger.picture if last.doppelganger else np.zeros_like(last.continuum.picture(1.0))
        row = [plain.continuum.picture(t) for t in (0.0, 1.0)] + [last.continuum.picture(1.0), twin]
        size = generator.resolution
        pictures += [cv2.resize(plain.portrait.image, (size, size), interpolation=cv2.INTER_AREA), *row]
        if encoder:
            measured, guessed = measure_guess(generator, encoder, distance, plain)
            rows[-1] |= measured
            if name not in tuned:
                guesses.append(np.stack([pictures[-5], guessed, plain.continuum.picture(1.0)]))
                banded_sheet(guesses).save(folder / "guesses.png")
        write_text(folder / "searches.json", json.dumps(rows, indent=1))
        contact_sheet(torch.from_numpy(np.stack(pictures)), 5).save(folder / "searches.png")
    return rows


@torch.no_grad()
def measure_guess(
    generator: Generator, encoder: Encoder, distance: Distance, found: Portrayal
) -> tuple[dict[str, float], Array]:
    """How near the encoder alone comes to a sitter, beside the median face and the match that was searched:
    the search's own distance of the three, the judge's of the guess; and the guess, uint8 (R, R, 3)."""
    (judged,) = found.judged
    target = aim_at(found.portrait, generator.resolution, distance, generator.device)
    guessed = to_uint8(draw(generator, guess(generator, encoder, target.picture)))[0].numpy()
    (verdict,) = judge_pictures(judged.judge, judged.reference, [guessed])
    shown = {
        "median": found.continuum.picture(0.0),
        "encoder": guessed,
        "w_plus": found.continuum.picture(1.0),
    }
    losses = {
        f"loss_{name}": float(target.loss(to_target(p, generator.resolution))) for name, p in shown.items()
    }
    return losses | {"encoder": verdict.distance}, guessed


@torch.no_grad()
def encoder_ms(encoder: Encoder, resolution: int) -> float:
    """Milliseconds of one core that a guess takes: the median of 20."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    picture, taken_s = torch.zeros(1, 3, resolution, resolution), []
    for _ in range(20):
        began_s = time.process_time()
        encoder(picture)
        taken_s.append(time.process_time() - began_s)
    torch.set_num_threads(threads)
    return 1000 * float(np.median(taken_s))


def search_figures(rows: Sequence[Mapping[str, Any]], threshold: float) -> list[Figure]:
    """What the searches show, over all sitters that were portrayed."""
    seen = [row for row in rows if "refused" not in row]
    renders, photographs = ([r for r in seen if (r["tuned"] is None) == own] for own in (True, False))
    strangers = [row for row in seen if row["median"] > threshold]
    refused = len(rows) - len(seen)
    result = [Figure("sitters without a usable face", refused, None, "= 0", refused == 0)]
    for what, group, key, limit in (
        ("unseen renders, W+", renders, "w_plus", MATCHED),
        ("photographs, W+", photographs, "w_plus", None),
        ("photographs, tuned", photographs, "tuned", MATCHED),
    ):
        if group:
            worst = max(row[key] for row in group)
            result.append(
                Figure(f"{what}: median distance at the match", float(np.median([r[key] for r in group])))
            )
            wanted, holds = (f"< {limit}", worst < limit) if limit else ("", None)
            result.append(Figure(f"{what}: largest distance at the match", worst, None, wanted, holds))
    if seen:
        result.append(Figure("sitters whose median face is somebody else", len(strangers) / len(seen)))
    if strangers:
        share = float(np.mean([row["border_t"] is not None for row in strangers]))
        result.append(Figure("of them, with a border", share, None, "= 1", share == 1))
    return result


def table(result: Sequence[Figure]) -> str:
    """Markdown."""
    lines = ["| figure | samples | renders | wanted | |", "|---|---|---|---|---|"]
    for figure in result:
        beside = "" if figure.renders is None else f"{figure.renders:.3f}"
        verdict = {True: "yes", False: "**no**", None: ""}[figure.holds]
        lines.append(f"| {figure.name} | {figure.value:.3f} | {beside} | {figure.wanted} | {verdict} |")
    return "\n".join(lines) + "\n"


SEARCHED = ("sitter", "median", "w_plus", "tuned", "border_t", "doppelganger", "seconds")
GUESSED = ("sitter", "median", "encoder", "w_plus", "loss_median", "loss_encoder", "loss_w_plus")


def search_table(rows: Sequence[dict[str, Any]], columns: Sequence[str] = SEARCHED) -> str:
    """Markdown; dlib distances, and the search's own distance under `loss_...`."""
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in rows:
        if "refused" in row:
            lines.append(f"| {row['sitter']} | refused: {row['refused']} |" + " |" * (len(columns) - 2))
            continue
        cells = [f"{row[c]:.3f}" if isinstance(row[c], float) else str(row[c] or "-") for c in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def sitters(
    paths: Sequence[Path], renders: Path, unseen: int, people: Path | None = None
) -> tuple[dict[str, Array], set[str]]:
    """Photographs by name, and which of them are no renders.

    Renders that sit are the first `unseen` of the archive or folder `people`, on whom nothing was trained; or
    the last ones of `renders` that training leaves out.
    """
    from skimage.data import astronaut

    from engine.faces.photograph import load_photograph

    photographs = {path.name: load_photograph(path) for path in paths} | {"astronaut": astronaut()}
    if not unseen:
        return photographs, set(photographs)
    names, cutouts = load_cutouts(people or renders, 256)
    # The newest, whose shapes are set wider.
    chosen = np.arange(len(names))[:unseen] if people else np.flatnonzero(held_out(names))[-unseen:]
    pictures = to_uint8(compose_as_photographed(cutouts[chosen], torch.Generator().manual_seed(1))).numpy()
    drawn = {names[i]: picture for i, picture in zip(chosen, pictures, strict=True)}
    return photographs | drawn, set(photographs)


@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("generator", type=Path)
    parser.add_argument("renders", type=Path, help="the tar or folder it was trained on, with meta.jsonl")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument("--samples", type=int, default=1000, help="how many are measured; 0: only search")
    parser.add_argument(
        "--search", type=Path, nargs="*", help="portray these photographs too; several minutes each"
    )
    parser.add_argument(
        "--unseen", type=int, default=20, help="how many unseen renders are portrayed with them"
    )
    parser.add_argument(
        "--people", type=Path, help="a tar or folder of renders on whom nothing was trained, to search for"
    )
    parser.add_argument("--encoder", type=Path, help="begin the searches where this encoder guesses")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args(words)
    torch.set_num_threads(args.threads)
    generator = load_generator(args.generator)
    args.out.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(args.encoder)[0] if args.encoder else None
    result: list[Figure] = []
    if args.samples:
        draw_sheets(generator, args.out)
        result += figures(generator, args.renders, draw_samples(generator, args.samples), encoder)
    if args.search is not None:
        photographs, tuned = sitters(args.search, args.renders, args.unseen, args.people)
        rows = search_all(generator, photographs, tuned, args.out, encoder)
        guessed = [row for row in rows if "encoder" in row]
        tables = search_table(rows) + ("\n" + search_table(guessed, GUESSED) if guessed else "")
        write_text(args.out / "searches.md", tables)
        print(tables)
        result += search_figures(rows, STRANGERS)
    if encoder:
        taken = encoder_ms(encoder, generator.resolution)
        wanted, holds = f"<= {ENCODER_MS:.0f}", taken <= ENCODER_MS
        result.append(Figure("encoder: milliseconds on one core", taken, None, wanted, holds))
    write_text(args.out / "figures.json", json.dumps([asdict(figure) for figure in result], indent=1))
    write_text(args.out / "figures.md", table(result))
    print(table(result))
    return int(any(figure.holds is False for figure in result))


if __name__ == "__main__":
    sys.exit(main())
