"""Samples of a generator: drawn, shown on contact sheets, and measured beside the training renders."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.faces.analyser import FaceAnalyser
from engine.judges.registry import panel
from engine.perceptual.frechet import frechet_distance, pooled_features
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import held_out, load_cutouts
from training.nobody.evaluation.diversity import (
    MEMORISED,
    STRANGERS,
    share_memorised,
    share_of_lookalikes,
    share_of_strangers,
)
from training.nobody.evaluation.embeddings import embeddings_with_mirrored
from training.nobody.evaluation.figure import Figure
from training.nobody.evaluation.looks import Probe, looks, share_with_one_face, skin_lightness
from training.nobody.sheets import contact_sheet

PSI = 0.7
Array = NDArray[Any]


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


def figures(
    generator: Generator, renders: Path, samples: Array, encoder: Encoder | None = None
) -> list[Figure]:
    """Everything that is measured of uint8 (N, R, R, 3), beside the training renders."""
    names, cutouts = load_cutouts(renders, generator.resolution)
    trained = ~held_out(names)
    composed = compose_as_photographed(cutouts, torch.Generator().manual_seed(0))
    training = to_uint8(composed[torch.from_numpy(trained)]).numpy()
    (judge,) = panel(["dlib"])
    (found, mirrored), (known, known_mirrored) = (
        embeddings_with_mirrored(judge, samples),
        embeddings_with_mirrored(judge, training),
    )
    half = np.random.default_rng(0).permutation(len(known))
    first, second = known[half[::2]], known[half[1::2]]

    with FaceAnalyser() as finder:
        faces, faces_of_renders = (
            share_with_one_face(finder, p) for p in (samples, training[: len(samples)])
        )
    strangers, strangers_of_renders = share_of_strangers(found), share_of_strangers(known)
    by_heart = share_memorised(found, mirrored, known)
    result = [
        Figure("exactly one face (MediaPipe)", faces, faces_of_renders, ">= 0.98", faces >= 0.98),
        Figure(
            f"pairs farther apart than {STRANGERS} (dlib)", strangers, strangers_of_renders,
            ">= 0.9 of the renders'", strangers >= 0.9 * strangers_of_renders,
        ),
        Figure(
            f"nearer than {MEMORISED} to a training render (dlib)",
            by_heart, share_of_lookalikes(known, known_mirrored), "<= 0.02", by_heart <= 0.02,
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
