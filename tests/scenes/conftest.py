"""Parameters for the tests of scenes."""

import pytest

from installation.settings.registry import Registry
from tests.support.scene_views import registry


@pytest.fixture
def values() -> Registry:
    return registry()
