"""`kiosk anonymise` as a person types it: what it writes, whom it keeps, and every way it refuses."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from installation.cli.main import main
from installation.outputs.anonymised import recording_of
from installation.outputs.film import write_film
from installation.outputs.marks import TRAINED_ALGORITHMIC_MEDIA, read_digital_source_type
from tests.support.crowd_kit import Walker, scene

SIZE = (480, 320)


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
    assert read_digital_source_type(out) == TRAINED_ALGORITHMIC_MEDIA
    before, after = np.asarray(Image.open(photograph)), np.asarray(Image.open(out))
    assert sorted(differs(before, after, x, y) for x, y in ((120, 150), (340, 160))) == [False, True]


def test_a_film_has_its_sound_and_other_heads(renders: Path, tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    frames = [scene(walkers(renders), number / 10, SIZE).picture for number in range(6)]
    write_film(clip, iter(frames), fps=10, soundtrack=Tone())
    assert main(["anonymise", str(clip), "--out", str(out)]) == 0
    assert read_digital_source_type(out) == TRAINED_ALGORITHMIC_MEDIA
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
    cv2.imwrite(str(nobody), np.full((200, 300, 3), 90, np.uint8))
    broken.write_bytes(b"\xff\xd8\xff no picture")
    cut.write_bytes(photograph.read_bytes()[:3000])
    out = tmp_path / "out.png"
    cases: list[tuple[list[str | Path], int, str]] = [
        ([photograph], 2, "Nothing to write"),
        ([tmp_path / "absent.mp4", "--out", out], 2, "absent.mp4"),
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
