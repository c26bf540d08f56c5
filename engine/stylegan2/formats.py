"""The checkpoints of others, turned into weights under NVIDIA's names and settings.

- NVIDIA's `.pkl` of StyleGAN2-ADA and of StyleGAN3's `stylegan2` configuration: a pickle of whole networks.
- A whole network that `torch.save` wrote, NVIDIA's or rosinality's, as PTI does with a tuned generator.
- State dicts under either's names, alone or in a checkpoint: rosinality's `.pt` with `latent_avg` and its
  training snapshots without, pSp's and e4e's with the generator under `decoder.`.

Anything else is refused, and named where it is known (`recognition`).
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import InvalidWeights
from engine.stylegan2.modules import Parts, attributes, is_module, take_apart
from engine.stylegan2.nvidia import check_structure, has_running_average, nvidia_settings
from engine.stylegan2.recognition import check_record, name_of_network
from engine.stylegan2.rosinality import as_nvidia, rosinality_settings
from engine.stylegan2.settings import Settings
from engine.stylegan2.torch_files import is_tensor, read_checkpoint_file, tensor

log = logging.getLogger(__name__)

NVIDIA_START = "synthesis.b4.const"
ROSINALITY_START = "input.input"
# Where a generator lies inside a larger network (pSp's is its decoder, several GPUs add "module"). Under
# another prefix it is taken unless the whole is known to be another network.
PREFIX = r"((module|_orig_mod|model|net|decoder|generator|G|g|netG|[Gg]_ema|generator_ema|ema)\.)*"
GENERATOR_KEY = r"(.*\.)?(G|g|netG|[Gg]_ema|generator|generator_ema|ema|params_ema)\."
# Of several generators in a file an averaged one is taken first, and one that training begins from last;
# among equals the first in the file. Whole words of their keys count: `schema` is no `ema`.
AVERAGED = {"ema", "avg", "average", "averaged", "running", "shadow", "smoothed"}
BEGINNINGS = {
    "source",
    "frozen",
    "teacher",
    "old",
    "orig",
    "original",
    "init",
    "initial",
    "pretrained",
    "base",
}
MAX_DEPTH = 8
MAX_NETWORKS = 5000  # each parameter's state in an optimiser looks like one
MAX_LOOKED_AT = 2_000_000  # tensors and settings
MAX_NAMES = 10_000  # looked at to tell what a network is
MAX_NAME_LENGTH = 200


@dataclass(frozen=True)
class Content:
    """A generator out of a checkpoint of others: weights under NVIDIA's names, not yet checked.

    `estimate_w_avg`: the checkpoint has no mean of w, because its maker does not keep one.
    """

    state: dict[str, torch.Tensor]
    settings: Settings
    estimate_w_avg: bool


def read_checkpoint(path: Path) -> Content:
    """The generator in a checkpoint of others, the averaged one where there are several.

    Raises `InvalidWeights`, or any exception where the file is damaged; see
    `engine.common.weights_file.reporting_weights_errors`.
    """
    content = read_checkpoint_file(path)
    names: list[str] = []
    looked_at = 0
    for key, parts in islice(_networks(content, "", set()), MAX_NETWORKS):
        looked_at += len(parts.tensors) + len(parts.settings)
        if looked_at > MAX_LOOKED_AT:
            raise InvalidWeights("it holds far more networks than any checkpoint of a generator")
        for start, made in ((NVIDIA_START, _nvidia), (ROSINALITY_START, _rosinality)):
            for name in parts.tensors:
                if _is_under_a_prefix(name, start, parts):
                    prefix = name.removesuffix(start)
                    if key or prefix:
                        log.info("the generator under %s is taken", f"{key}{prefix}".rstrip("."))
                    return made(parts.under(prefix), content)
        if len(names) < MAX_NAMES:
            names += [f"{key}{name}"[:MAX_NAME_LENGTH] for name in islice(parts.tensors, MAX_NAMES)]
    if not names:
        check_record(content)
    # Beside a generator of another architecture, its discriminator tells nothing.
    names = [name for name in names if re.match(GENERATOR_KEY, name)] or names
    known = name_of_network(names)
    if known is None and names:
        known = f"no StyleGAN2 generator, or not all of it (it holds {names[0]}): {NVIDIA_START} is missing"
    raise InvalidWeights(known or f"it holds no generator: {NVIDIA_START} is missing")


def _is_under_a_prefix(name: str, start: str, parts: Parts) -> bool:
    """Whether a tensor's name is a generator's first one, below whatever names come before it."""
    if name != start and not name.endswith(f".{start}"):
        return False
    if re.fullmatch(PREFIX + re.escape(start), name):
        return True
    return name_of_network(islice(parts.tensors, MAX_NAMES)) is None


def _networks(content: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Parts]]:
    """Each network in a checkpoint with the keys that it lies under, in the order of `_order`.

    A checkpoint is a module, a state dict, or a dict, list or tuple of such. `seen`: those that were.
    """
    if id(content) in seen:
        return
    if is_module(content):
        seen.add(id(content))
        yield path, take_apart(content)
    if isinstance(content, list | tuple):
        seen.add(id(content))
        content = dict(enumerate(content[:MAX_NETWORKS]))
    if not isinstance(content, dict):
        return
    seen.add(id(content))
    tensors = {str(name): value for name, value in content.items() if is_tensor(value)}
    if tensors:
        yield path, Parts(dict(sorted(tensors.items(), key=_order)))
    if path.count(".") < MAX_DEPTH:
        for key, value in sorted(content.items(), key=_order):
            yield from _networks(value, f"{path}{key}.", seen)


def _order(item: tuple[Any, Any]) -> int:
    """0 for what lies under the key of an averaged network, 2 for one that training begins from, else 1."""
    words = set(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", str(item[0])[:MAX_NAME_LENGTH]))
    words = {word.lower() for word in words}
    return 0 if words & AVERAGED else 2 if words & BEGINNINGS else 1


def _nvidia(parts: Parts, content: Any) -> Content:
    state = _read(parts)
    shapes = {name: value.shape for name, value in state.items()}
    settings = nvidia_settings(parts.settings, shapes)
    check_structure(shapes)
    return Content(state, settings, not has_running_average(parts.settings))


def _rosinality(parts: Parts, content: Any) -> Content:
    state = _read(parts)
    beside = content if isinstance(content, dict) else {}
    training = attributes(beside.get("args"))
    settings = rosinality_settings(
        parts.settings, {name: value.shape for name, value in state.items()}, training
    )
    state = as_nvidia(state)
    check_structure({name: value.shape for name, value in state.items()})
    w_avg = _w_avg(beside.get("latent_avg"))
    if w_avg is not None:
        state["mapping.w_avg"] = w_avg
    return Content(state, settings, w_avg is None)


def _w_avg(latent_avg: Any) -> torch.Tensor | None:
    """`latent_avg` as one w: pSp repeats it for each layer. None where there is none, or layers differ."""
    if latent_avg is None:
        return None
    w_avg = tensor(latent_avg)
    if w_avg.ndim == 2 and len(w_avg) and torch.equal(w_avg, w_avg[:1].expand_as(w_avg)):
        return w_avg[0]
    return None if w_avg.ndim == 2 else w_avg


def _read(parts: Parts) -> dict[str, torch.Tensor]:
    state = {}
    for name, value in parts.tensors.items():
        try:
            state[name] = tensor(value)
        except InvalidWeights as error:
            joint = " is" if str(error).startswith("no ") else ":"
            raise InvalidWeights(f"{name}{joint} {error}") from error
    return state
