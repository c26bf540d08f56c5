"""Our own format: saving, loading, conversion, architecture."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.common.errors import WeightsError
from engine.stylegan2.checkpoint import (
    Architecture,
    convert,
    generator_name,
    generator_sha256,
    load_generator,
    save_generator,
)
from engine.stylegan2.network import Generator
from tests.conftest import golden
from tests.support.checkpoint_files import small_state, write_nvidia


def test_saved_and_loaded(tmp_path: Path) -> None:
    state, expected = golden(64)
    generator = load_generator(write_nvidia(tmp_path / "network.pkl", state))
    z = expected["z"]
    for half, tolerance in [(False, 0.0), (True, 0.05)]:
        path = tmp_path / "saved.safetensors"
        save_generator(generator, path, "nobody", half=half)
        assert (load_generator(path)(z) - generator(z)).abs().max() <= tolerance
        assert load_file(path)["mapping.fc0.weight"].dtype == (torch.float16 if half else torch.float32)
        assert generator_name(path) == "nobody"
        assert convert(path) == path
        assert path.stat().st_mode & 0o777 == 0o644
        assert generator_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, "pt") as file:
            assert json.loads(file.metadata()["stylegan2"]) == {
                "z_dim": 64, "w_dim": 64, "resolution": 64, "channel_base": 1024, "channel_max": 48,
                "mapping_layers": 8, "name": "nobody",
            }  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "network.pkl",
        "network.safetensors",
        "saved.safetensors",
    ]


def test_the_loaded_generator_does_not_hang_on_its_file(tmp_path: Path) -> None:
    path = tmp_path / "saved.safetensors"
    save_generator(Generator(resolution=8, z_dim=4, w_dim=4, channel_max=4), path, "small", half=False)
    generator = load_generator(path)
    before = generator.get_parameter("synthesis.b4.const").clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(generator.get_parameter("synthesis.b4.const"), before)


def test_half_precision_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    generator = Generator(resolution=8, z_dim=4, w_dim=4, channel_max=4).requires_grad_(False)
    generator.get_parameter("synthesis.b4.const")[0] = 1e6
    with pytest.raises(WeightsError, match=r"synthesis\.b4\.const.*float16"):
        save_generator(generator, tmp_path / "saved.safetensors", "small")
    assert not any(tmp_path.iterdir())


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be written"):
        save_generator(
            Generator(resolution=8, channel_max=4), tmp_path / "none" / "saved.safetensors", "small"
        )


def test_converted_once(tmp_path: Path) -> None:
    state = small_state()
    path = write_nvidia(tmp_path / "network.pkl", state)
    converted = convert(path)
    assert converted == tmp_path / "network.safetensors"
    written = converted.stat()
    assert convert(path).stat().st_mtime_ns == written.st_mtime_ns
    state["mapping.w_avg"] = state["mapping.w_avg"] + 1
    write_nvidia(path, state)
    assert torch.equal(load_generator(path).mapping.w_avg, state["mapping.w_avg"])


def test_a_conversion_overwrites_nothing_else(tmp_path: Path) -> None:
    path = write_nvidia(tmp_path / "network.pkl", small_state())
    for content in (b"not ours", None):
        other = tmp_path / "network.safetensors"
        other.write_bytes(content) if content else save_file({"a": torch.zeros(3)}, other)
        before = other.read_bytes()
        with pytest.raises(WeightsError, match=r"would overwrite network\.safetensors"):
            load_generator(path)
        assert other.read_bytes() == before


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"stylegan2": "null"},
        {"stylegan2": "{"},
        {"stylegan2": "{}"},
        {"stylegan2": '{"z_dim": 1e99}'},
    ],
)
def test_safetensors_of_something_else(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors", metadata)
    with pytest.raises(WeightsError, match=r"other\.safetensors"):
        load_generator(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mapping_layers", 10**9),
        ("resolution", 2**30),
        ("resolution", 6),
        ("z_dim", -1),
        ("w_dim", 2.0),
        ("w_dim", 7),
    ],
)
def test_an_architecture_that_lies(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "saved.safetensors"
    generator = Generator(z_dim=6, w_dim=5, resolution=8, channel_base=24, channel_max=4, mapping_layers=2)
    recorded = {**asdict(Architecture.of(generator)), "name": "liar", field: value}
    save_file(generator.state_dict(), path, {"stylegan2": json.dumps(recorded)})
    with pytest.raises(WeightsError, match=r"saved\.safetensors: .*(architecture|shape)"):
        load_generator(path)


@given(
    resolution=st.sampled_from([4, 8, 16, 64, 256, 1024]),
    channel_base=st.integers(1024, 40000),
    channel_max=st.integers(1, 600),
    mapping_layers=st.integers(1, 9),
)
@settings(max_examples=60)
def test_the_inferred_architecture_has_the_same_shapes(
    resolution: int, channel_base: int, channel_max: int, mapping_layers: int
) -> None:
    shapes = Architecture(7, 9, resolution, channel_base, channel_max, mapping_layers).shapes()
    assert Architecture.inferred(shapes).shapes() == shapes


def test_the_architecture_of_ffhq() -> None:
    ffhq = Architecture(512, 512, 1024, 32768, 512, 8)
    assert Architecture.inferred(ffhq.shapes()) == ffhq
