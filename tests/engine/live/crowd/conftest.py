"""A face detector and a mesh for all tests of the crowd, and people who do not exist."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.lookout import Lookout


@pytest.fixture(scope="session")
def lookout() -> Iterator[Lookout]:
    lookout = Lookout(MediaPipeDetector())
    yield lookout
    lookout.close()


@pytest.fixture(scope="session")
def mesh() -> Iterator[FaceMesh]:
    mesh = FaceMesh()
    yield mesh
    mesh.close()


@pytest.fixture(scope="session")
def faces(renders: Path) -> list[Path]:
    """A hundred renders with straight alpha."""
    return sorted(renders.glob("*.webp"))
