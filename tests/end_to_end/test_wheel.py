"""The wheel: it holds all files that the program needs, and runs outside the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPO

PACKAGES = ("config", "engine", "hardware", "installation", "scenes", "training", "weights")
DATA = {
    "config/default.toml",
    "config/ffhq.toml",
    "installation/control/transports/page/index.html",
    "installation/delivery/web/icon.svg",
    "installation/delivery/web/page.html",
    "installation/settings/languages/de.toml",
    "installation/settings/languages/en.toml",
    "installation/settings/languages/es.toml",
    "installation/settings/languages/fr.toml",
    "installation/typography/typeface/IBMPlexSans-Variable.ttf",
    "weights/manifest.toml",
    "weights/nobody-encoder.safetensors",
    "weights/nobody-directions.safetensors",
    "weights/nobody-people.safetensors",
    "weights/nobody.safetensors",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files, so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listing.split("\0"):
        top = name.partition("/")[0]
        if (REPO / name).is_file() and top in (*PACKAGES, "pyproject.toml", "LICENSE"):
            copy = folder / "source" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(REPO / name)
    # setuptools is in the environment already: without isolation nothing is downloaded.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, folder / "source"], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `doppelganger` in an environment of its own, which borrows the dependencies of this one."""
    venv = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = venv / "bin" / "python"
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    return venv / "bin" / "doppelganger"


def run(
    command: Path, *words: str | Path, cwd: Path, limit_s: float = 500
) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["HOME"] = str(cwd)
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    return subprocess.run(
        [command, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=limit_s
    )


def test_the_wheel_holds_code_and_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names >= DATA
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert not [name for name in names if name.endswith((".png", ".jpg", ".webp", ".pyc"))]
    modules = {str(path.relative_to(REPO)) for folder in PACKAGES for path in (REPO / folder).rglob("*.py")}
    assert modules <= names


@pytest.mark.slow
def test_a_visit_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(
        '[search]\nsteps = 2\ntuning = "never"\nfinders = []\n[judging]\npanel = ["dlib"]\n'
        "perturbations = 1\n[film]\npictures = 2\n"
    )
    result = run(installed, "visit", "--config", "short.toml", "--out", "visit", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "visit" / "report.json").read_text())["generator"]["name"] == "nobody"


def test_the_doctor_of_an_installed_package(installed: Path, tmp_path: Path) -> None:
    result = run(installed, "doctor", cwd=tmp_path)
    assert "installed as a package" in result.stdout, result.stderr
    assert "kiosk" not in result.stdout
    assert "error" not in result.stdout.partition("Packages")[2].partition("\n")[0]


@pytest.mark.slow
def test_a_rehearsal_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(
        '[search]\nsteps = 2\ntuning = "never"\nfinders = []\n[judging]\npanel = ["dlib"]\n'
        "perturbations = 1\n[film]\npictures = 2\n[delivery]\nenabled = false\n"
        "[control]\nosc_port = 0\nhttp_port = 0\n"
    )
    words = ("run", "--config", "short.toml", "--display", "headless:540x960", "--visits", "1", "--unseen")
    virtual = ("--virtual", "--rate", "10")
    shown = tuple(word for change in SHORT for word in ("--set", change))
    result = run(installed, *words, *virtual, "--camera", "synthetic", *shown, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    help_text = "".join(run(installed, "run", "--help", cwd=tmp_path).stdout.split())
    assert f"{tmp_path}/.local/state/doppelganger" in help_text, "its state is the user's"


SHORT = ("visit/border_s=5", "visit/jury_s=5", "visit/doppelganger_s=20", "visit/farewell_s=3")


def test_weights_of_an_installed_package_are_told_with_its_command(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "ffhq.toml").write_text('generator = "ffhq-1024"\nencoder = ""\npeople = ""\n')
    result = run(installed, "run", "--config", "ffhq.toml", "--camera", "synthetic", cwd=tmp_path)
    assert result.returncode == 4
    assert result.stderr.startswith("doppelganger: Get ffhq-1024 with `doppelganger weights fetch ffhq-1024`")
