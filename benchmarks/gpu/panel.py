"""A panel of judges as far as it is on the device: their networks, ready to be differentiated.

What counts here is time and memory, so the sitter is noise in a fixed place of the picture. Where dlib is not
installed, a network of its architecture with random weights takes its place, under another name.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from engine.common.arrays import Pixels
from engine.common.errors import DoppelgangerError
from engine.judges.base import Affine, Embeddings, Judge, Metric, OperatingPoint
from engine.judges.gradients import DifferentiableJudge
from engine.judges.judging import Reference
from engine.judges.networks.dlib_network import DESCRIPTOR_SIZE, INPUT_PX, DlibNetwork, Layer
from engine.judges.perturbations import perturbations
from engine.judges.registry import JUDGES

FACE = (0.2, 0.8)  # about where an FFHQ crop has it, in both directions
STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""dlib's residual blocks: channels, how many, whether the first one halves."""


class UntrainedDlib(Judge):
    """dlib's architecture with random weights: costs what dlib costs, and knows nobody."""

    name = "dlib's network with random weights"
    metric: Metric = "euclidean"
    crop_px = INPUT_PX
    binding = False
    point = OperatingPoint("none", 0.6, "a benchmark")

    def __init__(self) -> None:
        self._network = DlibNetwork(random_layers())

    def align(self, portrait: Pixels, landmarks: np.ndarray) -> Affine:
        return fixed_alignment(self.crop_px)

    @torch.no_grad()
    def embed(self, crops: Pixels) -> Embeddings:
        embeddings: Embeddings = self._network(torch.from_numpy(crops).permute(0, 3, 1, 2).float()).numpy()
        return embeddings

    def network_with_gradients(self) -> DlibNetwork:
        return self._network


def random_layers() -> list[Layer]:
    """dlib's 29 layers as `read_layers` gives them, with random weights."""
    random = np.random.default_rng(0)
    none = np.zeros(0, np.float32)

    def convolution(channels: int, filters: int, side: int, stride: int, padding: int) -> Iterator[Layer]:
        fan_in = channels * side**2
        kernel = random.normal(0, (2 / fan_in) ** 0.5, filters * fan_in)
        weights = np.concatenate([kernel, np.zeros(filters)]).astype(np.float32)
        yield Layer("con", (filters, side, side, stride, stride, padding, padding), weights)
        yield Layer("affine", (0,), np.repeat(np.array([1, 0], np.float32), filters))

    layers = [Layer("input", (INPUT_PX, INPUT_PX), np.zeros(3, np.float32))]
    layers += [*convolution(3, 32, 7, 2, 0), Layer("relu", (), none)]
    layers.append(Layer("max_pool", (3, 3, 2, 2, 0, 0), none))
    channels = 32
    for filters, count, halved in STAGES:
        for index in range(count):
            halves = halved and index == 0
            layers += convolution(channels, filters, 3, 2 if halves else 1, 0 if halves else 1)
            layers += [Layer("relu", (), none), *convolution(filters, filters, 3, 1, 1)]
            layers += [Layer("avg_pool", (2, 2, 2, 2, 0, 0), none)] if halves else []
            layers += [Layer("add_prev", (), none), Layer("relu", (), none)]
            channels = filters
    layers.append(Layer("avg_pool", (0, 0, 1, 1, 0, 0), none))
    weights = random.normal(0, channels**-0.5, channels * DESCRIPTOR_SIZE).astype(np.float32)
    return [*layers, Layer("fc", (DESCRIPTOR_SIZE, channels), weights)]


def installed_judges() -> list[Judge]:
    """Every judge whose packages and files are here and whose network has gradients; dlib's architecture at
    least."""
    judges: list[Judge] = []
    try:
        from installation.settings.configuration import Configuration
        from installation.workers.models import load_judges
    except ImportError:  # a machine with little more than PyTorch
        return [UntrainedDlib()]
    for name in JUDGES:
        try:
            judges += load_judges(Configuration(), [name])
        except (DoppelgangerError, ImportError):  # not fetched, or not installed
            continue
    return [judge for judge in judges if judge.network_with_gradients() is not None] or [UntrainedDlib()]


def on_device(judges: Sequence[Judge], device: torch.device) -> list[DifferentiableJudge]:
    """Their networks there, each with a reference of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    there = []
    for judge in judges:
        network = judge.network_with_gradients()
        assert network is not None
        alignment = fixed_alignment(judge.crop_px)
        embedding = judge.describe([noise], alignment, perturbations(0, 1))[0, 0]
        there.append(DifferentiableJudge(judge, network, Reference(alignment, embedding), device))
    return there


def fixed_alignment(crop_px: int) -> Affine:
    """The map (2, 3) from unit coordinates of a picture to a crop of where a face usually is."""
    scale = crop_px / (FACE[1] - FACE[0])
    return np.array([[scale, 0, -FACE[0] * scale], [0, scale, -FACE[0] * scale]])
