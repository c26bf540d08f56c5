"""Who is portrayed: photographs and renders, and what one portrayal gives."""

import io
import pickle
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from benchmarks.test_data import ROOT, SHARED
from engine.border.tracing import Crossing
from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import Place
from engine.judges.base import Judge
from engine.judges.judging import Reference, make_reference
from engine.photographs.photograph import load_photograph
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator
from training.nobody.dataset import held_out

RENDERS = SHARED / "nobody" / "renders.tar"
KINDS = ("match", "nearest", "on the way", "random")
UNSEEN = 3  # renders that the generator was not trained on
VERSION_0_RENDERS, VERSION_0_UNSEEN = 1200, 64
STRANGERS = 200
GROUPS = (("photographs", False), ("rendered people", True))  # name, whether rendered


@dataclass
class Sitter:
    """One portrayal.

    pictures: by kind (of `KINDS`), uint8 (R, R, 3). given: the kind of doppelgänger that the visitor gets.
    border: of the second continuum, from the nearest doppelgänger to the match. seconds: wall time by stage,
    and processor time under `cpu`.
    """

    name: str
    rendered: bool
    portrait: Portrait
    other_shot: Portrait | None
    match: Place
    pictures: dict[str, Pixels]
    given: str | None = None
    border: Crossing | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)

    @property
    def person(self) -> str:
        """Two photographs of one man are two sitters, but one person."""
        return self.name if self.rendered else self.name.rstrip("2")

    def reference(self, judge: Judge) -> Reference:
        """The judge's reference of the sitter; computed once."""
        if judge.name not in self.references:
            portrait = [(self.portrait.image, self.portrait.landmarks)]
            self.references[judge.name] = make_reference(judge, portrait)
        return self.references[judge.name]


def rendered_names() -> list[str]:
    """The names of all renders in the archive, sorted."""
    with tarfile.open(RENDERS) as archive:
        return sorted(Path(name).stem for name in archive.getnames() if name.endswith(".webp"))


def unseen(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which renders the generator never saw: left out now, and by version 0, which it began with."""
    by_version_0 = np.zeros(len(names), bool)
    if len(names) == VERSION_0_RENDERS:
        by_version_0[np.random.default_rng(0).permutation(len(names))[:VERSION_0_UNSEEN]] = True
    return held_out(names) & by_version_0


def sitters_and_strangers(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """From all names: the sitters, on whom the generator was not trained, and the strangers."""
    wider = [name.startswith("02") for name in names]
    sitting = [names[i] for i in np.flatnonzero(unseen(names) & wider)[:UNSEEN]]
    others = [name for name, wide in zip(names, wider, strict=True) if wide and name not in sitting]
    return sitting, others[:STRANGERS]


def renders(names: Sequence[str]) -> Iterator[tuple[str, Pixels]]:
    """(name, uint8 (256, 256, 3)) of each render, on a grey ground."""
    with tarfile.open(RENDERS) as archive:
        for name in names:
            file = archive.extractfile(f"{name}.webp")
            assert file is not None
            with Image.open(file) as render:
                grey = Image.new("RGBA", render.size, (128, 128, 128, 255))
                yield name, np.array(Image.alpha_composite(grey, render.convert("RGBA")).convert("RGB"))


def sitters() -> Iterator[tuple[str, bool, Callable[[], Pixels], Callable[[], Pixels] | None]]:
    """(name, rendered, photograph, another of the same person)."""

    def file(path: Path) -> Callable[[], Pixels]:
        return lambda: load_photograph(path)

    paths = {path.stem: path for path in sorted((SHARED / "photos").glob("*.jpg"))}
    for name, path in paths.items():
        other = name.removesuffix("2") if name.endswith("2") else f"{name}2"
        yield name, False, file(path), file(paths[other])
    yield "astronaut", False, lambda: np.asarray(data.astronaut()), None
    for path in sorted((SHARED / "people").glob("*_0.png")):
        yield path.stem, True, file(path), file(path.with_name(path.name.replace("_0", "_1")))
    for name in sitters_and_strangers(rendered_names())[0]:
        yield name, True, lambda name=name: next(renders([name]))[1], None  # type: ignore[misc]


def find_portrait(photograph: Pixels, finder: FaceAnalyser, size_px: int = 512) -> Portrait | None:
    """The aligned crop of the first face found, or None where there is none."""
    faces = finder.find(photograph)
    return crop_ffhq(photograph, faces[0].landmarks, size_px) if faces else None


def in_frame(picture: Pixels, landmarks: NDArray[np.float32]) -> Portrait:
    """A picture of the generator, which draws in FFHQ framing, as a portrait."""
    return Portrait(picture, landmarks, np.eye(2, 3) / len(picture))


def load(work: Path, only: Sequence[str]) -> list[Sitter]:
    """Everybody portrayed so far, photographs first."""
    paths = [path for path in work.glob("*.pickle") if not only or path.stem in only]
    everybody: list[Sitter] = [pickle.loads(path.read_bytes()) for path in paths]
    return sorted(everybody, key=lambda sitter: (sitter.rendered, sitter.name))


def embedded_generator() -> Generator:
    """The generator that comes with the project."""
    return load_generator(ROOT / "weights" / "nobody.safetensors")


def keep_arrays(path: Path, **arrays: NDArray[np.generic]) -> None:
    """Writes named arrays to a .npz file, all of it or nothing."""
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    write_bytes(path, held.getvalue())
