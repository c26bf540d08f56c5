"""The figures a generator is measured by."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.faces.analyser import FaceAnalyser
from engine.judges.registry import panel
from engine.perceptual.frechet import frechet_distance, pooled_features
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator, to_uint8
from tests.conftest import REPO
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import load_cutouts
from training.nobody.evaluation.diversity import share_memorised, share_of_lookalikes, share_of_strangers
from training.nobody.evaluation.embeddings import embeddings_with_mirrored
from training.nobody.evaluation.looks import Probe, looks, share_with_one_face, skin_lightness
from training.nobody.evaluation.search_tables import search_figures
from training.nobody.evaluation.searches import search_all

ENCODER = REPO / "weights" / "nobody-encoder.safetensors"


@pytest.fixture(scope="session")
def people_twice(renders: Path) -> tuple[np.ndarray, np.ndarray]:
    """24 people as uint8 (24, 128, 128, 3), and the same people before other grounds and in other light."""
    _, cutouts = load_cutouts(renders, 128)
    random = torch.Generator().manual_seed(0)
    first, second = (to_uint8(compose_as_photographed(cutouts[:24], random)).numpy() for _ in range(2))
    return first, second


def test_training_renders_themselves_count_as_learned_by_heart(
    people_twice: tuple[np.ndarray, np.ndarray],
) -> None:
    (judge,) = panel(["dlib"])
    (known, known_mirrored), (again, mirrored) = (
        embeddings_with_mirrored(judge, pictures) for pictures in people_twice
    )
    assert share_memorised(again, mirrored, known) >= 0.9
    assert share_of_lookalikes(known, known_mirrored) <= 0.1
    twice = np.concatenate([known, again]), np.concatenate([known_mirrored, mirrored])
    assert share_of_lookalikes(*twice) >= 0.9
    assert share_memorised(again[:12], mirrored[:12], known[12:]) <= 0.1
    assert share_of_strangers(known) > 0.5
    assert share_of_strangers(np.repeat(known[:1], 5, axis=0)) == 0


def test_frechet_distance_is_zero_for_the_same_and_grows_with_a_shift() -> None:
    features = np.random.default_rng(0).standard_normal((500, 16))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features, features + 0.5) == pytest.approx(16 * 0.25, rel=1e-6)
    assert frechet_distance(features, 2 * features) > 1


def test_faces_are_counted_and_noise_has_none(people_twice: tuple[np.ndarray, np.ndarray]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (4, 128, 128, 3), dtype=np.uint8)
    with FaceAnalyser() as finder:
        assert share_with_one_face(finder, people_twice[0][:8]) == 1
        assert share_with_one_face(finder, noise) == 0


def test_who_is_refused_last_is_told_too(tmp_path: Path) -> None:
    nobody = {"a wall": np.full((256, 256, 3), 128, np.uint8)}
    generator = Generator(16, 16, 16, channel_base=128, channel_max=8)
    rows = search_all(generator, nobody, set(), tmp_path)
    assert rows[0]["refused"] and json.loads((tmp_path / "searches.json").read_text()) == rows


def test_skin_lightness_and_probe(renders: Path) -> None:
    names, cutouts = load_cutouts(renders, 64)
    pictures = to_uint8(compose_as_photographed(cutouts, torch.Generator().manual_seed(0))).numpy()
    assert skin_lightness(pictures // 2).mean() < skin_lightness(pictures).mean() - 10
    long_hair = looks(renders, names)["long hair"]
    probe = Probe(pictures, long_hair)
    assert probe.auc > 0.85
    assert probe.share(pictures[long_hair]) > 0.6 > 0.2 > probe.share(pictures[~long_hair])


def test_search_figures_fail_where_a_match_is_far_or_a_border_missing() -> None:
    good = {"sitter": "a", "median": 0.7, "w_plus": 0.4, "tuned": None, "border_t": 0.3}
    photograph = {"sitter": "b", "median": 0.8, "w_plus": 0.55, "tuned": 0.3, "border_t": 0.4}
    refused = {"sitter": "c", "refused": "no face"}

    def failed(*rows: Mapping[str, Any]) -> list[str]:
        return [figure.name for figure in search_figures(rows, 0.6) if figure.holds is False]

    assert failed(good, photograph) == []
    assert failed(good, photograph, refused) == ["sitters without a usable face"]
    far, no_border = good | {"w_plus": 0.52}, photograph | {"border_t": None}
    wanted = ["unseen renders, W+: largest distance at the match", "of them, with a border"]
    assert failed(far, no_border) == wanted


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ENCODER)[0]


def test_frechet_distance_of_features_grows_with_a_fault(renders: Path, encoder: Encoder) -> None:
    _, cutouts = load_cutouts(renders, 128)
    pictures = compose_as_photographed(cutouts[:32], torch.Generator().manual_seed(0))
    blurred = [torch.nn.functional.avg_pool2d(pictures, size, 1, size // 2) for size in (1, 3, 9)]
    features = [pooled_features(encoder, to_uint8(seen).numpy()) for seen in blurred]
    distances = [frechet_distance(features[0], other) for other in features]
    assert distances[0] == pytest.approx(0, abs=1e-3) and distances[0] < distances[1] < distances[2]
