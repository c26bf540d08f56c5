"""The networks that an adversarial run begins with or goes on from, and how they are stored."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.common.atomic_file import replacing
from engine.common.errors import UsageError
from engine.stylegan2.checkpoint import Architecture, load_generator
from engine.stylegan2.network import Generator
from training.nobody.adversarial.discriminator import Discriminator
from training.nobody.generators import (
    MAPPING_LAYERS,
    fill_empty_noise_maps,
    load_coarser_state,
    rescale_truncation,
)

PART_BYTES = 15 * 2**20


def start_generator(args: argparse.Namespace, resumed: bool) -> Generator:
    """The generator to go on from, grown to the resolution asked for; a new one where there is none.

    Of a given one truncation 1 shows from now on what `--start-truncation` has shown: the adversary sees all
    people that z can give, and those at the rim of a generator that was taught by regression dissolve.
    """
    source = args.run / "generator.safetensors" if resumed else args.start
    if source is None:
        return Generator(512, 512, args.resolution, 8192, 256, MAPPING_LAYERS)
    found = load_generator(source)
    fill_empty_noise_maps(found)
    if not resumed:
        rescale_truncation(found, 1 / args.start_truncation)
    if found.resolution == args.resolution:
        return found
    if found.resolution > args.resolution:
        raise UsageError(
            f"{source}: is of {found.resolution} px already. Ask for at least as many, or a new run."
        )
    larger = Generator(**{**asdict(Architecture.of(found)), "resolution": args.resolution})
    return load_coarser_state(found.state_dict(), larger, source)


def start_discriminator(args: argparse.Namespace, state: dict[str, Any]) -> tuple[Discriminator, bool]:
    """The discriminator to go on from, and whether all of it has been trained at this resolution."""
    discriminator = Discriminator(args.resolution)
    if not state:
        return discriminator, False
    own = discriminator.state_dict()
    stored = load_parts(args.run, "discriminator")
    discriminator.load_state_dict(
        {k: v.float() for k, v in stored.items() if k in own and v.shape == own[k].shape}, strict=False
    )
    return discriminator, state["resolution"] == args.resolution


def read_state(run: Path) -> dict[str, Any]:
    """What an earlier run counted; empty where there was none."""
    path = run / "state.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save_in_parts(state: dict[str, torch.Tensor], folder: Path, stem: str) -> None:
    """Writes tensors in half precision as `stem-1-of-n.safetensors` and so on, about `PART_BYTES` each."""
    parts: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, tensor in state.items():
        half = tensor.detach().to("cpu", torch.float16).contiguous()
        if filled and filled + half.nbytes > PART_BYTES:
            parts.append({})
            filled = 0
        parts[-1][name] = half
        filled += half.nbytes
    written = [folder / f"{stem}-{i}-of-{len(parts)}.safetensors" for i in range(1, len(parts) + 1)]
    for path, part in zip(written, parts, strict=True):
        with replacing(path) as temporary:
            save_file(part, temporary)
    for path in set(folder.glob(f"{stem}-*-of-*.safetensors")) - set(written):
        path.unlink()


def load_parts(folder: Path, stem: str) -> dict[str, torch.Tensor]:
    """Reads what `save_in_parts` wrote. Raises UsageError where a part is missing."""
    paths = sorted(folder.glob(f"{stem}-*-of-*.safetensors"))
    count = int(paths[0].stem.rsplit("-", 1)[1]) if paths else 0
    if not paths or len(paths) != count:
        raise UsageError(
            f"{folder}: {len(paths)} of {count or 'the'} files {stem}-*.safetensors. Bring all of them."
        )
    return {name: tensor for path in paths for name, tensor in load_file(path).items()}
