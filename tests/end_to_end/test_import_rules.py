"""The import rules in pyproject.toml: the code keeps them, and breaking one is an error."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

PACKAGES = ("engine", "hardware", "installation", "scenes", "training")


def lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sources that a test may break."""
    for package in PACKAGES:
        shutil.copytree(REPO / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_code_keeps_the_rules() -> None:
    result = lint_imports(REPO)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "statement", "broken"),
    [
        ("engine/common/extra.py", "import installation.settings.phase", "Each layer"),
        ("installation/settings/extra.py", "import installation.app.clock", "Each layer"),
        ("scenes/extra.py", "import installation.app.clock", "Scenes import"),
        ("training/extra.py", "import installation.settings.phase", "Training imports"),
        ("hardware/extra.py", "import engine.judges.verdict", "Hardware uses"),
        ("engine/judges/extra.py", "import engine.pipeline.result", "Layers of the engine"),
        ("engine/stylegan2/extra.py", "import cv2", "The generator needs"),
    ],
)
def test_a_forbidden_import_is_an_error(copy: Path, module: str, statement: str, broken: str) -> None:
    (copy / module).write_text(f"{statement}\n")
    result = lint_imports(copy)
    assert result.returncode == 1, result.stdout
    assert any(line.startswith(broken) and "BROKEN" in line for line in result.stdout.splitlines())


def test_two_modules_that_import_each_other_are_an_error(copy: Path) -> None:
    (copy / "scenes/first.py").write_text("import scenes.second\n")
    (copy / "scenes/second.py").write_text("import scenes.first\n")
    result = lint_imports(copy)
    assert result.returncode == 1
    assert "No cycles are allowed in scenes." in result.stdout
