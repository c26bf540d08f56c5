"""Where files are read and written, in a checkout and in an installed package."""

from pathlib import Path

import pytest

from installation.settings.paths import downloads_folder, is_checkout, state_folder
from tests.conftest import REPO


def test_in_a_checkout_everything_stays_in_it() -> None:
    assert is_checkout()
    assert state_folder() == REPO / "config"
    assert downloads_folder(REPO / "weights") == REPO / "weights" / "downloads"


@pytest.mark.parametrize(
    ("environment", "state", "data"),
    [
        ({}, "/home/eva/.local/state", "/home/eva/.local/share"),
        ({"XDG_STATE_HOME": "/var/state", "XDG_DATA_HOME": "/var/data"}, "/var/state", "/var/data"),
        (
            {"XDG_STATE_HOME": "state", "XDG_DATA_HOME": ""},
            "/home/eva/.local/state",
            "/home/eva/.local/share",
        ),
    ],
    ids=["defaults", "set", "not absolute"],
)
def test_an_installed_package_writes_to_the_users_folders(
    tmp_path: Path, environment: dict[str, str], state: str, data: str
) -> None:
    environment = environment | {"HOME": "/home/eva"}
    assert not is_checkout(tmp_path)
    assert state_folder(tmp_path, environment) == Path(state) / "doppelganger"
    downloads = downloads_folder(tmp_path / "weights", tmp_path, environment)
    assert downloads == Path(data) / "doppelganger" / "weights"


def test_a_manifest_elsewhere_keeps_its_downloads_beside_it(tmp_path: Path) -> None:
    assert downloads_folder(tmp_path / "other", tmp_path) == tmp_path / "other" / "downloads"
