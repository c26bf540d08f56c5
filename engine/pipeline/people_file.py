"""The file of people who do not exist: where each lies in one generator, made by `training.nobody.people`.

A place in W+ alone draws somebody as softly as the generator does. So the file may hold each one's own noise
maps, too, as a visit's tuning fills them with a sitter's detail: 8 bits a value, all of them compressed
together. Files without maps are read as well.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open

from engine.common.errors import InvalidWeights
from engine.common.weights_file import check_state, reporting_weights_errors, save_weights
from engine.inversion.projection import Place
from engine.stylegan2.network import Generator

LEVELS = 127  # of a map's values on either side of zero
COMPRESSION = 9
TINY = 1e-6  # a smaller peak is an empty map's, and float16 has none much smaller
SUFFIX = ".noise_const"


def save_people(
    people: Sequence[Place], path: Path, generator_sha256: str, names: Sequence[str] = ()
) -> None:
    """Writes people as safetensors, with the sha256 of the generator that they lie in.

    names: of the renders that they were found by.

    Latents are kept in float16. Offsets may be of noise maps only, of the same ones for everybody (ValueError
    otherwise); of each map its largest value is kept in float16, and all others in `LEVELS` of it.
    """
    state = {"latents": torch.cat([person.latent for person in people])}
    maps = list(people[0].offsets)
    if any(list(person.offsets) != maps for person in people):
        raise ValueError("people of one file have offsets of the same tensors, in the same order")
    if any(not name.endswith(SUFFIX) for name in maps):
        raise ValueError("a file of people holds no other offsets than noise maps")
    metadata: dict[str, object] = {"generator_sha256": generator_sha256, "renders": list(names)}
    if maps:
        values = [[person.offsets[name].detach().float().cpu() for name in maps] for person in people]
        peaks = torch.tensor([[float(each.abs().max()) for each in own] for own in values]).half()
        levels = [
            (each * (LEVELS / max(float(peak), TINY))).round().clamp(-LEVELS, LEVELS).to(torch.int8)
            for own, own_peaks in zip(values, peaks, strict=True)
            for each, peak in zip(own, own_peaks, strict=True)
        ]
        packed = zlib.compress(torch.cat([each.flatten() for each in levels]).numpy().tobytes(), COMPRESSION)
        state |= {"maps": torch.frombuffer(bytearray(packed), dtype=torch.uint8), "map_peaks": peaks}
        metadata["maps"] = [name.removesuffix(SUFFIX) for name in maps]
    save_weights(state, path, {"people": json.dumps(metadata)}, torch.float16)


def load_people(path: Path, generator: Generator) -> tuple[tuple[Place, ...], str]:
    """People on the generator's device, and the sha256 of the generator that they lie in.

    Raises:
        WeightsError: the file is missing, damaged, holds no people, or none for a generator of this shape.
    """
    with reporting_weights_errors(path), safe_open(path, framework="pt") as file:
        metadata = json.loads((file.metadata() or {}).get("people", "null"))
        if not isinstance(metadata, dict) or not isinstance(sha256 := metadata.get("generator_sha256"), str):
            raise InvalidWeights("a safetensors file, but not of people (its metadata has no whole 'people')")
        shapes = _map_shapes(metadata.get("maps", []), generator)
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        packed = state.pop("maps", None) if shapes else None
        count = len(state["latents"]) if "latents" in state and state["latents"].dim() else 0
        expected = {"latents": torch.Size((count, generator.num_ws, generator.w_dim))}
        if shapes:
            expected["map_peaks"] = torch.Size((count, len(shapes)))
        check_state(state, expected, path.stat().st_size)
        if not count:
            raise InvalidWeights("holds nobody")
        latents = state["latents"].float().to(generator.device)
        if not shapes:
            return tuple(Place(latent[None]) for latent in latents), sha256
        levels = _levels(packed, count * sum(shape.numel() for shape in shapes.values())).reshape(count, -1)
        people = zip(latents, levels, state["map_peaks"].float(), strict=True)
        return tuple(
            Place(latent[None], _offsets(own.to(generator.device), peaks.tolist(), shapes))
            for latent, own, peaks in people
        ), sha256


def render_names(path: Path) -> list[str]:
    """The names of the renders that the people of a file were found by; none where it does not tell.

    Raises WeightsError as `load_people` does.
    """
    with reporting_weights_errors(path), safe_open(path, framework="pt") as file:
        metadata = json.loads((file.metadata() or {}).get("people", "{}"))
        return [str(name) for name in metadata.get("renders", [])]


def _map_shapes(layers: object, generator: Generator) -> dict[str, torch.Size]:
    """The shapes of the maps of these layers, which the metadata tells, by the names of their tensors."""
    own = generator.synthesis.noise_layers()
    if not isinstance(layers, list) or any(layers.count(layer) > 1 for layer in layers):
        raise InvalidWeights("its metadata does not tell which noise maps it holds")
    for layer in layers:
        if not isinstance(layer, str) or layer not in own:
            raise InvalidWeights(f"holds noise maps of {layer}, which this generator does not have")
    return {layer + SUFFIX: own[layer].noise_const.shape for layer in layers}


def _levels(packed: torch.Tensor | None, count: int) -> torch.Tensor:
    """Unpacks so many values, int8 (count,), and never more, whatever the file claims."""
    if packed is None or packed.dtype != torch.uint8 or packed.dim() != 1:
        raise InvalidWeights("its noise maps (maps) are missing, or no row of bytes")
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(packed.numpy().tobytes(), count + 1)
    except zlib.error as error:
        raise InvalidWeights(f"its noise maps are damaged ({error}); fetch it again") from error
    if len(unpacked) != count or not unpacking.eof or unpacking.unused_data:
        raise InvalidWeights("its noise maps are damaged: they have another length; fetch it again")
    return torch.frombuffer(bytearray(unpacked), dtype=torch.int8)


def _offsets(
    levels: torch.Tensor, peaks: list[float], shapes: Mapping[str, torch.Size]
) -> dict[str, torch.Tensor]:
    """One person's maps, int8 one after the other, as float32 by the names of their tensors."""
    parts = levels.split([shape.numel() for shape in shapes.values()])
    return {
        name: part.float().reshape(shape) * (peak / LEVELS)
        for (name, shape), part, peak in zip(shapes.items(), parts, peaks, strict=True)
    }
