"""Programs of the system that tests start."""

import shutil
from importlib.util import find_spec

import pytest

from hardware.machine import TEST_PROGRAMS


def require_programs(*names: str) -> None:
    """Skips the test where one is missing, with the Debian package that has it.

    `./kiosk test` looks for all of them first; with --without-system-packages these tests skip.
    """
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}: apt-get install {TEST_PROGRAMS[name].debian}")


def require_ray() -> None:
    """Skips the test where the extra `server` is not installed."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
