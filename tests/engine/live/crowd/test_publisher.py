"""The published picture shows who decided to be seen, and nothing of anybody else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.faces.detector import DetectedHead, Region, box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.publisher import FIRST_FRAMES, Publisher
from tests.support.crowd_kit import RATE_HZ, Walker, scene

SITTER = 0


@pytest.fixture(scope="module")
def detector() -> MediaPipeDetector:
    return MediaPipeDetector()


class Blinded(MediaPipeDetector):
    """Misses every second face."""

    def __init__(self, detector: MediaPipeDetector) -> None:
        self._of, self._random = detector, np.random.default_rng(0)

    def detect_heads(self, photograph: Pixels, region: Region) -> list[DetectedHead]:
        return [h for h in self._of.detect_heads(photograph, region) if self._random.random() < 0.5]


def film(
    publisher: Publisher, walkers: list[Walker], frames: int, show: Callable[[Pixels, Pixels], Pixels]
) -> tuple[int, int]:
    """Frames in which the sitter was seen, who decides to be as soon as there is a track; and how many
    published pixels were somebody else's. show: input, published -> what is shown."""
    sitter_seen = leaked = 0
    for frame in range(frames):
        at_s = frame / RATE_HZ
        seen = scene(walkers, at_s)
        published = show(seen.picture, publisher.publish(seen.picture, at_s)).max(axis=2) > 0
        if (
            frame > FIRST_FRAMES
            and not any(track.decision for track in publisher.crowd.tracks)
            and frame < 20
        ):
            for track in publisher.crowd.tracks:
                if box_contains(track.head.box_px, walkers[SITTER].path(at_s)[:2]):  # type: ignore[index]
                    publisher.decide(track.number, Decision.REAL)
        sitter_seen += bool((published & (seen.owners == SITTER)).any())
        leaked += int((published & (seen.owners > SITTER)).sum())
    return sitter_seen, leaked


def passers_by(faces: list[Path]) -> list[Walker]:
    """A sitter, somebody behind them, a passer-by who comes to stand before them, and somebody far away."""
    return [
        Walker(faces[11], lambda t: (640 + 6 * np.sin(2 * t), 360, 200)),
        Walker(faces[30], lambda _: (950, 330, 120), 10),
        Walker(faces[7], lambda t: (-150 + 700 * t, 380, 210)),
        Walker(faces[52], lambda t: (300 + 30 * t, 200, 30)),
    ]


@pytest.mark.parametrize("blinded", [False, True])
def test_nothing_of_others_is_published(
    faces: list[Path], mesh: FaceMesh, detector: MediaPipeDetector, blinded: bool
) -> None:
    publisher = Publisher(Lookout(Blinded(detector) if blinded else detector), mesh)
    sitter_seen, leaked = film(publisher, passers_by(faces), 36, lambda _, published: published)
    assert leaked == 0
    assert sitter_seen > (0 if blinded else 5)
    assert not any(track.decision for track in publisher.crowd.tracks)  # somebody stands before the sitter


def test_the_room_shown_is_found_at_once(faces: list[Path], mesh: FaceMesh, lookout: Lookout) -> None:
    _, leaked = film(Publisher(lookout, mesh), passers_by(faces), 1, lambda picture, _: picture)
    assert leaked > 1000


def test_black_at_first_after_another_camera_and_after_a_fault(
    faces: list[Path], mesh: FaceMesh, lookout: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(lookout, mesh)
    picture = scene([Walker(faces[11], lambda _: (640, 360, 200))], 0.0).picture
    first = []
    for frame in range(FIRST_FRAMES + 2):
        first.append(publisher.publish(picture, frame / RATE_HZ).any())
        for track in publisher.crowd.tracks:
            publisher.decide(track.number, Decision.REAL)
    assert first == [False] * FIRST_FRAMES + [True] * 2
    half = np.ascontiguousarray(picture[::2, ::2])
    assert not publisher.publish(half, 1.0).any()
    assert not any(track.decision for track in publisher.crowd.tracks)

    def fail(*_: object) -> None:
        raise RuntimeError

    publisher = Publisher(lookout, mesh)
    for frame in range(FIRST_FRAMES + 2):
        shown = publisher.publish(picture, frame / RATE_HZ)
        for track in publisher.crowd.tracks:
            publisher.decide(track.number, Decision.REAL)
    assert shown.any()
    monkeypatch.setattr(mesh, "measure", fail)
    assert not publisher.publish(picture, 0.5).any()
    assert publisher.crowd.tracks == ()


def test_who_takes_it_back_is_gone_from_the_next_frame(
    faces: list[Path], mesh: FaceMesh, lookout: Lookout
) -> None:
    publisher = Publisher(lookout, mesh)
    picture = scene([Walker(faces[11], lambda _: (640, 360, 200))], 0.0).picture
    for frame in range(FIRST_FRAMES + 2):
        shown = publisher.publish(picture, frame / RATE_HZ)
        for track in publisher.crowd.tracks:
            publisher.decide(track.number, Decision.REAL)
    assert shown.any()
    for track in publisher.crowd.tracks:
        publisher.decide(track.number, None)
    assert not publisher.publish(picture, 0.5).any()


def test_a_face_at_the_edge_is_not_shown(faces: list[Path], mesh: FaceMesh, lookout: Lookout) -> None:
    """Who comes in there may stand before it before they are found."""
    publisher = Publisher(lookout, mesh)
    walkers = [Walker(faces[11], lambda _: (640, 360, 150)), Walker(faces[30], lambda _: (90, 360, 150))]
    picture = scene(walkers, 0.0).picture
    for frame in range(FIRST_FRAMES + 2):
        shown = publisher.publish(picture, frame / RATE_HZ)
        for track in publisher.crowd.tracks:
            publisher.decide(track.number, Decision.REAL)
    assert len(publisher.crowd.tracks) == 2
    assert shown[:, 500:800].any() and not shown[:, :300].any()


@pytest.mark.parametrize("turned", [180.0, 270.0])
def test_nothing_of_a_head_that_comes_lying_or_upside_down_is_published(
    faces: list[Path], mesh: FaceMesh, lookout: Lookout, turned: float
) -> None:
    """The detector finds upright heads only; this one comes slowly before the sitter, from below."""
    walkers = [
        Walker(faces[11], lambda t: (640 + 6 * np.sin(2 * t), 300, 110)),
        Walker(faces[30], lambda t: (650, 300 + 110 * max(0.35, 3.4 - 1.6 * t), 80), turned),
    ]
    publisher = Publisher(lookout, mesh)
    sitter_seen, leaked = film(publisher, walkers, 60, lambda _, published: published)
    assert leaked == 0
    assert sitter_seen > 5
