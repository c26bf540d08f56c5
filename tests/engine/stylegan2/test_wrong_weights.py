"""Weights that do not fit, and files that are none."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.common.errors import WeightsError
from engine.common.weights_file import OLD_TORCH_START
from engine.stylegan2.checkpoint import (
    load_generator,
)
from tests.support.checkpoint_files import (
    as_module,
    as_rosinality,
    nvidia_modules,
    small_state,
    write_nvidia,
    zip_torch,
)


def changed(name: str, change: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    state: dict[str, Any] = small_state()
    state[name] = change(state[name])
    return state


def without(name: str) -> dict[str, Any]:
    state = small_state()
    del state[name]
    return state


CONV = "synthesis.b8.conv0.weight"


WRONG: list[tuple[Callable[[], dict[str, Any]], str]] = [
    (lambda: without(CONV), rf"{CONV} is missing"),
    (lambda: without("mapping.fc0.weight"), r"mapping\.fc0\.weight is missing"),
    (lambda: without("mapping.w_avg"), r"mapping\.w_avg is missing"),
    (lambda: without("synthesis.b8.conv1.weight"), r"synthesis\.b8\.conv1\.weight is missing"),
    (lambda: {**small_state(), "mapping.embed.weight": torch.zeros(3)}, r"embed\.weight is not part"),
    (lambda: {**small_state(), "synthesis.b16.conv1.weight": torch.zeros(1, 1, 3, 3)}, "is missing"),
    (lambda: {**small_state(), "synthesis.b9000.conv1.weight": torch.zeros(1)}, "is missing"),
    (lambda: changed(CONV, lambda t: t[:, :1]), r"has the shape \[3, 1, 3, 3\], expected \[3, 4, 3, 3\]"),
    (lambda: changed("synthesis.b8.conv1.weight", lambda t: t.repeat(9, 1, 1, 1)), "channels are not"),
    (lambda: changed("mapping.w_avg", lambda t: t[0]), r"mapping\.w_avg has the shape \[\]"),
    (lambda: changed(CONV, lambda t: t * torch.nan), r"conv0\.weight holds numbers that are not finite"),
    (lambda: changed(CONV, lambda t: t / 0), "not finite"),
    (lambda: changed(CONV, lambda t: t.int()), r"conv0\.weight is no plain tensor"),
    (lambda: changed(CONV, lambda t: t.to(torch.complex64)), "no plain tensor"),
    (lambda: changed(CONV, lambda t: "text"), "damaged"),
    (lambda: changed("synthesis.b8.resample_filter", lambda t: t.roll(1)), r"b8\.resample_filter is not"),
    (lambda: changed("synthesis.b8.resample_filter", lambda t: t[:2]), r"b8\.resample_filter is not"),
    (lambda: {}, "is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "message"), WRONG)
def test_weights_that_do_not_fit(tmp_path: Path, state: Callable[[], dict[str, Any]], message: str) -> None:
    path = write_nvidia(tmp_path / "network.pkl", state())
    with pytest.raises(WeightsError, match=rf"network\.pkl: .*{message}"):
        load_generator(path)
    assert [p.name for p in tmp_path.iterdir()] == ["network.pkl"]


def test_names_out_of_a_file_do_not_reach_the_terminal_as_they_are(tmp_path: Path) -> None:
    path = write_nvidia(tmp_path / "network.pkl", {**small_state(), "\x1b[2J" + "a" * 10**6: torch.zeros(3)})
    with pytest.raises(WeightsError) as refusal:
        load_generator(path)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < len(str(path)) + 310


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"missing\.pkl: no such file.*kiosk weights"):
        load_generator(tmp_path / "missing.pkl")
    with pytest.raises(WeightsError):
        load_generator(tmp_path)
    large = tmp_path / "large.pkl"
    large.touch()
    os.truncate(large, 2 * 2**30 + 1)
    with pytest.raises(WeightsError, match="larger than 2 GiB"):
        load_generator(large)
    large.unlink()
    for content in (
        b"",
        b"\x80",
        b"PK\x03\x04",
        OLD_TORCH_START,
        b"<!DOCTYPE html><html>",
        b"\0" * 99,
        b"\x80\x04N.",
    ):
        path = tmp_path / "garbage.pkl"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"garbage\.pkl"):
            load_generator(path)
        assert [p.name for p in tmp_path.iterdir()] == ["garbage.pkl"]


def packed(compression: int, *names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name in names:
            archive.writestr(name, b"a" * 3000)
    return buffer.getvalue()


def torchscript() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


def networks(**tensors: str) -> bytes:
    """NVIDIA's pickle of networks, each with one tensor of this name."""
    with nvidia_modules():
        return pickle.dumps({key: as_module({name: torch.zeros(3)}, "") for key, name in tensors.items()})


NO_CHECKPOINT: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "a compressed .zip of a .pkl": (
        lambda: packed(zipfile.ZIP_DEFLATED, "ffhq.pkl"), "ffhq.zip", r"holds ffhq\.pkl.*unpack it",
    ),
    "with a folder": (
        lambda: packed(zipfile.ZIP_DEFLATED, "sg2/ffhq.pkl", "README"), "ffhq.pt", "sg2/ffhq.pkl.*unpack it",
    ),
    "a fresh TorchScript file": (torchscript, "network.pt", "TorchScript"),
    "an unknown generator beside D": (
        lambda: networks(D="b4.conv.weight", G_ema="layers.0.weight"), "network.pkl",
        r"no StyleGAN2 generator.*holds G_ema\.layers\.0\.weight",
    ),
    "an unknown g_ema beside d": (
        lambda: zip_torch({"d": {"final_conv.0.weight": torch.zeros(2)}, "g_ema": {"a": torch.zeros(2)}}),
        "network.pt", r"holds g_ema\.a",
    ),
    "D alone": (lambda: networks(D="b4.conv.weight"), "network.pkl", "a discriminator alone"),
    "a .pt named safetensors": (
        lambda: zip_torch({"g_ema": as_rosinality(small_state())}), "x.safetensors",
        r"another format; name it x\.pt",
    ),
    "a .pkl named safetensors": (
        lambda: networks(D="b4.conv.weight"), "x.safetensors", "discriminator alone",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", NO_CHECKPOINT)
def test_what_the_file_is_and_what_to_do(tmp_path: Path, kind: str) -> None:
    content, name, message = NO_CHECKPOINT[kind]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(WeightsError, match=message) as refusal:
        load_generator(tmp_path / name)
    assert "malicious" not in str(refusal.value)
    assert [p.name for p in tmp_path.iterdir()] == [name]
