"""The training of an encoder, and the measurements of distances and of starts of a search."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.inversion.target import to_target
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import generator_sha256, load_generator, save_generator
from engine.stylegan2.encoder import load_encoder
from engine.stylegan2.network import Generator
from tests.conftest import REPO
from training.nobody import encode, rank, starts
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import load_cutouts
from training.nobody.encoder.directions import find_directions
from training.nobody.encoder.distortions import blur_and_add_grain, jitter_framing

GENERATOR = REPO / "weights" / "nobody.safetensors"
ENCODER = REPO / "weights" / "nobody-encoder.safetensors"


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator(GENERATOR)


class _Blind:
    """A distance that grows with nothing."""

    sees_px = None

    def towards(self, target: torch.Tensor, weight: torch.Tensor):
        return lambda images: torch.zeros(len(images))


def test_ranking_tells_a_distance_from_none(people: dict[str, list[Path]]) -> None:
    from engine.photographs.photograph import load_photograph

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


def test_people_are_read_from_webp_and_png(people: dict[str, list[Path]], tmp_path: Path) -> None:
    (first, *_, last) = people["000200"]
    (tmp_path / first.name).write_bytes(first.read_bytes())
    Image.open(last).save(tmp_path / f"{last.stem}.png")
    (tmp_path / "000200_notes.txt").write_text("no picture")
    (found,) = rank.load_people(tmp_path, 64)
    assert found.shape == (2, 3, 64, 64)


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
    found = find_directions(generator, 16, pictures=24)
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
    for changed in (jitter_framing(pictures), blur_and_add_grain(pictures)):
        assert changed.shape == pictures.shape and not torch.equal(changed, pictures)
        own = (changed - pictures).abs().mean(dim=(1, 2, 3))
        others = (changed - pictures.roll(1, 0)).abs().mean(dim=(1, 2, 3))
        assert (own < others).all()
