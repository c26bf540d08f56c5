"""The encoder: its file, what it guesses, the distance made of its features, how it is trained and ranked."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.common.errors import WeightsError
from engine.inversion.projection import SearchSettings, draw, fast_dtype, median_face, search_latent
from engine.inversion.target import to_target
from engine.perceptual.distance import EncoderFeatures, NormalisedLaplacianPyramid
from engine.pipeline.portrayal import guess
from engine.stylegan2.checkpoint import generator_sha256, load_generator, save_generator
from engine.stylegan2.encoder import Encoder, load_encoder, save_encoder
from engine.stylegan2.network import Generator, to_uint8
from installation.settings.configuration import Configuration, Search
from installation.workers.models import ModelBundle
from tests.conftest import REPO, FolderManifest
from training.nobody import encode, evaluate, rank, starts
from training.nobody.compose import compose_as_photographed, load_cutouts

GENERATOR = REPO / "weights" / "nobody.safetensors"
ENCODER = REPO / "weights" / "nobody-encoder.safetensors"
EMBEDDED_BYTES = 24 * 10**6


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(GENERATOR)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ENCODER)[0]


def untrained(generator: Generator) -> Encoder:
    torch.manual_seed(0)
    return Encoder(generator.num_ws, generator.w_dim, 8).eval().requires_grad_(False)


def nearer_than_the_median_face(generator: Generator, encoder: Encoder, pictures: torch.Tensor) -> list[bool]:
    """For each picture (N, 3, R, R), whether the guess looks more like it than the median face does."""
    distance = NormalisedLaplacianPyramid().towards(pictures, torch.ones_like(pictures[:1, :1]))
    with torch.no_grad():
        guessed = draw(generator, guess(generator, encoder, pictures))
        median = draw(generator, median_face(generator)).expand_as(pictures)
        return (distance(guessed) < distance(median)).tolist()


# --- the file ---


def test_belongs_to_the_embedded_generator_and_fits_beside_it() -> None:
    _, told = load_encoder(ENCODER)
    assert told.generator_sha256 == generator_sha256(GENERATOR)
    manifest = tomllib.loads((REPO / "weights" / "manifest.toml").read_text())
    embedded = [entry for entry in manifest["weights"] if "urls" not in entry]
    assert {"nobody", "nobody-encoder"} <= {entry["name"] for entry in embedded}
    assert sum(entry["size_bytes"] for entry in embedded) <= EMBEDDED_BYTES


def test_comes_back_from_its_file(generator: Generator, tmp_path: Path) -> None:
    kept = untrained(generator)
    save_encoder(kept, tmp_path / "e.safetensors", "nobody-128", "ab" * 32)
    back, told = load_encoder(tmp_path / "e.safetensors")
    assert told.name == "nobody-128" and told.generator_sha256 == "ab" * 32
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    torch.testing.assert_close(back(picture), kept(picture), atol=1e-2, rtol=1e-2)


def test_refuses_what_is_no_encoder(generator: Generator, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not of an encoder"):
        load_encoder(GENERATOR)
    with pytest.raises(WeightsError, match="no such file"):
        load_encoder(tmp_path / "missing.safetensors")
    state = load_file(ENCODER)
    told = {"encoder": json.dumps(vars(load_encoder(ENCODER)[1]))}
    save_file(
        state | {"stem.weight": state["stem.weight"] * float("nan")}, tmp_path / "nan.safetensors", told
    )
    with pytest.raises(WeightsError, match="not finite"):
        load_encoder(tmp_path / "nan.safetensors")
    state.pop("stem.weight")
    save_file(state, tmp_path / "less.safetensors", told)
    with pytest.raises(WeightsError, match="is missing"):
        load_encoder(tmp_path / "less.safetensors")


def test_is_not_used_with_another_generator(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Generator(8, 8, 8, channel_base=64, channel_max=8, mapping_layers=2)
    save_generator(other, tmp_path / "other.safetensors", "other")
    monkeypatch.setattr("installation.workers.models.Manifest", FolderManifest(tmp_path))
    with pytest.raises(WeightsError, match="another generator"):
        own = Search(threads=torch.get_num_threads())
        ModelBundle(Configuration(generator="other", encoder="nobody-encoder", search=own))


# --- the guess ---


def test_guesses_better_than_the_median_face(generator: Generator, encoder: Encoder) -> None:
    z = torch.randn(16, generator.z_dim, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        samples = generator(z)
    assert np.mean(nearer_than_the_median_face(generator, encoder, samples)) >= 0.9
    assert np.mean(nearer_than_the_median_face(generator, untrained(generator), samples)) < 0.9


def test_guesses_people_it_has_never_seen(
    generator: Generator, encoder: Encoder, people: dict[str, list[Path]]
) -> None:
    from engine.faces.photograph import load_photograph

    pictures = torch.cat(
        [to_target(load_photograph(paths[0]), generator.resolution) for paths in people.values()]
    )
    assert np.mean(nearer_than_the_median_face(generator, encoder, pictures)) >= 0.8


def test_larger_pictures_are_shrunk(encoder: Encoder) -> None:
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    large = torch.nn.functional.interpolate(picture, scale_factor=2)
    torch.testing.assert_close(encoder(large), encoder(picture), atol=1e-4, rtol=1e-4)


# --- the search ---


def test_shrinking_takes_means(encoder: Encoder) -> None:
    """A fine grid becomes an even grey."""
    grid = (torch.arange(256)[:, None] + torch.arange(256)) % 2 * 2.0 - 1
    for seen, even in zip(
        encoder.features(grid.expand(1, 3, 256, 256)),
        encoder.features(torch.zeros(1, 3, 128, 128)),
        strict=True,
    ):
        assert torch.allclose(seen, even, atol=1e-5)


def test_search_walks_from_the_median_face_to_the_guess(generator: Generator, encoder: Encoder) -> None:
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        target = generator(z)
    loss = NormalisedLaplacianPyramid().towards(target, torch.ones_like(target[:, :1]))
    settings = SearchSettings(steps=12, walk_steps=4, dtype=fast_dtype(torch.device("cpu")))
    start = guess(generator, encoder, target)
    steps = list(search_latent(generator, loss, settings, start))
    assert [step.index for step in steps] == list(range(12))
    assert torch.equal(steps[0].place.latent, median_face(generator).latent)
    halfway = median_face(generator).latent.lerp(start.latent, 0.5)
    torch.testing.assert_close(steps[2].place.latent, halfway)
    torch.testing.assert_close(steps[4].place.latent, start.latent)
    assert steps[-1].loss <= steps[4].loss < steps[0].loss


# --- the distance ---


def test_features_are_zero_for_the_picture_itself_and_let_gradients_through(encoder: Encoder) -> None:
    random = torch.Generator().manual_seed(0)
    target = torch.rand(1, 3, 128, 128, generator=random) * 2 - 1
    distance = EncoderFeatures(encoder).towards(target, torch.ones(1, 1, 128, 128))
    other = (torch.rand(2, 3, 128, 128, generator=random) * 2 - 1).requires_grad_(True)
    both = distance(torch.cat([target, other]))
    assert both.shape == (3,) and both[0] < 1e-6 < both[1]
    both.sum().backward()
    assert other.grad is not None and other.grad.abs().sum() > 0


def test_features_count_only_what_has_weight(encoder: Encoder) -> None:
    target = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    changed = target.clone()
    changed[..., 120:] = 0
    weight = torch.ones(1, 1, 128, 128)
    everywhere = EncoderFeatures(encoder).towards(target, weight)
    weight[..., 64:] = 1e-3
    elsewhere = EncoderFeatures(encoder).towards(target, weight)
    # The last maps look at the whole picture from everywhere.
    assert float(elsewhere(changed)) < 0.5 * float(everywhere(changed))


# --- ranking ---


class _Blind:
    """A distance that grows with nothing."""

    sees_px = None

    def towards(self, target: torch.Tensor, weight: torch.Tensor):
        return lambda images: torch.zeros(len(images))


def test_ranking_tells_a_distance_from_none(people: dict[str, list[Path]]) -> None:
    from engine.faces.photograph import load_photograph

    some = [
        torch.cat([to_target(load_photograph(path), 128) for path in paths[:2]])
        for paths in list(people.values())[:3]
    ]
    weight = torch.ones(1, 1, 128, 128)
    with torch.no_grad():
        pyramid, blind = (
            rank.ranked_faults(distance, some[0][:1], weight) | rank.ranked_people(distance, some, weight)
            for distance in (NormalisedLaplacianPyramid(), _Blind())
        )
    assert all(share == 0 for share in blind.values())
    assert min(pyramid[name] for name in rank.FAULTS) >= 0.75 and pyramid["across"] > 0.75


def test_frechet_distance_of_features_grows_with_a_fault(renders: Path, encoder: Encoder) -> None:
    _, cutouts = load_cutouts(renders, 128)
    pictures = compose_as_photographed(cutouts[:32], torch.Generator().manual_seed(0))
    blurred = [torch.nn.functional.avg_pool2d(pictures, size, 1, size // 2) for size in (1, 3, 9)]
    features = [evaluate.pooled_features(encoder, to_uint8(seen).numpy()) for seen in blurred]
    distances = [evaluate.frechet_distance(features[0], other) for other in features]
    assert distances[0] == pytest.approx(0, abs=1e-3) and distances[0] < distances[1] < distances[2]


def test_searches_from_both_starts_are_measured(renders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        str(GENERATOR),
        str(renders),
        str(ENCODER),
        "--unseen",
        "1",
        "--steps",
        "0",
        "4",
        "--threads",
        "1",
    ]
    assert starts.main(words) == 0
    told = capsys.readouterr().out
    assert told.index("photographs") < told.index("unseen renders")
    rows = [line.split("|")[1:-1] for line in told.splitlines() if line.startswith(("| 0", "| 4"))]
    assert len(rows) == 4
    for none, few in zip(rows[::2], rows[1::2], strict=True):
        # From the median face all four steps gain; of the others three only lead to the guess.
        assert float(few[1]) < float(none[1]) and float(few[2]) <= float(none[2])
    assert float(rows[2][2]) < float(rows[2][1])  # a render's guess is nearer than the median face


# --- training ---


def test_trains_goes_on_and_exports(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    small = Generator(16, 32, 32, channel_base=256, channel_max=32, mapping_layers=2)
    save_generator(small, tmp_path / "small.safetensors", "small")
    words = [str(tmp_path / "small.safetensors"), str(renders), str(tmp_path / "run"), "--threads", "1"]
    training = ["--device", "cpu", "--batch", "8", "--minutes"]
    assert encode.main([*words, *training, "0.1"]) == 0
    assert encode.main([*words, *training, "0.05"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["images"] > rows[0]["images"] and "image" in rows[-1]
    assert (tmp_path / "run" / "pairs.png").exists()
    out = tmp_path / "encoder.safetensors"
    assert encode.main([*words, "--export", str(out)]) == 0
    encoder, told = load_encoder(out)
    assert told.generator_sha256 == generator_sha256(tmp_path / "small.safetensors")
    assert encoder(torch.zeros(1, 3, 32, 32)).shape == (1, small.num_ws, 32)

    other = Generator(16, 32, 32, channel_base=256, channel_max=32, mapping_layers=2)
    save_generator(other, tmp_path / "small.safetensors", "other")
    trained, written = (tmp_path / "run" / "encoder.pt").read_bytes(), out.read_bytes()
    capsys.readouterr()
    assert encode.main([*words, *training, "0.05"]) == encode.main([*words, "--export", str(out)]) == 2
    assert capsys.readouterr().err.count("was trained for another generator") == 2
    assert (tmp_path / "run" / "encoder.pt").read_bytes() == trained and out.read_bytes() == written


def test_directions_are_those_in_which_the_picture_changes(generator: Generator) -> None:
    found = encode.find_directions(generator, 16, pictures=24)
    torch.testing.assert_close(found.basis @ found.inverse, torch.eye(16), atol=1e-3, rtol=0)
    w_avg = generator.mapping.w_avg
    with torch.no_grad():
        median = generator.synthesis(generator.broadcast(w_avg[None]))
        first, last = (
            generator.synthesis(generator.broadcast(w_avg + found.basis[i][None])) for i in (0, 15)
        )
        random = torch.randn(1, len(w_avg), generator=torch.Generator().manual_seed(0))
        nowhere = random - random @ found.inverse @ found.basis
        nowhere *= found.basis[0].norm() / nowhere.norm()
        elsewhere = generator.synthesis(generator.broadcast(w_avg + nowhere))
    changes = [float((picture - median).square().mean()) for picture in (first, last, elsewhere)]
    assert changes[0] > changes[1] and changes[0] > 3 * changes[2]


def test_moved_and_seen_pictures_stay_the_same_people(renders: Path) -> None:
    _, cutouts = load_cutouts(renders, 64)
    pictures = compose_as_photographed(cutouts[:8], torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    for changed in (encode.moved(pictures), encode.as_seen(pictures)):
        assert changed.shape == pictures.shape and not torch.equal(changed, pictures)
        own = (changed - pictures).abs().mean(dim=(1, 2, 3))
        others = (changed - pictures.roll(1, 0)).abs().mean(dim=(1, 2, 3))
        assert (own < others).all()
