"""Fixtures and paths that all tests share; thread counts and hypothesis settings for the whole run."""

import os

from installation.cli.main import BLAS_THREADS, SPINS

# Before numpy and torch are imported, here or in a program that a test starts: no more threads than cores
# this process may use; pytest-xdist's processes share them. NumPy and OpenCV get one, as in the kiosk.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ or "OMP_NUM_THREADS" not in os.environ:
    sharing = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    os.environ["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // sharing))
os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
os.environ.setdefault("OPENBLAS_NUM_THREADS", BLAS_THREADS)
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from tests.support.renders import unpack_renders
from tests.support.skip_gate import pytest_addoption, pytest_configure  # noqa: F401 (pytest hooks)

# A busy machine may need longer than hypothesis expects of one example.
hypothesis.settings.register_profile("no-deadline", deadline=None)
hypothesis.settings.load_profile("no-deadline")

REPO = Path(__file__).resolve().parent.parent

# The files that take more than a minute, the longest first. Begun first, none of them is left to one process
# at the end, while the other one has nothing to do.
LONGEST = (
    "installation/cli/test_run.py",
    "installation/cli/test_visit.py",
    "end_to_end/test_faults.py",
    "end_to_end/test_window.py",
    "engine/runtime/test_worker.py",
    "end_to_end/test_leaks.py",
    "end_to_end/test_wheel.py",
    "end_to_end/test_take_home.py",
    "training/nobody/regression/test_training.py",
    "end_to_end/test_preset_on_film.py",
    "end_to_end/test_soak.py",
)

DATA = REPO / "tests" / "data"  # its README.md says where each file comes from


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, in the order of `LONGEST`; the others as they were."""
    ranks = {REPO / "tests" / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def golden(resolution: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A small StyleGAN2 network of random weights (64 or 256 px) and what the reference makes of it.

    Returns the weights under NVIDIA's names, and all arrays of the file: inputs and expected outputs, too.
    """
    import torch

    with np.load(DATA / "networks" / f"stylegan2-{resolution}.npz") as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    return {k.removeprefix("state/"): v for k, v in arrays.items() if k.startswith("state/")}, arrays


def largest_difference(output: Any, expected: dict[str, Any], name: str) -> float:
    """The largest absolute difference between a tensor and the golden array `name`.

    Pictures (N, 3, R, R) are stored with every `step_px`-th row and column only.
    """
    step = int(expected["step_px"])
    if name.startswith("image_"):
        output = output[:, :, step // 2 :: step, step // 2 :: step]
    return float((output - expected[name]).abs().max())


class FolderManifest:
    """A weights manifest that finds the files of one folder first, then the embedded ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self) -> "FolderManifest":
        return self

    def locate(self, name: str) -> Path:
        own = self.folder / f"{name}.safetensors"
        return own if own.exists() else REPO / "weights" / f"{name}.safetensors"


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """Four photographs: biden.jpg, biden2.jpg, obama.jpg and obama2.jpg."""
    return sorted((DATA / "photos").glob("*.jpg"))


@pytest.fixture(scope="session")
def people() -> dict[str, list[Path]]:
    """Four pictures each of 14 rendered people: person -> files named PERSON_NUMBER.webp."""
    found: dict[str, list[Path]] = {}
    for path in sorted((DATA / "people").glob("*_*.webp")):
        found.setdefault(path.stem.partition("_")[0], []).append(path)
    return found


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a hundred renders, one person each, and their `meta.jsonl`."""
    return unpack_renders(tmp_path_factory.mktemp("renders"))


@pytest.fixture(scope="session")
def head_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ict.npz` and `lm68.npy`: ICT-FaceKit's head, reduced and rounded."""
    from tests.support.rounded_head import write_head

    folder = tmp_path_factory.mktemp("head")
    write_head(DATA / "head" / "ict-rounded.npz.xz", folder)
    return folder


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """The public-domain portrait that scikit-image carries: uint8 (512, 512, 3) RGB; do not write to it."""
    from skimage import data

    picture = data.astronaut()
    picture.setflags(write=False)
    return picture
