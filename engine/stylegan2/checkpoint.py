"""Checkpoints of the generator: load, convert, save. Nothing in a checkpoint is ever executed.

>>> generator = load_generator(Path("weights/downloads/ffhq.pkl"))

Our own files are safetensors with the weights under NVIDIA's names and the architecture in the metadata. The
checkpoints of others (see `formats`) are converted once to such a file beside the original, and only that
file is loaded. The format of a checkpoint is recognised by its content, not by its suffix.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from engine.common.errors import InvalidWeights, WeightsError
from engine.common.weights_file import check_state, is_plain_tensor, reporting_weights_errors, save_weights
from engine.stylegan2.formats import Content, read_checkpoint
from engine.stylegan2.network import Generator
from engine.stylegan2.recognition import name_of_safetensors
from engine.stylegan2.settings import LR_MULTIPLIER, Settings

DEFAULT_SETTINGS = Settings()
CONVERSION = "2"  # the first one left out the settings; what it wrote is converted again
W_AVG_DRAWS, W_AVG_SEED = 10_000, 123
MAX_CHANNELS = 4096
MAX_MAPPING_LAYERS = 32
RESOLUTIONS = [2**i for i in range(2, 11)]


# What files of our own name only where it is not the usual.
OPTIONAL = {"lr_multiplier": LR_MULTIPLIER, "conv_clamp": None}


@dataclass(frozen=True)
class Architecture:
    """The arguments of `Generator`. Raises `InvalidWeights` where no generator is like that."""

    z_dim: int
    w_dim: int
    resolution: int
    channel_base: int
    channel_max: int
    mapping_layers: int
    lr_multiplier: float = LR_MULTIPLIER
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        Settings(self.conv_clamp, self.lr_multiplier)
        sizes = {name: value for name, value in asdict(self).items() if name not in OPTIONAL}
        if not all(type(value) is int for value in sizes.values()):
            raise InvalidWeights(f"its architecture is not made of whole numbers: {self}")
        if not (
            0 < self.z_dim <= MAX_CHANNELS
            and 0 < self.w_dim <= MAX_CHANNELS
            and self.resolution in RESOLUTIONS
            and self.resolution <= self.channel_base <= MAX_CHANNELS * RESOLUTIONS[-1]
            and 0 < self.channel_max <= MAX_CHANNELS
            and 0 < self.mapping_layers <= MAX_MAPPING_LAYERS
        ):
            raise InvalidWeights(f"no generator has this architecture: {self}")

    @classmethod
    def of(cls, generator: Generator) -> "Architecture":
        """The architecture of a generator."""
        return cls(**{name: getattr(generator, name) for name in cls.__dataclass_fields__})

    @classmethod
    def inferred(
        cls, shapes: Mapping[str, torch.Size], settings: Settings = DEFAULT_SETTINGS
    ) -> "Architecture":
        """The architecture that weights of these shapes, and a network with these settings, belong to.

        Several channel_base and channel_max can give the same channels; the smallest are taken.
        """

        def size(name: str, dimension: int) -> int:
            if name not in shapes:
                raise InvalidWeights(f"{name} is missing: no StyleGAN2 generator, or not all of it")
            if len(shapes[name]) <= dimension:
                raise InvalidWeights(f"{name} has the shape {list(shapes[name])}, which is not StyleGAN2's")
            return shapes[name][dimension]

        blocks = [int(found[1]) for name in shapes if (found := re.match(r"synthesis\.b(\d{1,4})\.", name))]
        resolution = max(blocks, default=4)
        channels = {r: size(f"synthesis.b{r}.conv1.weight", 0) for r in RESOLUTIONS if r <= resolution}
        channel_base, channel_max = max(r * count for r, count in channels.items()), channels[4]
        if any(min(channel_base // r, channel_max) != count for r, count in channels.items()):
            raise InvalidWeights(f"its channels are not StyleGAN2's: {channels}")
        return cls(
            z_dim=size("mapping.fc0.weight", 1),
            w_dim=size("synthesis.b4.conv1.affine.weight", 1),
            resolution=resolution,
            channel_base=channel_base,
            channel_max=channel_max,
            mapping_layers=sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in shapes),
            lr_multiplier=settings.lr_multiplier,
            conv_clamp=settings.conv_clamp,
        )

    def build(self) -> Generator:
        """A generator that takes no memory yet: its weights have shapes, but no numbers."""
        with torch.device("meta"):
            return Generator(**asdict(self))

    def shapes(self) -> dict[str, torch.Size]:
        """The shape of each weight by NVIDIA's name."""
        return {name: tensor.shape for name, tensor in self.build().state_dict().items()}


