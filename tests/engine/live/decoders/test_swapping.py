"""Swapping in a film: where it changes a frame, what it does where no face is, and the count of flashes."""

import numpy as np
import torch

from engine.live.decoders.faces import rest_frame
from engine.live.decoders.flashes import flashes, unexplained_change
from engine.live.decoders.following import following
from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.network import TwoDecoders
from engine.live.decoders.placement import crop, face_mask, placements
from engine.live.decoders.swapper import Swapper
from tests.support.decoders_kit import RATE_HZ, acted_film, film_meshes, film_motions, lessons

THIN = LAYOUTS["thin"]


def test_gaps_are_filled_and_long_ones_left_out() -> None:
    meshes = list(film_meshes())
    meshes[10:13] = [None] * 3
    meshes[30:45] = [None] * 15
    calm, plain = placements(meshes, RATE_HZ), placements(meshes, RATE_HZ, calm=False)
    assert set(range(10, 13)) <= calm.keys() and not plain.keys() & set(range(10, 13))
    assert not calm.keys() & set(range(30, 45))
    whole = placements(film_meshes(), RATE_HZ)
    assert abs(calm[11].x_px - whole[11].x_px) < 3


def test_the_rest_frame_looks_ahead_with_its_mouth_shut() -> None:
    moved = film_motions()[rest_frame(film_meshes())]
    assert abs(moved.yaw_deg) < 5 and moved.jaw < 0.03 and moved.left_lid < 0.3


def test_a_swap_changes_the_face_alone() -> None:
    network = TwoDecoders(THIN)
    mean = lessons(THIN.side_px)["b"].own.mean()
    network.set_mean("b", mean)
    film, places = acted_film(), placements(film_meshes(), RATE_HZ)
    missing = {frame: place for frame, place in places.items() if frame != 20}
    swapper = Swapper(network, "b", missing, RATE_HZ)
    drawn = swapper.draw(film[19], 19)
    assert np.array_equal(swapper.draw(film[20], 20), film[20])
    assert drawn.dtype == np.uint8 and np.abs(drawn.astype(int) - film[19]).max() > 20
    far = np.ones(drawn.shape[:2], bool)
    x, y, half = int(places[19].x_px), int(places[19].y_px), int(places[19].width_px)
    far[max(0, y - half) : y + 2 * half, max(0, x - half) : x + half] = False
    assert np.array_equal(drawn[far], film[19][far])


def changes_of(own: list[np.ndarray], swapped: list[np.ndarray]) -> list[float]:
    places = placements(film_meshes(), RATE_HZ)
    found = []
    for frame in range(1, len(own)):
        place, mesh = places[frame], film_meshes()[frame]
        assert mesh is not None
        before, after = (
            (crop(own[at], place, 64), crop(swapped[at], place, 64)) for at in (frame - 1, frame)
        )
        found.append(unexplained_change(before, after, face_mask(mesh, place, 64)))
    return found


def test_exchanged_frames_are_flashes_and_the_film_itself_has_none() -> None:
    film = list(acted_film())
    assert flashes(changes_of(film, film)) == []
    wrong = list(film)
    wrong[15], wrong[48] = film[50], film[5]
    found = flashes(changes_of(film, wrong))
    assert 14 in found and 47 in found and len(found) == 2


def test_what_follows_correlates_and_a_frozen_face_does_not() -> None:
    meshes = film_meshes()
    same = following(meshes, meshes)
    assert min(same.mouth, same.smile, same.yaw) > 0.999
    frozen = following(meshes, [meshes[0]] * len(meshes))
    assert np.isnan(frozen.mouth) and np.isnan(frozen.yaw)
    assert not torch.isnan(lessons(THIN.side_px)["a"].flow.back).any()
