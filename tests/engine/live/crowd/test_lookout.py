"""Small faces are found in tiles."""

from functools import partial
from pathlib import Path

import numpy as np

from engine.faces.detector import DetectedHead, box_centre, box_contains
from engine.live.crowd.head import box_width
from engine.live.crowd.lookout import Lookout, tiles_of
from tests.support.crowd_kit import HEIGHT, WIDTH, Walker, scene

PLACES = [(x, y) for y in (90, 270, 450, 630) for x in range(80, 1240, 160)]


def standing(place: tuple[int, int], _at_s: float) -> tuple[float, float, float]:
    return (*place, 36)


def found(heads: list[DetectedHead], places: list[tuple[int, int]]) -> int:
    return sum(any(box_contains(head.box_px, place) for head in heads) for place in places)


def test_small_faces_are_found_in_the_tiles_and_not_in_the_whole_picture(
    faces: list[Path], lookout: Lookout
) -> None:
    walkers = [Walker(faces[i], partial(standing, place)) for i, place in enumerate(PLACES)]
    picture = scene(walkers, 0.0).picture
    assert found(lookout.search(picture), PLACES) >= 0.9 * len(PLACES)
    whole = lookout._detector.detect_heads(picture, (0, 0, WIDTH, HEIGHT))
    assert found(whole, PLACES) < 0.2 * len(PLACES)


def test_glances_in_turn_see_every_tile(faces: list[Path], lookout: Lookout) -> None:
    walkers = [Walker(faces[3], lambda _: (1100, 600, 50))]
    picture = scene(walkers, 0.0).picture
    assert any(found(lookout.glance(picture, number), [(1100, 600)]) for number in range(9))


def test_the_tiles_cover_the_picture() -> None:
    for width, height in ((1280, 720), (720, 1280), (640, 480), (200, 90), (320, 320), (4096, 3000)):
        tiles = list(tiles_of(width, height))
        assert all(0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height for x0, y0, x1, y1 in tiles)
        for x, y in ((0, 0), (width - 1, height - 1), (width // 2, height // 3)):
            assert not tiles or any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in tiles)


def test_glances_agree_on_the_box_of_a_face(faces: list[Path], lookout: Lookout) -> None:
    """Whichever network and part of the picture it was found in; a part may show half of it."""
    walkers = [Walker(faces[7], lambda _: (1120, 380, 110)), Walker(faces[11], lambda _: (520, 330, 190))]
    seen: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for number in range(9):
        heads = lookout.glance(scene(walkers, number / 13).picture, number)
        assert len(heads) == 2
        for head in heads:
            seen[head.box_px[0] > 800].append((*box_centre(head.box_px), box_width(head.box_px)))
    for places in seen.values():
        x, y, width_px = np.array(places).T
        assert width_px.max() / width_px.min() < 1.2
        assert max(np.ptp(x), np.ptp(y)) < 0.12 * width_px.mean()
