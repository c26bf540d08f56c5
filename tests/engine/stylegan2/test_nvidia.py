"""Checkpoints in NVIDIA's format."""

import pickle
from pathlib import Path

import pytest
import torch

from engine.common.errors import WeightsError
from engine.stylegan2.checkpoint import (
    generator_name,
    load_generator,
)
from tests.conftest import golden, largest_difference
from tests.support.checkpoint_files import as_module, nvidia_modules, small_state, write_nvidia


# Python 3.7, which wrote ffhq.pkl, used protocol 3.
@pytest.mark.parametrize(("resolution", "protocol"), [(64, 3), (64, 4), (64, 5), (256, 4)])
def test_nvidia(tmp_path: Path, resolution: int, protocol: int) -> None:
    state, expected = golden(resolution)
    canary = tmp_path / "canary"
    source = f"open({str(canary)!r}, 'w')"
    other = {name: value + 1 for name, value in state.items()}
    with nvidia_modules():
        training = as_module(other, source)
    path = write_nvidia(tmp_path / "network.pkl", state, source, protocol, G=training)
    generator = load_generator(path)
    assert largest_difference(generator.synthesis(expected["w_plus"]), expected, "image_w_plus") < 1e-4
    assert largest_difference(generator(expected["z"]), expected, "image_const_noise") < 1e-4
    assert not generator.training
    assert all(
        p.dtype == torch.float32 and not p.requires_grad and p.device.type == "cpu"
        for p in generator.parameters()
    )
    assert generator_name(path) == "network"
    assert not canary.exists()
    with nvidia_modules():
        pickle.loads(path.read_bytes())
    assert canary.exists(), "the bait must work where the source is executed"


def test_nvidia_without_average(tmp_path: Path) -> None:
    state = small_state()
    with nvidia_modules():
        training = as_module(state, "")
        path = tmp_path / "network.pkl"
        path.write_bytes(pickle.dumps({"G": training, "D": None}))
    assert torch.equal(load_generator(path).mapping.w_avg, state["mapping.w_avg"])


def test_tensorflow_is_named_with_what_to_fetch_instead(tmp_path: Path) -> None:
    path = tmp_path / "stylegan2-ffhq-config-f.pkl"
    path.write_bytes(
        b"\x80\x04\x8c\x15dnnlib.tflib.network\x94\x8c\x07Network\x94\x93\x94)\x81\x94.".replace(
            b"\x15", b"\x14"
        )
    )
    with pytest.raises(
        WeightsError, match=r"config-f\.pkl: .*TensorFlow.*ffhq\.pkl.*weights fetch ffhq-1024"
    ):
        load_generator(path)
