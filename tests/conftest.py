"""What the tests share: the test data beside the repository, and the gate against silent skips."""

import fnmatch
import os
import tarfile
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from installation.cli.main import SPINS

# What a busy machine takes its time over is not wrong for that.
hypothesis.settings.register_profile("unhurried")
hypothesis.settings.load_profile("unhurried")

REPO = Path(__file__).resolve().parent.parent

# Before torch is imported, here or in a program that a test starts: no more threads than cores we may use.
# Test processes side by side (pytest-xdist) share the cores.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
if workers or "OMP_NUM_THREADS" not in os.environ:
    os.environ["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // max(1, workers)))
os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def shared(relative: str) -> Path:
    """A file or folder of the test data beside the repository; skips the test where it is missing."""
    path = REPO.parent / "shared" / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/{relative}, which is not part of the repository")
    return path


def golden(resolution: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights under NVIDIA's names, and all arrays of the golden file, what the reference drew among them."""
    import torch

    with np.load(shared(f"golden/stylegan2-{resolution}.npz")) as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    return {k.removeprefix("state/"): v for k, v in arrays.items() if k.startswith("state/")}, arrays


class FolderManifest:
    """A manifest of the files that lie in a folder, and of the embedded ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self) -> "FolderManifest":
        return self

    def locate(self, name: str) -> Path:
        own = self.folder / f"{name}.safetensors"
        return own if own.exists() else REPO / "weights" / f"{name}.safetensors"


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """Four photographs of two well-known people, two of each."""
    return sorted(shared("photos").glob("*.jpg"))


@pytest.fixture(scope="session")
def people() -> dict[str, list[Path]]:
    """Pictures of many people: person -> pictures of that person, from files named PERSON_NUMBER.png."""
    found: dict[str, list[Path]] = {}
    for path in sorted(shared("people").glob("*_*.png")):
        found.setdefault(path.stem.partition("_")[0], []).append(path)
    return found


@pytest.fixture(scope="session")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every twelfth render."""
    folder = tmp_path_factory.mktemp("renders")
    with tarfile.open(shared("nobody/renders.tar")) as tar:
        webp = [member for member in tar if member.name.endswith(".webp")]
        tar.extractall(folder, [tar.getmember("meta.jsonl"), *webp[::12]], filter="data")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """The public-domain portrait that scikit-image carries: uint8 (512, 512, 3) RGB; do not write to it."""
    from skimage import data

    picture = data.astronaut()
    picture.setflags(write=False)
    return picture


# --- no silent skips: `pytest --allowed-skips FILE` fails where a test skips that FILE does not list ---


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--allowed-skips", type=Path, help="fail on skips of tests that match no line of this file"
    )


def pytest_configure(config: pytest.Config) -> None:
    allowed = config.getoption("allowed_skips")
    if allowed is not None:
        config.pluginmanager.register(SkipGate(allowed.read_text(encoding="utf-8")), "skip-gate")


class SkipGate:
    """Turns a run red where a test skips whose id matches none of the given patterns.

    `allowed` holds one pattern a line (shell wildcards, `#` starts a comment) for ids such as
    `tests/engine/faces/test_faces.py::test_pose[left]`; a module skipped as a whole has its file name as its
    id.
    """

    def __init__(self, allowed: str) -> None:
        lines = (line.partition("#")[0].strip() for line in allowed.splitlines())
        self.patterns = [line for line in lines if line]
        self.unlisted: list[str] = []

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # An expected failure reports itself as skipped, too.
        skipped = report.skipped and not hasattr(report, "wasxfail")
        if skipped and not any(fnmatch.fnmatchcase(report.nodeid, pattern) for pattern in self.patterns):
            self.unlisted.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for nodeid in self.unlisted:
            terminalreporter.write_line(f"SKIPPED WITHOUT BEING ALLOWED: {nodeid}", red=True)
