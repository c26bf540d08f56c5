"""Which perceptual distance ranks pictures best: does it grow with a fault, and does it know people apart?

    python -m training.nobody.rank RENDERS --encoder weights/nobody-encoder.safetensors --people FOLDER

Prints one table. RENDERS are pictures of people, one each; only those never trained on are looked at.
FOLDER holds several pictures a person, named PERSON_NUMBER.png, under other light, pose and expression.
Each line is a share of cases ranked rightly; 0.5 is guessing. Nobody was asked what they see: a fault
counts as greater where more of it was put in, and as great as any other fault of the same step in
`FAULTS`.
"""

import itertools
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from engine.common.errors import UsageError, report_errors_in_one_line
from engine.inversion.target import to_target
from engine.perceptual.distance import Distance
from engine.perceptual.encoder_features import EncoderFeatures
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.photographs.folder import picture_files
from engine.photographs.photograph import readable_photographs
from engine.stylegan2.encoder import Encoder, load_encoder
from training.nobody.compose import compose_as_photographed
from training.nobody.dataset import held_out, load_cutouts
from training.nobody.losses import importance
from training.nobody.run_folder import command_parser

log = logging.getLogger(__name__)

Array = NDArray[Any]
Fault = Callable[[torch.Tensor, float], torch.Tensor]


def _blur(picture: torch.Tensor, deviation_px: float) -> torch.Tensor:
    return _by_opencv(picture, lambda image: cv2.GaussianBlur(image, (0, 0), deviation_px))


def _noise(picture: torch.Tensor, deviation: float) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return (picture + deviation * torch.randn(picture.shape, generator=random)).clamp(-1, 1)


def _jpeg(picture: torch.Tensor, quality: float) -> torch.Tensor:
    def code(image: Array) -> Array:
        _, stored = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
        return cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1]

    return _by_opencv(picture, code)


def _shift(picture: torch.Tensor, distance_px: float) -> torch.Tensor:
    matrix = np.array([[1, 0, distance_px], [0, 1, distance_px / 2]], np.float32)

    def move(image: Array) -> Array:
        return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)

    return _by_opencv(picture, move)


def _colour(picture: torch.Tensor, strength: float) -> torch.Tensor:
    gains = torch.tensor([1 + strength, 1.0, 1 - strength])[:, None, None]
    return (((picture + 1) * gains).clamp(0, 2)) - 1


def _warp(picture: torch.Tensor, deviation_px: float) -> torch.Tensor:
    """Moves what is in the picture, by a smooth random field: other features, the same texture."""
    size = picture.shape[-1]
    field = torch.randn(1, 2, 7, 7, generator=torch.Generator().manual_seed(0)) * deviation_px * 2 / size
    field = F.interpolate(field, size=(size, size), mode="bicubic", align_corners=False)
    axis = (torch.arange(size) * 2 + 1) / size - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)[None] + field.permute(0, 2, 3, 1)
    return F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def _by_opencv(picture: torch.Tensor, change: Callable[[Array], Array]) -> torch.Tensor:
    """(1, 3, R, R) in [-1, 1] through a function of uint8 (R, R, 3)."""
    image = ((picture[0].permute(1, 2, 0) * 127.5 + 128).clamp(0, 255)).to(torch.uint8).numpy()
    changed = np.ascontiguousarray(change(image))
    return (torch.from_numpy(changed).permute(2, 0, 1)[None].float() - 127.5) / 127.5


# Five steps of each, from hardly visible to spoiled, at 128 px.
FAULTS: dict[str, tuple[Fault, tuple[float, ...]]] = {
    "blur": (_blur, (0.5, 0.8, 1.3, 2.0, 3.5)),
    "noise": (_noise, (0.02, 0.05, 0.1, 0.2, 0.4)),
    "JPEG": (_jpeg, (90, 70, 40, 15, 5)),
    "shift": (_shift, (0.5, 1, 2, 4, 8)),
    "colour": (_colour, (0.03, 0.07, 0.14, 0.25, 0.5)),
    "warp": (_warp, (0.5, 1, 2, 4, 8)),
}


