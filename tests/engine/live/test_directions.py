"""The directions that come with the embedded generator, and finding those of another one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.common.errors import UsageError, WeightsError
from engine.faces.analyser import FaceAnalyser
from engine.live.rigs.directions import Directions, find_directions, load_directions, save_directions
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from engine.stylegan2.network import Generator
from tests.conftest import REPO

NOBODY = REPO / "weights" / "nobody.safetensors"


def test_those_that_come_with_it_are_of_the_embedded_generator() -> None:
    _, sha256 = load_directions(REPO / "weights" / "nobody-directions.safetensors", load_generator(NOBODY))
    assert sha256 == generator_sha256(NOBODY)


def test_few_pictures_find_about_the_same_yaw(analyser: FaceAnalyser) -> None:
    generator = load_generator(NOBODY)
    known, _ = load_directions(REPO / "weights" / "nobody-directions.safetensors", generator)
    found = find_directions(generator, analyser, samples=12, seed=7)
    alike = torch.nn.functional.cosine_similarity(found.yaw, known.yaw, dim=0)
    other = torch.nn.functional.cosine_similarity(found.pitch, known.yaw, dim=0)
    assert alike > 0.3 > abs(other)


def test_a_generator_without_faces_is_refused(analyser: FaceAnalyser) -> None:
    noise = Generator(z_dim=16, w_dim=16, resolution=64, channel_base=256, channel_max=8, mapping_layers=1)
    with pytest.raises(UsageError, match="no faces"):
        find_directions(noise, analyser, samples=4)


def test_a_file_is_read_back_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    small = Generator(z_dim=16, w_dim=16, resolution=64, channel_base=256, channel_max=8, mapping_layers=1)
    path = tmp_path / "directions.safetensors"
    directions = Directions(torch.arange(16.0), torch.ones(16))
    save_directions(directions, path, "0" * 64)
    loaded, sha256 = load_directions(path, small)
    assert torch.equal(loaded.yaw, directions.yaw) and torch.equal(loaded.pitch, directions.pitch)
    assert sha256 == "0" * 64
    save_directions(Directions(torch.ones(8), torch.ones(8)), path, "0" * 64)
    with pytest.raises(WeightsError, match="shape"):
        load_directions(path, small)
    save_file({"yaw": torch.ones(16), "pitch": torch.ones(16)}, path)
    with pytest.raises(WeightsError, match="directions"):
        load_directions(path, small)
