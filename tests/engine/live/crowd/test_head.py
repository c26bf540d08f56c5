"""How a head is turned, from six points."""

from pathlib import Path

import cv2
import numpy as np

from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import measure_pose
from engine.live.crowd.head import similarity, turn_of
from engine.live.crowd.lookout import Lookout
from tests.support.crowd_kit import Walker, scene
from tests.support.puppet_kit import shared_analyser


def test_the_turn_follows_that_of_the_mesh(faces: list[Path], lookout: Lookout) -> None:
    analyser: FaceAnalyser = shared_analyser()
    found = []
    for path in faces[:30]:
        for turned in (0.0, 20.0):
            picture = scene([Walker(path, lambda _: (240, 240, 180), turned)], 0.0, (480, 480)).picture
            heads = lookout.glance(picture, 0)
            mesh = analyser.mesh(picture, heads[0].box_px) if len(heads) == 1 else None
            if mesh is not None:
                found.append((*turn_of(heads[0]), *measure_pose(mesh)))
    yaw, pitch, roll, *true = np.array(found).T
    assert len(found) > 50
    assert np.corrcoef(yaw, true[0])[0, 1] > 0.93
    assert np.sqrt(np.mean((yaw - true[0]) ** 2)) < 5
    assert np.sqrt(np.mean((pitch - true[1]) ** 2)) < 8
    assert np.sqrt(np.mean((roll - true[2]) ** 2)) < 4


def test_a_similarity_brings_points_onto_others() -> None:
    points = np.random.default_rng(0).normal(size=(6, 2))
    turn = np.asarray(cv2.getRotationMatrix2D((0, 0), 30, 1.7), np.float64)[:, :2]
    moved = np.asarray(points @ turn.T + (3, 4), np.float64)
    found = similarity(points, moved)
    np.testing.assert_allclose(points @ found[:, :2].T + found[:, 2], moved, atol=1e-9)
