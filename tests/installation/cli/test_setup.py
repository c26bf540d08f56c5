"""The technician's picture: what it measures, and that it can be read on every screen."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pygame
import pytest

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from hardware.camera.base import CameraHealth, CameraState, Frame
from hardware.display.display import Display
from hardware.display.monitors import Monitor
from hardware.display.settings import DisplaySettings
from installation.app.buttons import TechnicianButtons
from installation.capture.guidance import advise
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas, DrawnItem
from installation.stage.view import Diagnostics, Guidance, ParticipantView, Sighting, View
from installation.visit.parameters import CaptureParameters
from installation.visit.state import State
from scenes.technician import Technician, clipped_share, lines, measure_focus

CAMERA = CameraHealth(CameraState.RUNNING, "HD Pro Webcam C920", (1280, 720), 29.97, 2)
SCREENS = (Monitor(0, "DELL U2415", (1920, 1200)), Monitor(1, "BenQ PD3220U", (1080, 1920)))
PHONE = "Phones: http://192.168.178.34:8080 answers"


@pytest.fixture(scope="module")
def picture(astronaut: Pixels) -> Pixels:
    room = np.full((720, 1280, 3), (60, 62, 66), np.uint8)
    room[100:612, 420:932] = astronaut
    return room


@pytest.fixture(scope="module")
def diagnostics(picture: Pixels) -> Diagnostics:
    with FaceAnalyser() as finder:
        return Diagnostics(CAMERA, SCREENS, SCREENS[1], finder.find(picture)[0], PHONE)


def view_of(picture: Pixels | None) -> View:
    sighting = None if picture is None else Sighting(Guidance.READY, (0.4, 0.2, 0.5, 0.4), 2.0)
    camera = None if picture is None else Frame(picture, 0.0, 0)
    return View(
        0.0,
        State(),
        Registry(CaptureParameters).snapshot(),
        Texts.load("en"),
        0.0,
        10.0,
        camera=camera,
        participants=(ParticipantView(sighting=sighting),),
    )


def drawn(diagnostics: Diagnostics, picture: Pixels | None, size: tuple[int, int]) -> Canvas:
    canvas = Canvas(*size)
    Technician().draw(canvas, replace(view_of(picture), diagnostics=diagnostics))
    return canvas


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (3840, 2160), (1280, 720)])
@pytest.mark.parametrize("somebody", [True, False])
def test_everything_can_be_read(
    diagnostics: Diagnostics, picture: Pixels, size: tuple[int, int], somebody: bool
) -> None:
    canvas = drawn(diagnostics if somebody else replace(diagnostics, face=None), picture, size)
    screen = canvas.surface.get_rect()
    assert all(screen.contains(one.rect) for one in canvas.drawn_items)

    def overlap(one: DrawnItem, other: DrawnItem) -> bool:
        return one.rect.clip(other.rect).size > (1, 1)

    assert not any(overlap(one, other) for one, other in itertools.combinations(canvas.drawn_items, 2))
    words = " ".join(one.words for one in canvas.drawn_items)
    for told in (
        "Ready",
        "Focus",
        "C920",
        "opened again 2 times",
        "Escape ends",
        "Screen 1: BenQ",
        "this one",
        "answers",
    ):
        assert told in words
    assert ("Sharpness" in words) == somebody and not canvas.truncated_texts


def test_escape_is_the_way_out() -> None:
    settings = DisplaySettings("headless:64x48", keys={"space": "yes", **TechnicianButtons.keys})
    with Display(settings) as display:
        buttons = TechnicianButtons(display)
        for key, over in ((pygame.K_SPACE, False), (pygame.K_ESCAPE, True)):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, mod=0))
            assert list(buttons.events(None, {}, 0.0)) == [] and buttons.stop_requested == over  # type: ignore[arg-type]


def test_without_a_camera_it_says_what_to_do(diagnostics: Diagnostics) -> None:
    gone = replace(diagnostics, camera=CameraHealth(CameraState.MISSING, "C920", None, 0.0, 5), face=None)
    canvas = drawn(gone, None, (1920, 1080))
    words = " ".join(one.words for one in canvas.drawn_items)
    assert "No picture" in words and "Plug the camera in" in words and "Focus" not in words


def test_nothing_measured_on_a_face_stays_in_the_memory_of_words(
    diagnostics: Diagnostics, picture: Pixels
) -> None:
    assert diagnostics.face is not None
    canvas = drawn(diagnostics, picture, (1920, 1080))
    assert not any(f"{diagnostics.face.face_px:.0f} px" in one.words for one in canvas.drawn_items)


def test_the_portrait_is_drawn_where_it_will_be_cut(diagnostics: Diagnostics, picture: Pixels) -> None:
    with_face = drawn(diagnostics, picture, (1920, 1080)).pixels
    without = drawn(replace(diagnostics, face=None), picture, (1920, 1080)).pixels
    face_area = with_face[:, :1080].astype(int) - without[:, :1080]
    ys, xs = np.nonzero(np.abs(face_area).max(axis=2) > 60)
    # The crop is 1.6 to 2.0 times as wide as the face; on the screen at the picture's scale.
    layout = Canvas(1920, 1080).layout
    scale = min(layout.face.width / 1280, layout.face.height / 720)
    assert diagnostics.face is not None
    assert 1.5 < (xs.max() - xs.min()) / (scale * diagnostics.face.face_px) < 2.2
    assert 1.5 < (ys.max() - ys.min()) / (scale * diagnostics.face.face_px) < 2.2


def test_focus_falls_with_every_turn_of_the_lens(picture: Pixels) -> None:
    face = picture[110:330, 560:780]
    measured = [measure_focus(face)]
    for sigma in (0.5, 1.0, 2.0, 4.0):
        measured.append(measure_focus(np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.uint8)))
    assert measured == sorted(measured, reverse=True) and measured[0] > 3 * measured[-1]
    assert measure_focus(np.zeros((9, 9, 3), np.uint8)) == 0


def test_the_focus_bar_is_full_and_good_only_where_the_lens_is_sharp(
    diagnostics: Diagnostics, picture: Pixels
) -> None:
    """From blurred the wrong way, through sharp and beyond, and back; only the last of them is praised."""
    setup = Technician()

    def turned(sigma: float) -> tuple[float, bool]:
        seen = picture if not sigma else np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
        focus = setup._gauges(diagnostics, view_of(seen))[0]
        return focus.value / focus.full, focus.good

    way = [turned(sigma) for sigma in (3.0, 4.0, 3.0, 2.0, 1.0, 0.0, 1.0, 2.0, 0.0)]
    assert [good for _, good in way[3:]] == [False] * 5 + [True]
    assert way[5][0] == way[-1][0] == 1.0 and way[-2][0] < 0.7


def test_where_the_face_is_to_be(diagnostics: Diagnostics, picture: Pixels) -> None:
    """What docs/installing.md says: half as wide as the outer ring; filling the ring it is too near."""
    values = CaptureParameters()
    assert diagnostics.face is not None
    height, width = picture.shape[:2]

    def advised(share: float) -> Guidance:
        """For this face in the middle of the picture, as wide as this share of the outer ring."""
        face = diagnostics.face
        assert face is not None
        scale = share * values.near_share * height / face.face_px
        middle = (face.landmarks.min(axis=0) + face.landmarks.max(axis=0)) / 2
        landmarks = scale * (face.landmarks - middle) + (width / 2, height / 2)
        larger = replace(face, landmarks=landmarks, face_px=scale * face.face_px)
        return advise(larger, (), (width, height), values, was_ready=False)

    assert advised(0.5) is Guidance.READY and advised(1.0) is Guidance.FARTHER


def test_too_much_light_is_seen() -> None:
    half = np.zeros((10, 10, 3), np.uint8)
    half[:5, :, 0] = 255
    assert clipped_share(half) == 0.5


def test_lines(diagnostics: Diagnostics) -> None:
    assert lines(diagnostics)[:2] == [
        "Escape ends this picture",
        "Camera: HD Pro Webcam C920, 1280x720 px, 30.0 Hz, running, opened again 2 times",
    ]
    assert lines(replace(diagnostics, phones=""))[-1].startswith("Screen 1")
    assert lines(diagnostics)[-1] == PHONE
