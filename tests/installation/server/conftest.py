"""A certificate for the rendering servers of these tests."""

import pytest

from tests.support.server_kit import Certificate, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Made once, for `localhost`."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))