def load_generator(path: Path) -> Generator:
    """The generator in a checkpoint of any known kind, frozen, in float32, on the CPU.

    Converts the checkpoints of others first, see `convert`.

    Raises:
        WeightsError: the file is missing, damaged, malicious, or no StyleGAN2 generator.
    """
    path = convert(path)
    with reporting_weights_errors(path), safe_open(path, framework="pt") as file:
        recorded = json.loads((file.metadata() or {}).get("stylegan2", "null"))
        if not isinstance(recorded, dict):
            raise InvalidWeights(name_of_safetensors(file.keys(), file.metadata() or {}))
        recorded.pop("name", None)
        if {**OPTIONAL, **recorded}.keys() != Architecture.__dataclass_fields__.keys():
            raise InvalidWeights("the architecture in its metadata is not complete")
        architecture = Architecture(**recorded)
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        check_state(state, architecture.shapes(), path.stat().st_size)
        generator = architecture.build()
        # Copies: the file is mapped into memory, and might be replaced while the generator lives.
        copies = {name: tensor.to(torch.float32, copy=True) for name, tensor in state.items()}
        generator.load_state_dict(copies, assign=True)
    return generator.eval().requires_grad_(False)


def save_generator(generator: Generator, path: Path, name: str, half: bool = True) -> None:
    """Writes a generator as safetensors, in float16 (`half`) or float32; all of the file or nothing.

    Raises:
        WeightsError: the file cannot be written, or a weight is not finite (in float16: beyond 65504).
    """
    state = {key: tensor.detach().cpu() for key, tensor in generator.state_dict().items()}
    metadata = {"stylegan2": _metadata(Architecture.of(generator), name)}
    save_weights(state, path, metadata, torch.float16 if half else torch.float32)


def convert(path: Path) -> Path:
    """The safetensors file of a checkpoint: `path` itself, or `<stem>.safetensors` beside the original.

    That is written once, in float32, and used again as long as the original has the sha256 recorded in it.
    A file of that name that is no conversion is never overwritten.

    Raises:
        WeightsError: the original is missing, damaged, malicious or no StyleGAN2 generator; or the
            converted file cannot be written.
    """
    with reporting_weights_errors(path):
        if _is_safetensors(path):
            return path
        sha256 = generator_sha256(path)
        converted = path.with_suffix(".safetensors")
        if converted == path:
            read_checkpoint(path)  # what is wrong with it otherwise comes first
            raise InvalidWeights(
                f"no safetensors file but a checkpoint of another format; name it {path.stem}.pt"
            )
        if converted.exists():
            source = _conversion(converted)
            if source == (sha256, CONVERSION):
                return converted
            if source is None:
                raise InvalidWeights(
                    f"its conversion would overwrite {converted.name}, which is something else"
                )
        generator = _generator(read_checkpoint(path), path.stat().st_size)
    architecture = Architecture.of(generator)
    metadata = {
        "stylegan2": _metadata(architecture, path.stem),
        "source_sha256": sha256,
        "conversion": CONVERSION,
    }
    save_weights(generator.state_dict(), converted, metadata, torch.float32)
    return converted


