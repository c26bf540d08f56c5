"""`kiosk anonymise` as a person types it: what it writes, whom it keeps, and every way it refuses."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from tqdm import tqdm

from engine.common.errors import UsageError
from engine.faces.detector import DetectedHead
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.recording import Person
from engine.photographs.photograph import load_photograph
from installation.cli.anonymise import BAR
from installation.cli.main import main
from installation.cli.paths import writing
from installation.outputs import anonymised
from installation.outputs.anonymised import write_anonymised, write_contact_sheet
from installation.outputs.films.film import write_film
from installation.outputs.films.recorded import recording_of
from installation.outputs.marks import COMPOSITE_MEDIA, read_digital_source_type
from tests.support.crowd_kit import Walker, scene

SIZE = (480, 320)
NO_NOBODIES = cast(Nobodies, None)  # where everybody is kept, none is drawn


def walkers(renders: Path) -> list[Walker]:
    faces = sorted(renders.glob("*.webp"))
    return [
        Walker(faces[52], lambda t: (120 + 30 * t, 150, 90)),
        Walker(faces[11], lambda _: (340, 160, 110)),
    ]


@pytest.fixture(scope="module")
def photograph(renders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photograph") / "two.png"
    Image.fromarray(scene(walkers(renders), 0.0, SIZE).picture).save(path)
    return path


class Tone:
    """A sound of 440 Hz."""

    def __init__(self) -> None:
        self._at = 0

    def take(self, until_s: float) -> np.ndarray:
        begin, self._at = self._at, round(48000 * until_s)
        return (9000 * np.sin(2 * np.pi * 440 * np.arange(begin, self._at) / 48000)).astype(np.int16)


def differs(a: np.ndarray, b: np.ndarray, x: int, y: int) -> bool:
    """Whether the face of 60 px about a place has changed."""
    part = np.s_[y - 30 : y + 30, x - 30 : x + 30]
    return bool(np.abs(a[part].astype(int) - b[part]).mean() > 8)


def test_a_photograph_and_whom_it_keeps(
    photograph: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "out.png", tmp_path / "sheet.png"
    assert main(["anonymise", str(photograph), "--sheet", str(sheet)]) == 0
    assert "2 people, with their own faces" in capfd.readouterr().out
    with Image.open(sheet) as picture:
        assert picture.size == (320, 160)
    assert read_digital_source_type(sheet) is None
    assert main(["anonymise", str(photograph), "--out", str(out), "--keep", "1"]) == 0
    said = capfd.readouterr().out
    assert "1 person replaced, 1 kept" in said and "before you share it" in said
    assert read_digital_source_type(out) == COMPOSITE_MEDIA
    before, after = np.asarray(Image.open(photograph)), np.asarray(Image.open(out))
    assert sorted(differs(before, after, x, y) for x, y in ((120, 150), (340, 160))) == [False, True]


def test_a_film_has_its_sound_and_other_heads(renders: Path, tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    frames = [scene(walkers(renders), number / 10, SIZE).picture for number in range(6)]
    write_film(clip, iter(frames), fps=10, soundtrack=Tone())
    assert main(["anonymise", str(clip), "--out", str(out)]) == 0
    assert read_digital_source_type(out) == COMPOSITE_MEDIA
    with av.open(str(out)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert len(pictures) == 6
    for number, picture in enumerate(pictures):
        assert differs(frames[number], picture, 120 + 3 * number, 150)
        assert differs(frames[number], picture, 340, 160)
        assert not differs(frames[number], picture, 240, 280)  # the room
    with av.open(str(out)) as container:
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert np.abs(sound).max() > 0.1


def test_a_film_of_one_picture(renders: Path, tmp_path: Path) -> None:
    write_film(tmp_path / "one.mp4", [scene(walkers(renders), 0.0, SIZE).picture], fps=10)
    with recording_of(tmp_path / "one.mp4") as recording:
        assert recording.frames == 1
        assert recording.picture(0).shape == (SIZE[1], SIZE[0], 3)


def test_what_it_refuses(photograph: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    nobody, broken, cut = tmp_path / "nobody.png", tmp_path / "broken.jpg", tmp_path / "cut.png"
    folder, half, sound, plays = (tmp_path / name for name in ("a.mp4", "half.mp4", "sound.mp4", "a.gif"))
    folder.mkdir()
    write_film(tmp_path / "whole.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3)
    half.write_bytes((tmp_path / "whole.mp4").read_bytes()[:100])
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    Image.new("L", (9, 9)).save(plays, save_all=True, append_images=[Image.new("L", (9, 9), 255)])
    cv2.imwrite(str(nobody), np.full((200, 300, 3), 90, np.uint8))
    broken.write_bytes(b"\xff\xd8\xff no picture")
    cut.write_bytes(photograph.read_bytes()[:3000])
    out = tmp_path / "out.png"
    cases: list[tuple[list[str | Path], int, str]] = [
        ([photograph], 2, "Nothing to write"),
        ([tmp_path / "absent.mp4", "--out", tmp_path / "a b.mp4"], 2, "absent.mp4 does not exist"),
        ([folder, "--out", tmp_path / "out.mp4"], 2, "a.mp4 is a folder"),
        (
            [half, "--out", tmp_path / "out.mp4"],
            2,
            "half.mp4 is no film that can be read: it is damaged",
        ),
        ([sound, "--out", tmp_path / "out.mp4"], 2, "sound.mp4 has no pictures"),
        ([plays, "--out", out], 2, "a.gif is an animation"),
        ([photograph, "--out", out, "--sheet", tmp_path / "." / "out.png"], 2, "is --out, too"),
        ([photograph, "--out", "/proc/x.png"], 2, "/proc: may not be written to"),
        ([broken, "--out", out], 2, "broken.jpg"),
        ([cut, "--out", out], 2, "cut.png"),
        ([nobody, "--out", out], 3, "no face"),
        ([photograph, "--out", tmp_path / "out.mp4"], 2, "OUT.png"),
        ([photograph, "--out", photograph], 2, "exists already"),
        ([photograph, "--out", out, "--keep", "7"], 2, "only the people 1 to 2"),
        ([photograph, "--out", tmp_path / "nowhere" / "out.png"], 2, "folder"),
    ]
    for words, code, said in cases:
        assert main(["anonymise", *map(str, words)]) == code, words
        line = capfd.readouterr().err
        assert said in line and len(line.strip().splitlines()) == 1, line
    assert not out.exists() and not list(tmp_path.glob(".*"))


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """No file may be larger, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line(photograph: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with small_files(4000):
        assert main(["anonymise", str(photograph), "--sheet", str(tmp_path / "sheet.png")]) == 2
    line = capfd.readouterr().err
    assert "sheet.png: cannot be written (File too large)" in line and "--sheet" in line
    assert len(line.strip().splitlines()) == 1
    noise = np.random.default_rng(0).integers(0, 255, (40, 240, 320, 3), np.uint8)
    write_film(tmp_path / "noise.mp4", noise, crf=1)
    someone = Person(1, {frame: DetectedHead(0, (-9, -9, -1, -1), np.zeros((6, 2))) for frame in range(40)})
    with (
        recording_of(tmp_path / "noise.mp4") as recording,
        small_files(100_000),
        pytest.raises(UsageError, match=r"out.mp4: cannot be written"),
        writing(tmp_path / "out.mp4"),
    ):
        write_anonymised(tmp_path / "out.mp4", recording, [someone], NO_NOBODIES, keep=[1])
    assert [path.name for path in tmp_path.iterdir()] == ["noise.mp4"]


def test_what_appeared_meanwhile_stays(photograph: Path, tmp_path: Path) -> None:
    (tmp_path / "out.png").write_text("somebody's")
    someone = Person(1, {0: DetectedHead(1, (80, 110, 160, 190), np.zeros((6, 2)))})
    with recording_of(load_photograph(photograph)) as recording:
        with pytest.raises(FileExistsError):
            write_anonymised(tmp_path / "out.png", recording, [someone], NO_NOBODIES, keep=[1])
        with pytest.raises(FileExistsError):
            write_contact_sheet(tmp_path / "out.png", recording, [someone])
        write_anonymised(tmp_path / "kept.jpg", recording, [someone], NO_NOBODIES, keep=[1])
    assert read_digital_source_type(tmp_path / "kept.jpg") is None  # everybody was kept: a photograph
    assert (tmp_path / "out.png").read_text() == "somebody's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.jpg", "out.png"]


def test_stopped_after_the_sheet(
    photograph: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sheet, out = tmp_path / "sheet.png", tmp_path / "out.png"
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)  # is not waited for

    monkeypatch.setattr(anonymised, "write_anonymised", interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        code = main(["anonymise", str(photograph), "--sheet", str(sheet), "--out", str(out)])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert code == 130 and [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert "sheet.png was written" in capfd.readouterr().err


def test_the_bar_says_how_long_it_takes() -> None:
    assert "00:30 left" in tqdm.format_meter(0.25, 1.0, 10.0, prefix="looking", bar_format=BAR)
