"""Networks are stored in parts and found again."""

from pathlib import Path

import pytest
import torch

from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import save_generator
from engine.stylegan2.network import Generator
from training.nobody.adversarial.checkpoint import load_parts, save_in_parts
from training.nobody.adversarial.discriminator import Discriminator
from training.nobody.generators import MAPPING_LAYERS


def test_a_large_network_is_written_in_parts_and_read_again(tmp_path: Path) -> None:
    state = {f"t{i}": torch.randn(1024, 1024) for i in range(20)}
    save_in_parts(state, tmp_path, "d")
    files = list(tmp_path.iterdir())
    assert len(files) == 3 and all(path.stat().st_size < 16 * 2**20 for path in files)
    loaded = load_parts(tmp_path, "d")
    assert loaded.keys() == state.keys()
    torch.testing.assert_close(loaded["t7"].float(), state["t7"], atol=2e-3, rtol=1e-3)
    save_in_parts({"t0": state["t0"]}, tmp_path, "d")
    assert [path.name for path in tmp_path.iterdir()] == ["d-1-of-1.safetensors"]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    save_in_parts({f"t{i}": torch.randn(1024, 1024) for i in range(20)}, tmp_path, "d")
    (tmp_path / "d-2-of-3.safetensors").unlink()
    with pytest.raises(UsageError, match="2 of 3"):
        load_parts(tmp_path, "d")


def test_files_of_the_real_size_stay_under_16_mib(tmp_path: Path) -> None:
    save_generator(Generator(512, 512, 256, 8192, 256, MAPPING_LAYERS), tmp_path / "g.safetensors", "g")
    save_in_parts(Discriminator(256).state_dict(), tmp_path, "d")
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 16 * 2**20
