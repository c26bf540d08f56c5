"""Stand-in packages and an index of them, for the tests of the script `kiosk`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kiosk_kit import make_packages, serve


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of indexes with stand-in packages of a few bytes."""
    return make_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def pytorch_index(packages: Path) -> Iterator[str]:
    """The URL of an index that has the stand-in builds of PyTorch."""
    with serve(packages / "pytorch") as url:
        yield url
