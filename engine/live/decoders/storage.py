"""The weights of two decoders in a folder, one file for each layout, and whose faces they draw."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open

from engine.common.errors import InvalidWeights
from engine.common.subjects import Subjects
from engine.common.weights_file import check_state, reporting_weights_errors, save_weights
from engine.live.decoders.layout import LAYOUTS, Layout
from engine.live.decoders.network import TwoDecoders
from engine.live.decoders.training import Progress


def weights_path(folder: Path, layout: Layout) -> Path:
    """Where a layout's weights lie in a folder."""
    return folder / f"{layout.name}.safetensors"


def save_decoders(network: TwoDecoders, path: Path, progress: Progress, subjects: Subjects) -> None:
    """Writes the weights in float32, all of the file or nothing. Raises WeightsError."""
    about = {
        "layout": network.layout.name,
        "progress": {"steps": progress.steps, "pictures": progress.pictures, "seconds": progress.seconds},
        "subjects": asdict(subjects),
    }
    save_weights(network.state_dict(), path, {"two_decoders": json.dumps(about)}, torch.float32)


def load_decoders(path: Path) -> tuple[TwoDecoders, Progress, Subjects]:
    """Raises WeightsError where the file is missing, damaged, or holds no two decoders."""
    with reporting_weights_errors(path), safe_open(path, framework="pt") as file:
        about = json.loads((file.metadata() or {}).get("two_decoders", "null"))
        try:
            network = TwoDecoders(LAYOUTS[about["layout"]])
            progress = Progress(**about["progress"])
            subjects = Subjects(bool(about["subjects"]["invented"]), tuple(about["subjects"]["consenting"]))
        except (KeyError, TypeError) as error:
            raise InvalidWeights("a safetensors file, but not of two decoders") from error
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        check_state(
            state, {name: each.shape for name, each in network.state_dict().items()}, path.stat().st_size
        )
        network.load_state_dict(state)
    return network.eval(), progress, subjects
