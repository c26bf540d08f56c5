"""Which generator is taken where a file holds several, under whatever keys, and what makes it another."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.common.errors import WeightsError
from engine.stylegan2.checkpoint import load_generator
from tests.support.checkpoint_files import Making, State, as_rosinality, small_state, write_nvidia, zip_torch


def other_state() -> State:
    return {name: value if "filter" in name else value * 0.5 for name, value in small_state().items()}


def taken(path: Path, content: Any) -> str:
    """Which one of the two is in a file of this content."""
    path.write_bytes(zip_torch(content))
    const = load_generator(path).state_dict()["synthesis.b4.const"]
    if torch.equal(const, small_state()["synthesis.b4.const"]):
        return "wanted"
    assert torch.equal(const, other_state()["synthesis.b4.const"])
    return "other"


@pytest.mark.parametrize(
    ("other", "wanted"),
    [("g_source", "g"), ("g_frozen", "g_train"), ("schema", "g_avg"), ("schema", "G_ema"), ("g", "gRunning")],
)
@pytest.mark.parametrize("flat", [True, False])
def test_whole_words_of_the_keys_decide(
    tmp_path: Path, other: str, wanted: str, flat: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    networks = {other: other_state(), wanted: small_state()}
    content = {f"{key}.{name}": value for key, of in networks.items() for name, value in of.items()}
    assert taken(tmp_path / "a.pt", content if flat else networks) == "wanted"
    assert f"the generator under {wanted} is taken" in caplog.text


@pytest.mark.parametrize("prefix", ["Gs.", "netG_ema.", "averaged_model.", "gen.", "stylegan.", "a.b.c."])
@pytest.mark.parametrize("rosinality", [True, False])
def test_any_common_prefix(tmp_path: Path, prefix: str, rosinality: bool) -> None:
    state = as_rosinality(small_state()) if rosinality else small_state()
    assert taken(tmp_path / "a.pt", {f"{prefix}{name}": value for name, value in state.items()}) == "wanted"


def nested(state: Any, levels: int) -> Any:
    return {"level": nested(state, levels - 1)} if levels else state


def test_lists_nesting_and_arrays(tmp_path: Path) -> None:
    arrays = {name: value.numpy() for name, value in small_state().items()}
    contents = ([small_state()], ({"a": 1}, small_state()), nested(small_state(), 6), arrays)
    for number, content in enumerate(contents):
        assert taken(tmp_path / f"{number}.pt", content) == "wanted"


def test_a_mean_of_w_that_is_an_array(tmp_path: Path) -> None:
    mean = np.arange(5, dtype=np.float32)
    path = tmp_path / "a.pt"
    path.write_bytes(zip_torch({"g_ema": as_rosinality(small_state()), "latent_avg": mean}))
    assert torch.equal(load_generator(path).mapping.w_avg, torch.from_numpy(mean))


@pytest.mark.parametrize("name", ["_forward_hooks", "_forward_pre_hooks", "_another"])
def test_what_changes_what_a_module_computes_is_refused_by_name(tmp_path: Path, name: str) -> None:
    making = Making(changes={"synthesis.b8.conv0": {name: {1: len}}})
    path = write_nvidia(tmp_path / "a.pkl", small_state(), making=making)
    with pytest.raises(WeightsError, match=f"not known here: {name}"):
        load_generator(path)
