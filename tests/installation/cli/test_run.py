"""`kiosk run` as a rehearsal: the whole visit, headless, recorded on a virtual clock."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pygame
import pytest
from PIL import Image
from skimage import data

from engine.common.errors import MachineError, UsageError
from hardware.camera.settings import CameraSettings
from installation.app.app import App, RunOptions
from installation.app.recorder import Recorder
from installation.capture.camera_service import CameraService
from installation.cli import main as cli
from installation.cli import run as run_command
from installation.settings.configuration import load
from installation.settings.manifest import Manifest
from installation.settings.phase import Phase
from tests.support.app_kit import SHORT, few_steps

REPO = Path(__file__).resolve().parents[3]
RATE_HZ = 10
# Looked at by people after a run of the tests; ignored by git.
OUTPUT = REPO / "tests" / "output" / "run"
MEETING = ("--set", "visit/meeting_s=3")


@dataclass
class Recording:
    """What a rehearsal has left."""

    film: Path
    lines: list[dict[str, Any]]
    log: str

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "frame" in line]

    @property
    def found(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "finding" in line]


def kiosk(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "installation.cli.main", *words],
        cwd=REPO, env=environment, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def rehearse(folder: Path, name: str, *words: str, size: str = "360x640", nearest: bool = True) -> Recording:
    """One visit of few steps, recorded."""
    film = folder / f"{name}.mp4"
    changes = [word for address, value in SHORT.items() for word in ("--set", f"{address}={value}")]
    configuration = few_steps(folder, nearest=nearest)
    done = kiosk(
        "run", "--config", str(configuration), "--show", str(folder), "--display", f"headless:{size}",
        "--visits", "1", "--record", str(film), "--rate", str(RATE_HZ), "--without-phone", *changes, *words,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in film.with_suffix(".jsonl").read_text().splitlines()]
    return Recording(film, lines, done.stderr)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portrait") / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


@pytest.fixture(scope="module")
def visit(portrait: Path) -> Iterator[Recording]:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    yield rehearse(OUTPUT, "visit", "--camera", f"file:{portrait}", *MEETING)


def test_every_scene_is_reached_in_its_order(visit: Recording):
    phases = [line["phase"] for line in visit.frames]
    order = [phase for phase, before in zip(phases, [None, *phases], strict=False) if phase != before]
    assert order == [*Phase, Phase.ATTRACT]


def test_the_film_plays_and_has_every_frame(visit: Recording):
    with av.open(str(visit.film)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (360, 640)
        brightest = [frame.to_ndarray(format="gray").max() for frame in container.decode(stream)]
    assert len(brightest) == len(visit.frames)
    # No scene is black for more than a moment.
    phases = np.array([line["phase"] for line in visit.frames])
    for phase in Phase:
        assert np.median(np.array(brightest)[phases == phase]) > 60, phase


def test_there_is_a_picture_of_every_scene(visit: Recording):
    for phase in Phase:
        with Image.open(visit.film.with_name("visit-scenes") / f"{phase}.png") as picture:
            assert picture.size == (360, 640)


def disagreements(frames: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """Where a frame showed a picture with another verdict than the engine's, or one that has none."""
    known = {(line["picture"], line["t"]): line for line in found}
    wrong = []
    for frame in frames:
        if frame["phase"] == Phase.ATTRACT:
            continue  # people who do not exist are no part of the visit's finding
        for shown in frame["shown"]:
            judged = known.get((shown["picture"], shown["t"]))
            if judged is None or any(judged[key] != shown[key] for key in ("same", "distance", "judged")):
                wrong.append(f"frame {frame['frame']}")
    return wrong


def test_verdict_and_picture_agree_in_every_frame(visit: Recording):
    shown = [shown for frame in visit.frames for shown in frame["shown"] if frame["phase"] == Phase.BORDER]
    assert len(shown) > 3 * RATE_HZ and len({one["picture"] for one in shown}) > 10
    assert disagreements(visit.frames, visit.found) == []


def test_a_verdict_beside_another_picture_would_be_noticed(visit: Recording):
    frames = json.loads(json.dumps(visit.frames))
    shown = next(frame["shown"][0] for frame in frames if frame["phase"] == Phase.BORDER and frame["shown"])
    shown["same"] = not shown["same"]
    assert len(disagreements(frames, visit.found)) == 1
    shown["same"], shown["picture"] = not shown["same"], hashlib.sha256(b"another").hexdigest()
    assert len(disagreements(frames, visit.found)) == 1


def test_the_same_visit_again_is_the_same_film(visit: Recording, portrait: Path, tmp_path: Path):
    again = rehearse(tmp_path, "visit", "--camera", f"file:{portrait}", *MEETING)
    assert again.lines == visit.lines
    assert again.film.read_bytes() == visit.film.read_bytes()


def test_taking_part_unseen_in_landscape():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    recording = rehearse(OUTPUT, "unseen", "--camera", "synthetic", "--unseen", size="640x360", nearest=False)
    phases = {line["phase"] for line in recording.frames}
    assert phases == {*Phase} - {Phase.PORTRAIT, Phase.MEETING}
    assert disagreements(recording.frames, recording.found) == []


def test_the_log_tells_the_visit_without_a_number_of_a_face(visit: Recording):
    assert "visit 1: search -> border" in visit.log
    for line in visit.found:
        assert f"{line['distance']:.3f}" not in visit.log
    assert "Traceback" not in visit.log


def test_what_nobody_expected_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """They may hold a number of a visitor's face, and end up in the log of the machine."""

    def fail(_: object) -> int:
        raise ValueError("distance 0.5993")

    monkeypatch.setattr(run_command, "run", fail)
    assert cli.main(["run"]) == 1
    told = capsys.readouterr().err
    assert "unexpected ValueError in test_run.py, line " in told and "0.5993" not in told


