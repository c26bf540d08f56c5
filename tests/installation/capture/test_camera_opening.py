"""The camera by one string: which are known, and what a wrong one is answered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from engine.common.errors import MachineError, UsageError
from hardware.camera.selection import camera_source
from installation.capture.camera_service import open_camera
from tests.support.camera_kit import picture, write_clip


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    Image.fromarray(picture()).save(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


@pytest.mark.parametrize(
    "camera", ["", "webcam", "-1", "name:", "name:  ", "file:", "synthetic ", "Synthetic"]
)
def test_strings_that_name_no_camera(camera: str):
    with pytest.raises(UsageError) as refused:
        open_camera(camera, sitter=lambda time_s: picture())
    assert "\n" not in str(refused.value) and "give" in str(refused.value)


def test_a_file_without_its_prefix_is_recognised(portrait: Path):
    with pytest.raises(UsageError, match="Did you mean 'file:"):
        open_camera(str(portrait))


@pytest.mark.parametrize("camera", ["97", "/dev/video97", "/dev/null", "name:No such camera"])
def test_a_camera_that_is_not_there(camera: str):
    with pytest.raises(MachineError) as refused:
        open_camera(camera)
    assert refused.value.exit_code == 5
    assert "\n" not in str(refused.value) and "plug it in" in str(refused.value)


def test_a_real_camera_does_not_follow_a_virtual_clock():
    with pytest.raises(UsageError, match="virtual clock"):
        open_camera("0", clock=lambda: 0.0)


def test_files_that_cannot_be_used(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "cut.mp4").write_bytes(write_clip(tmp_path / "whole.mp4", 5).read_bytes()[:300])
    os.mkfifo(tmp_path / "pipe")
    too_long = "x" * 5000
    for name in ("missing.jpg", "empty", "text.jpg", "text.mp4", "cut.mp4", "pipe", "a\0b", too_long):
        with pytest.raises(UsageError) as refused:
            camera_source(f"file:{tmp_path}/{name}")
        assert "\n" not in str(refused.value), name


def test_a_camera_is_opened_without_loading_any_engine():
    command = (
        "import sys, hardware.camera.selection, installation.capture.camera_service; "
        "print([m for m in sys.modules if m in ('torch', 'mediapipe')])"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