class Together:
    """The sum of two distances, the second times `share`."""

    def __init__(self, first: Distance, second: Distance, share: float) -> None:
        self.first, self.second, self.share = first, second, share

    @property
    def sees_px(self) -> int | None:
        """As `Distance` asks for: as much as the finer one."""
        first_px, second_px = self.first.sees_px, self.second.sees_px
        return None if first_px is None or second_px is None else max(first_px, second_px)

    def towards(self, target: torch.Tensor, weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """As `Distance` asks for."""
        first, second = self.first.towards(target, weight), self.second.towards(target, weight)
        return lambda images: first(images) + self.share * second(images)


def ranked_faults(distance: Distance, pictures: torch.Tensor, weight: torch.Tensor) -> dict[str, float]:
    """Pictures (N, 3, R, R) -> for each fault, how often one step more of it is farther from the picture; and
    how often, of any two faults, one is farther at a step two or more above the other's ("across")."""
    right: dict[str, list[bool]] = {name: [] for name in (*FAULTS, "across")}
    for picture in pictures.split(1):
        measure = distance.towards(picture, weight)
        steps = {
            name: measure(torch.cat([fault(picture, strength) for strength in strengths])).tolist()
            for name, (fault, strengths) in FAULTS.items()
        }
        for name, found in steps.items():
            right[name] += [a < b for a, b in itertools.pairwise(found)]
        for found, other in itertools.permutations(steps.values(), 2):
            right["across"] += [a < b for i, a in enumerate(found) for b in other[i + 2 :]]
    return {name: float(np.mean(cases)) for name, cases in right.items()}


def ranked_people(
    distance: Distance, people: Sequence[torch.Tensor], weight: torch.Tensor
) -> dict[str, float]:
    """People's pictures, (4, 3, R, R) each -> how often another picture of a person is nearer than one of
    somebody else; and how often the person's own picture with a fault is ("fault or person")."""
    same: list[bool] = []
    fault_or_person: list[bool] = []
    for i, person in enumerate(people):
        others = torch.cat([other for k, other in enumerate(people) if k != i])
        for k, picture in enumerate(person.split(1)):
            measure = distance.towards(picture, weight)
            own, strangers = measure(person), measure(others)
            nearer = own[torch.arange(len(person)) != k, None] < strangers
            same += nearer.flatten().tolist()
            spoiled = torch.cat([fault(picture, strengths[2]) for fault, strengths in FAULTS.values()])
            fault_or_person += (measure(spoiled)[:, None] < strangers).flatten().tolist()
    return {"same person": float(np.mean(same)), "fault or person": float(np.mean(fault_or_person))}


def load_people(folder: Path, resolution: int) -> list[torch.Tensor]:
    """(pictures, 3, R, R) of each person, from files PERSON_NUMBER.png or .webp in the FFHQ framing.

    Hidden files are passed over; those that cannot be read as well, each with a line in the log.

    Raises:
        UsageError: the folder cannot be read, or holds no such file.
    """
    found: dict[str, list[torch.Tensor]] = {}
    paths = [
        path for path in picture_files(folder, (".png", ".webp"), report=log.warning) if "_" in path.name
    ]
    for path, photograph in readable_photographs(paths, log.warning):
        found.setdefault(path.stem.partition("_")[0], []).append(to_target(photograph, resolution))
    if not found:
        raise UsageError(f"{folder}: holds no people (PERSON_NUMBER.png or .webp)")
    return [torch.cat(pictures) for pictures in found.values()]


def table(columns: dict[str, dict[str, float]]) -> str:
    """Markdown: a column for each distance."""
    lines = ["| ranked rightly | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in next(iter(columns.values())):
        lines.append(f"| {name} | " + " | ".join(f"{column[name]:.3f}" for column in columns.values()) + " |")
    return "\n".join(lines)


@torch.no_grad()
@report_errors_in_one_line
def main(words: list[str] | None = None) -> int:
    parser = command_parser("rank", __doc__)
    parser.add_argument("renders", type=Path, help="a tar or a folder of cut-outs")
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--pictures", type=int, default=20)
    args = parser.parse_args(words)
    encoder, _ = load_encoder(args.encoder)
    names, cutouts = load_cutouts(args.renders, args.resolution)
    unseen = cutouts[torch.from_numpy(held_out(names))][: args.pictures]
    pictures = compose_as_photographed(unseen, torch.Generator().manual_seed(2))
    people = load_people(args.people, args.resolution)
    weight = importance(torch.ones(1, 1, args.resolution, args.resolution))
    pyramid, features = NormalisedLaplacianPyramid(), EncoderFeatures(encoder)
    torch.manual_seed(0)
    untrained = Encoder(encoder.num_ws, encoder.w_dim, encoder.directions).eval()
    distances: dict[str, Distance] = {
        "pyramid": pyramid,
        "features": features,
        "both": Together(pyramid, features, 1.0),
        "untrained features": EncoderFeatures(untrained),
    }
    columns = {}
    for name, distance in distances.items():
        columns[name] = ranked_faults(distance, pictures, weight) | ranked_people(distance, people, weight)
    print(table(columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
