"""How a generator turns and lifts a head: directions in its W, found from its own pictures.

A few hundred random people are drawn and measured. A direction is the mean change of w with one of the
measured numbers while the others stay (least squares), so that it leads along people whom the generator
knows.

Source: Shen et al., *InterFaceGAN*, 2020, finds semantic directions by linear models on measured samples.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from engine.common.errors import InvalidWeights, UsageError
from engine.common.weights_file import check_state, reporting_weights_errors, save_weights
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import Box
from engine.inversion.projection import Place, draw, fast_dtype
from engine.live.expression import measure
from engine.stylegan2.network import Generator, to_uint8

SAMPLES = 400
TRUNCATION = 0.7


@dataclass(frozen=True, eq=False)
class Directions:
    """What is added to w for one degree: yaw, pitch, each (w_dim,) on the generator's device."""

    yaw: torch.Tensor
    pitch: torch.Tensor


def face_box(side_px: int) -> Box:
    """Where a face in FFHQ framing lies in a picture of this side."""
    return 0.25 * side_px, 0.25 * side_px, 0.75 * side_px, 0.9 * side_px


def save_directions(directions: Directions, path: Path, generator_sha256: str) -> None:
    """Writes directions as safetensors, with the sha256 of the generator that they are of."""
    metadata = json.dumps({"generator_sha256": generator_sha256})
    tensors = {"yaw": directions.yaw, "pitch": directions.pitch}
    save_weights(tensors, path, {"directions": metadata}, torch.float32)


def load_directions(path: Path, generator: Generator) -> tuple[Directions, str]:
    """Directions on the generator's device, and the sha256 of the generator that they are of.

    Raises WeightsError where the file is missing, damaged, or holds no directions of such a generator.
    """
    with reporting_weights_errors(path), safe_open(path, framework="pt") as file:
        metadata = json.loads((file.metadata() or {}).get("directions", "null"))
        if not isinstance(metadata, dict) or not isinstance(sha256 := metadata.get("generator_sha256"), str):
            raise InvalidWeights("a safetensors file, but not of directions (no whole 'directions' in it)")
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        shape = torch.Size((generator.w_dim,))
        check_state(state, {"yaw": shape, "pitch": shape}, path.stat().st_size)
        yaw, pitch = (state[name].float().to(generator.device) for name in ("yaw", "pitch"))
        return Directions(yaw, pitch), sha256


@torch.no_grad()
def find_directions(
    generator: Generator, analyser: FaceAnalyser, samples: int = SAMPLES, seed: int = 0
) -> Directions:
    """Draws and measures `samples` people; 0.15 s each at 256 px on one core.

    Raises UsageError where fewer than half of the pictures show a face: this generator makes none.
    """
    z = torch.randn(samples, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    latents = generator.truncate(generator.broadcast(generator.mapping(z.to(generator.device))), TRUNCATION)
    dtype = fast_dtype(generator.device)
    w, numbers = [], []
    for latent in latents:
        picture = to_uint8(draw(generator, Place(latent[None]), dtype, "none"))[0].numpy()
        found = analyser.mesh(picture, face_box(len(picture)))
        if found is not None:
            expression = measure(found)
            w.append(latent[0].cpu().numpy())
            numbers.append([expression.yaw_deg, expression.pitch_deg, expression.corners, expression.jaw])
    if len(w) < samples / 2:
        raise UsageError("The generator makes no faces that can be measured: use another one.")
    yaw, pitch = _slopes(np.array(w), np.array(numbers))[:2]
    return Directions(*(torch.from_numpy(slope).float().to(generator.device) for slope in (yaw, pitch)))


def _slopes(w: NDArray[np.float32], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """w (N, w_dim), numbers (N, K) -> change of w with each number, the others held, (K, w_dim)."""
    centred = numbers - numbers.mean(axis=0)
    return np.linalg.lstsq(centred, w - w.mean(axis=0), rcond=None)[0]
