"""A person of the embedded generator, rigged once."""

import pytest

from engine.faces.analyser import FaceAnalyser
from engine.live.expression import Mesh
from engine.live.rigs.rig import Rig
from tests.support.puppet_kit import shared_analyser, shared_mesh, shared_rig


@pytest.fixture
def analyser() -> FaceAnalyser:
    return shared_analyser()


@pytest.fixture
def rig() -> Rig:
    return shared_rig()


@pytest.fixture
def mesh() -> Mesh:
    """The mesh of the rig's picture, (478, 3)."""
    return shared_mesh()
