"""Searches for nearest doppelgängers under other panels, and of faces of the generator itself."""

import pickle
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.carry.measuring import thresholds_for_renders, visible_change
from benchmarks.carry.portraying import MARGIN, someone_else_check
from benchmarks.carry.sitters import Sitter, embedded_generator, in_frame, keep_arrays, load
from benchmarks.recognisers import PHOTOGRAPHS, recognisers
from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.faces.analyser import FaceAnalyser
from engine.finders.base import JudgeConstraint
from engine.finders.nearest import NearestSettings, close_in, search_nearest
from engine.inversion.projection import Place, draw, fast_dtype
from engine.judges.base import Judge
from engine.judges.registry import panel
from engine.stylegan2.network import Generator, to_uint8

FIRST_SEED = 1000  # of the attacker's own people


def find_nearest(
    network: Generator,
    sitter: Sitter,
    judges: Sequence[Judge],
    settings: NearestSettings,
    finder: FaceAnalyser,
) -> Pixels | None:
    """The nearest doppelgänger of a sitter under another panel, or None."""
    constraints = [
        JudgeConstraint(judge, sitter.reference(judge), judge.threshold * (1 + MARGIN)) for judge in judges
    ]
    change = visible_change(sitter, finder)
    *_, last = search_nearest(network, sitter.match, constraints, change, settings)
    twin = close_in(network, last.place, sitter.match, someone_else_check(sitter, judges))
    return twin.picture if twin else None


def leave_one_out(work: Path, models: Path, only: Sequence[str]) -> None:
    """Each judge of three is left out of the search in turn, and then none."""
    network, settings = embedded_generator(), NearestSettings(dtype=fast_dtype(torch.device("cpu")))
    lines = thresholds_for_renders(work, models)
    with FaceAnalyser() as finder:
        for sitter in load(work, only):
            path = work / f"{sitter.name}.left"
            found: dict[str, Pixels | None] = pickle.loads(path.read_bytes()) if path.exists() else {}
            judges = [*panel(["dlib"]), *recognisers(models, lines if sitter.rendered else PHOTOGRAPHS)]
            for left in (*judges, None):
                name = left.name if left else "nobody"
                if name in found:
                    continue
                began = time.monotonic()
                others = [judge for judge in judges if judge is not left]
                found[name] = find_nearest(network, sitter, others, settings, finder)
                write_bytes(path, pickle.dumps(found))
                outcome = "none" if found[name] is None else "found"
                print(
                    sitter.name, "left out:", name, outcome, f"{time.monotonic() - began:.0f} s", flush=True
                )


def search_pairs(work: Path, count: int) -> None:
    """Faces of the generator itself as sitters, and their nearest doppelgängers: what an attacker could make
    at home to learn from. Searched as the installation does."""
    network, judges = embedded_generator(), panel(["dlib"])
    settings = NearestSettings(dtype=fast_dtype(torch.device("cpu")))
    path = work / "pairs.npz"
    names = ("seeds", "sitters", "landmarks", "twins")
    kept: list[list[NDArray[np.generic]]] = [[], [], [], []]
    if path.exists():
        with np.load(path) as known:
            kept = [list(known[name]) for name in names]
    with FaceAnalyser() as finder:
        for seed in unused_seeds([int(known) for known in kept[0]]):
            if len(kept[0]) >= count:
                break
            random = torch.Generator().manual_seed(seed)
            z = torch.randn(1, network.z_dim, generator=random)
            with torch.no_grad():
                place = Place(network.truncate(network.broadcast(network.mapping(z)), 0.5))
                picture = to_uint8(draw(network, place))[0].numpy()
            faces = finder.find(picture)
            if not faces:
                continue
            sitter = Sitter("", True, in_frame(picture, faces[0].landmarks), None, place, {"match": picture})
            twin = find_nearest(network, sitter, judges, settings, finder)
            if twin is None:
                continue
            for column, value in zip(kept, (seed, picture, faces[0].landmarks, twin), strict=True):
                column.append(np.asarray(value))
            stacked = (np.stack(column) for column in kept)
            keep_arrays(path, **dict(zip(names, stacked, strict=True)))
            print(len(kept[0]), flush=True)


def unused_seeds(used: Sequence[int]) -> Iterator[int]:
    """Seeds behind the last one used, without end."""
    seed = max(used, default=FIRST_SEED - 1)
    while True:
        seed += 1
        yield seed
