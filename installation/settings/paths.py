"""Where files are: those that come with the project, and those that it writes.

In a checkout everything stays in the checkout. An installed package writes to the user's folders of the XDG
Base Directory Specification.
"""

import os
from collections.abc import Mapping
from pathlib import Path

# The checkout, or the folder that the packages are installed in (site-packages).
ROOT = Path(__file__).resolve().parents[2]
NAME = "doppelganger"


def is_checkout(root: Path = ROOT) -> bool:
    """Whether this is a checkout of the repository, not an installed package."""
    return (root / "pyproject.toml").is_file()


PROGRAM = "./kiosk" if is_checkout() else NAME
"""How the command line is called, for messages that tell people what to do."""


def state_folder(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the curators' parameters and presets and of the counters; it need not exist yet."""
    if is_checkout(root):
        return root / "config"
    return _xdg_folder("XDG_STATE_HOME", ".local/state", environment) / NAME


def downloads_folder(weights: Path, root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for the downloads of a manifest in the folder `weights`; it need not exist yet."""
    if weights != root / "weights" or is_checkout(root):
        return weights / "downloads"
    return _xdg_folder("XDG_DATA_HOME", ".local/share", environment) / NAME / "weights"


def _xdg_folder(variable: str, default: str, environment: Mapping[str, str]) -> Path:
    # The specification: what is not an absolute path is ignored.
    chosen = Path(environment.get(variable, ""))
    return chosen if chosen.is_absolute() else Path(environment.get("HOME") or Path.home()) / default
