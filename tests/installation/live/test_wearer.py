"""A picture that is worn before a film in the camera's place, on a virtual clock."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.measurement import measure_pose
from hardware.camera.file import FileSource
from hardware.camera.pulled import PulledCapture
from hardware.camera.settings import CameraSettings
from installation.live.framing import Frame, draw_card
from installation.live.output import HEIGHT_PX, RATE_HZ, WIDTH_PX
from installation.live.wearer import CARD_AFTER_S, Wearer, wear
from tests.support.leaning_clip import ROLL_DEG, SECONDS, write_clip
from tests.support.puppet_kit import shared_analyser, shared_rig

CARD = draw_card()
EMPTY_S = 4.0
# After a face was seen last it may be missed for 0.15 s, and then eases to rest in 0.6 s.
AT_REST_S = 1.0


class Recorder:
    """An output that keeps what it is shown."""

    def __init__(self) -> None:
        self.pictures: list[Pixels] = []

    def show(self, picture: Pixels) -> None:
        self.pictures.append(picture)

    def close(self) -> None:
        pass


def worn(clip: Path, seconds: float, camera_stops_s: float = float("inf")) -> list[Pixels]:
    """What is shown before a clip, `RATE_HZ` pictures a second."""
    time_s = 0.0

    def sleep(duration_s: float) -> None:
        nonlocal time_s
        time_s += duration_s
        if time_s >= camera_stops_s:
            feed.stop()
        if time_s >= seconds - 1e-6:
            raise KeyboardInterrupt

    feed = PulledCapture(FileSource(clip), CameraSettings(mirror=False), lambda: time_s)
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt):
        wear(Wearer(shared_rig(), shared_analyser(), CARD), feed, [recorder], lambda: time_s, sleep)
    feed.stop()
    return recorder.pictures


def roll_deg(shown: Pixels) -> float:
    side = (WIDTH_PX - HEIGHT_PX) // 2
    face = np.ascontiguousarray(shown[:, side : side + HEIGHT_PX])
    mesh = shared_analyser().mesh(face, (180.0, 180.0, 540.0, 630.0))
    assert mesh is not None
    return measure_pose(mesh).roll


def at(shown: list[Pixels], time_s: float) -> Pixels:
    return shown[round(time_s * RATE_HZ)]


def test_it_does_what_the_wearer_does_and_never_keeps_the_last_face(
    astronaut: np.ndarray, tmp_path: Path
) -> None:
    write_clip(tmp_path / "leaves.mp4", astronaut, sound=False, empty_s=EMPTY_S)
    shown = worn(tmp_path / "leaves.mp4", SECONDS + EMPTY_S)
    assert len(shown) == pytest.approx((SECONDS + EMPTY_S) * RATE_HZ, abs=1)
    assert {picture.shape for picture in shown} == {(HEIGHT_PX, WIDTH_PX, 3)}
    rest = Frame(shared_rig().picture).around(shared_rig().picture)
    assert np.array_equal(at(shown, 0.5), rest)  # while the neutral is looked for
    assert roll_deg(at(shown, SECONDS - 0.1)) - roll_deg(rest) == pytest.approx(ROLL_DEG, abs=2.5)
    for after_s in np.arange(AT_REST_S, CARD_AFTER_S - 0.1, 0.1):
        assert np.array_equal(at(shown, SECONDS + after_s), rest)
    for after_s in np.arange(CARD_AFTER_S + 0.1, EMPTY_S - 0.1, 0.1):
        assert at(shown, SECONDS + after_s) is CARD
    small = [picture[::8, ::8].astype(np.int16) for picture in shown[: round(SECONDS * RATE_HZ)]]
    assert max(np.abs(b - a).mean() for a, b in pairwise(small)) < 6  # no flash


def test_a_camera_that_fails_is_like_a_face_that_leaves(astronaut: np.ndarray, tmp_path: Path) -> None:
    write_clip(tmp_path / "leans.mp4", astronaut, sound=False)
    shown = worn(tmp_path / "leans.mp4", SECONDS + 3.0, camera_stops_s=SECONDS - 0.5)
    rest = Frame(shared_rig().picture).around(shared_rig().picture)
    assert not np.array_equal(at(shown, SECONDS - 0.6), rest)
    assert np.array_equal(at(shown, SECONDS - 0.5 + AT_REST_S), rest)
    assert shown[-1] is CARD


def test_before_anybody_comes_there_is_the_card(tmp_path: Path) -> None:
    write_clip(tmp_path / "nobody.mp4", None, sound=False)
    assert all(picture is CARD for picture in worn(tmp_path / "nobody.mp4", 1.5))


def test_the_card_shows_words_and_no_face() -> None:
    assert CARD.shape == (HEIGHT_PX, WIDTH_PX, 3) and 100 < CARD.max() <= 170
    assert not shared_analyser().find(CARD)


@pytest.mark.parametrize("side_px", [256, 512, 1024])
def test_the_frame_keeps_the_picture_and_continues_its_edges(side_px: int) -> None:
    picture = np.full((side_px, side_px, 3), (120, 90, 60), np.uint8)
    framed = Frame(picture).around(picture)
    assert (framed[:, 400:880] == (120, 90, 60)).all()
    assert (framed[:, :270] == framed[0, 0]).all() and 0 < framed[0, 0].max() < 120
    steps = np.abs(np.diff(framed[360].astype(int), axis=0))
    assert steps.max() <= 4