def _generator(content: Content, file_bytes: int) -> Generator:
    """The generator that a checkpoint of others describes, checked, with what the checkpoint leaves out."""
    state, settings = dict(content.state), content.settings
    _check_filters(state)
    if strange := [name for name, tensor in state.items() if not is_plain_tensor(tensor)]:
        raise InvalidWeights(f"{strange[0]} is no plain tensor of floating-point numbers")
    if not settings.use_noise:  # noise of strength zero is none
        state = {
            name: t for name, t in state.items() if not name.endswith((".noise_const", ".noise_strength"))
        }
    architecture = Architecture.inferred({name: tensor.shape for name, tensor in state.items()}, settings)
    generator = architecture.build()
    expected = {name: tensor.shape for name, tensor in generator.state_dict().items()}
    supplied = {
        name: torch.zeros(shape)
        for name, shape in expected.items()
        if (name == "mapping.w_avg" and content.estimate_w_avg and name not in state)
        or (name.endswith((".noise_const", ".noise_strength")) and not settings.use_noise)
    }
    check_state(state, {name: s for name, s in expected.items() if name not in supplied}, file_bytes)
    # Copies: the tensors of a checkpoint may share memory with each other.
    numbers = {name: tensor.to(torch.float32, copy=True) for name, tensor in (state | supplied).items()}
    generator.load_state_dict(numbers, assign=True)
    if "mapping.w_avg" in supplied:
        generator.mapping.w_avg.copy_(estimated_w_avg(generator))
    return generator


@torch.no_grad()
def estimated_w_avg(generator: Generator) -> torch.Tensor:
    """The mean of w over 10,000 draws of z, as NVIDIA's projector.py estimates it: its seed, its draws.

    The standard error is a hundredth of the spread of w.
    """
    z = np.random.RandomState(W_AVG_SEED).randn(W_AVG_DRAWS, generator.z_dim).astype(np.float32)
    return generator.mapping(torch.from_numpy(z)).mean(dim=0)


def generator_name(path: Path) -> str:
    """What the generator is called: the name in our own file, or the stem of another's."""
    with reporting_weights_errors(path):
        if not _is_safetensors(path):
            return path.stem
        with safe_open(path, framework="pt") as file:
            return str(json.loads((file.metadata() or {})["stylegan2"])["name"])


def generator_sha256(path: Path) -> str:
    """The sha256 of the file, in hexadecimal, as the manifest of weights has it."""
    with reporting_weights_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_safetensors(path: Path) -> bool:
    """Such a file starts with the length of its header, eight bytes, and the header, a JSON object."""
    with path.open("rb") as file:
        length, header = file.read(8), file.read(1)
    return header == b"{" and int.from_bytes(length, "little") < path.stat().st_size


def _metadata(architecture: Architecture, name: str) -> str:
    recorded = {
        key: value
        for key, value in asdict(architecture).items()
        if key not in OPTIONAL or value != OPTIONAL[key]
    }
    return json.dumps({**recorded, "name": name})


def _conversion(converted: Path) -> tuple[str, str] | None:
    """The sha256 of the file that `converted` was made of, and how; None where it is no conversion."""
    try:
        with reporting_weights_errors(converted), safe_open(converted, framework="pt") as file:
            metadata = file.metadata() or {}
            source = metadata.get("source_sha256")
            return None if source is None else (source, metadata.get("conversion", "1"))
    except WeightsError:
        return None


def _check_filters(state: dict[str, torch.Tensor]) -> None:
    """Takes the resampling filters out of `state`; the network has the usual one, [1, 3, 3, 1], built in."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    usual = torch.outer(taps, taps) / 64
    for name in [name for name in state if name.endswith(".resample_filter")]:
        resample_filter = state.pop(name)
        if not is_plain_tensor(resample_filter) or resample_filter.shape != usual.shape:
            raise InvalidWeights(f"{name} is not the filter [1, 3, 3, 1]")
        if not torch.allclose(resample_filter.float(), usual, atol=1e-4):
            raise InvalidWeights(f"{name} is not the filter [1, 3, 3, 1], or has another gain or sign")