@pytest.mark.parametrize(
    ("entries", "code", "told"),
    [
        ('generator = "{missing}"', 4, "kiosk weights fetch {missing}"),
        ('encoder = "{missing}"', 4, "kiosk weights fetch {missing}"),
        ('generator = "nothing"', 2, "no weights are called 'nothing'"),
        ('[judging]\npanel = ["dlib", "somebody"]', 2, "no judge 'somebody'"),
        ("[judging]\nthresholds = {{ somebody = 0.5 }}", 2, "no judge 'somebody'"),
        # Only the engine's process can tell.
        ('[judging]\nthresholds = {{ dlib = "fmr-1" }}', 2, "no operating point 'fmr-1': maker"),
        ('people = "nobody-encoder"', 4, "nobody-encoder.safetensors"),
    ],
)
def test_what_only_a_person_can_mend_ends_it_at_once(tmp_path: Path, entries: str, code: int, told: str):
    """With the exit codes after which systemd leaves it alone."""
    manifest = Manifest.load()
    missing = next(name for name, entry in manifest.entries.items() if manifest.verify(entry) == "missing")
    configuration = tmp_path / "wrong.toml"
    configuration.write_text(entries.format(missing=missing))
    done = kiosk("run", "--config", str(configuration), "--display", "headless", "--camera", "synthetic")
    assert done.returncode == code
    assert told.format(missing=missing) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    unit = (REPO / "config" / "doppelganger.service").read_text()
    (left_alone,) = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    assert str(code) in left_alone.split()


def test_a_camera_is_followed_from_one_visit_to_the_next(tmp_path: Path):
    """What the first visit has found out about it (its name, its socket) is known in the second."""
    app = App(load(few_steps(tmp_path)), tmp_path, {"camera/rate_hz": "30"}, RunOptions(), with_phones=False)
    with contextlib.ExitStack() as ends:
        ends.push(app._ends)
        first, second = (app._open_camera("/dev/video99", CameraSettings()) for _ in range(2))
        ends.callback(first.stop)
        ends.callback(second.stop)
        assert isinstance(first, CameraService) and isinstance(second, CameraService)
        assert first._source is second._source


@pytest.mark.parametrize("obstacle", ["out.mp4", "out.jsonl", "out-scenes"])
def test_what_is_in_the_way_of_a_recording_is_named(tmp_path: Path, obstacle: str):
    if obstacle == "out-scenes":
        (tmp_path / obstacle).write_text("")
    else:
        (tmp_path / obstacle).mkdir()
    with pytest.raises(UsageError, match=f"{obstacle} cannot be written"):
        Recorder(tmp_path / "out.mp4", 361, 641, 240)
    assert [path.name for path in tmp_path.iterdir()] == [obstacle], "nothing half written"


@pytest.mark.parametrize("full", ["film", "lines", "stills"])
def test_a_full_disk_ends_a_recording_in_one_line(tmp_path: Path, full: str) -> None:
    suffix = {"film": ".mp4", "lines": ".jsonl"}.get(full)
    if suffix:
        (tmp_path / f"out{suffix}").symlink_to("/dev/full")
    recorder = Recorder(tmp_path / "out.mp4", 64, 64, 30)
    if full == "stills":
        (tmp_path / "out-scenes").rmdir()
    canvas: Any = SimpleNamespace(surface=pygame.Surface((64, 64)))
    visit = SimpleNamespace(phase=Phase.ATTRACT, visit_id=1)
    times = {"now_s": 0.0, "elapsed_s": 0.0, "duration_s": 1.0}
    view: Any = SimpleNamespace(visit=visit, participant=SimpleNamespace(result=None), **times)
    with pytest.raises(MachineError, match=r"--record .*out.mp4: cannot be written further"), recorder:
        for _ in range(3):
            recorder.frame(canvas, view, ())
    assert recorder._lines.closed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--camera", "0", "--record", "out.mp4"], "a film of visitors is not made"),
        (["--camera", "synthetic", "--record", "/nowhere/out.mp4"], "a folder that is there"),
        (["--visits", "0"], "give 1 or more"),
        (["--rate", "0"], "give 1 to 240 frames a second"),
        (["--rate", "-5"], "give 1 to 240 frames a second"),
        (["--rate", "60", "--camera", "synthetic"], "--rate is for the virtual clock"),
        (["--to", "screen"], "is no output"),
        (["--to", "page", "--virtual", "--camera", "synthetic"], "--to shows visits live"),
        (["--virtual", "--camera", "0"], "a real camera has no virtual clock"),
        (["--setup", "--visits", "1"], "--setup is for a technician"),
        (["--unseen"], "--unseen is for visitors who come by themselves"),
        (["--together"], "--together is for visitors before the camera"),
        (["--show", "pyproject.toml"], "is not a folder"),
        (
            ["--display", "headless:99999x1080", "--camera", "synthetic"],
            "a size from 48 to 8192 pixels a side",
        ),
        (["--display", "headless:10x10", "--camera", "synthetic"], "a size from 48 to 8192 pixels a side"),
        (["--set", "border"], "give SCENE/NAME=VALUE"),
        (["--set", "border/way_s=500", "--display", "headless", "--camera", "synthetic"], "out of range"),
        (["--set", "border/no=1", "--display", "headless", "--camera", "synthetic"], "unknown address"),
        (["--display", "no such screen"], "no such screen"),
        (["--camera", "nothing", "--display", "headless"], "is not known"),
    ],
)
def test_wrong_use_is_told_in_one_line(words: list[str], told: str):
    done = kiosk("run", *words)
    assert done.returncode in (2, 5)
    assert told in done.stderr and done.stderr.count("\n") == 1
