"""Training: it learns to follow, is the same for the same seed, and goes on from a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.common.errors import WeightsError
from engine.common.subjects import Subjects
from engine.live.decoders.following import answers, miss_grey
from engine.live.decoders.known_poses import begin_with_known_poses
from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.network import TwoDecoders
from engine.live.decoders.storage import load_decoders, save_decoders, weights_path
from engine.live.decoders.training import Progress, Trainer
from tests.support.decoders_kit import lessons

THIN = LAYOUTS["thin"]


def begun() -> TwoDecoders:
    torch.manual_seed(0)
    network = TwoDecoders(THIN)
    of_b = lessons(THIN.side_px)["b"]
    begin_with_known_poses(network, of_b.seen, of_b.drawn)
    return network


@pytest.fixture(scope="module")
def trained() -> TwoDecoders:
    network = begun()
    trainer = Trainer(network, lessons(THIN.side_px))
    for _ in range(8):
        trainer.step()
    return network


def test_it_follows_better_than_any_one_picture(trained: TwoDecoders) -> None:
    of_b = lessons(THIN.side_px)["b"]
    frozen = miss_grey(of_b.drawn.mean()[None], of_b.drawn)
    assert miss_grey(answers(trained, of_b.seen, "b"), of_b.drawn) < 0.6 * frozen
    # The control: without the known poses, and before training, the answer is that one picture.
    unlearned = begun()
    unlearned.draws["b"].data.zero_()
    assert miss_grey(answers(unlearned, of_b.seen, "b"), of_b.drawn) > 0.98 * frozen


@pytest.mark.parametrize("name", ["published", "low-memory"])
def test_the_layouts_of_2017_are_trained_by_the_same_loop(name: str) -> None:
    """With an eighth of the channels: how large they are is tested with the network."""
    layout = LAYOUTS[name]
    layout = replace(
        layout,
        encoder=tuple(channels // 8 for channels in layout.encoder),
        dense=layout.dense // 8,
        bottleneck=layout.bottleneck // 8,
        decoder=tuple(channels // 8 for channels in layout.decoder),
    )
    network = TwoDecoders(layout)
    before = network.state_dict()["decoders.b.9.weight"].clone()
    trainer = Trainer(network, lessons(layout.side_px))
    trainer.batch = 2
    trainer.step()
    assert trainer.progress.steps == 1 and trainer.progress.pictures == 4
    assert not torch.equal(network.state_dict()["decoders.b.9.weight"], before)


def test_weights_come_back_with_their_progress_and_subjects(trained: TwoDecoders, tmp_path: Path) -> None:
    path = weights_path(tmp_path, THIN)
    progress, subjects = Progress(60, 960, 12.0), Subjects(False, ("Ada", "Grace"))
    save_decoders(trained, path, progress, subjects)
    network, later, whose = load_decoders(path)
    assert (later.steps, later.pictures, later.seconds, whose) == (60, 960, 12.0, subjects)
    seen = lessons(THIN.side_px)["b"].seen.part(0, 4)
    assert torch.allclose(answers(network, seen, "b"), answers(trained, seen, "b"), atol=1e-5)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "thin.safetensors"
    with pytest.raises(WeightsError, match="no such file"):
        load_decoders(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="not of two decoders"):
        load_decoders(path)
    about = {"layout": "thin", "progress": {}, "subjects": {"invented": True, "consenting": []}}
    save_file({"x": torch.zeros(1)}, path, {"two_decoders": json.dumps(about)})
    with pytest.raises(WeightsError, match="missing"):
        load_decoders(path)
