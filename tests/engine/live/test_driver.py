"""The driver's face: found, followed, and not guessed where it leaves the picture."""

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import measure_width
from engine.live.driver import Driver
from engine.live.expression import Mesh
from engine.live.rigs.rig import Rig


def beside(picture: Pixels, right_px: int) -> Pixels:
    """The picture shifted to the right, in a grey frame twice as wide."""
    frame = np.full((len(picture), 2 * len(picture), 3), 90, np.uint8)
    shift = np.array([[1.0, 0.0, right_px], [0.0, 1.0, 0.0]])
    cv2.warpAffine(picture, shift, frame.shape[1::-1], frame, borderMode=cv2.BORDER_TRANSPARENT)
    return frame


def test_a_face_is_followed_until_it_leaves(rig: Rig, mesh: Mesh, analyser: FaceAnalyser) -> None:
    driver = Driver(analyser)
    seen = {shift: driver.mesh(beside(rig.picture, shift)) for shift in range(0, 481, 24)}
    for shift in (0, 120, 240):
        found = seen[shift]
        assert found is not None
        assert abs(found[:, 0].mean() - mesh[:, 0].mean() - shift) < 4
        assert abs(measure_width(found) / measure_width(mesh) - 1) < 0.08
    # With its middle beyond the edge the mesh alone would still give 478 points.
    assert seen[360] is None and seen[480] is None
    # The parts of the picture are searched in turn.
    looks = [driver.mesh(beside(rig.picture, 100)) for _ in range(5)]
    back = looks[-1]
    assert back is not None and abs(back[:, 0].mean() - mesh[:, 0].mean() - 100) < 4


def test_no_face_is_found_in_none(analyser: FaceAnalyser) -> None:
    assert Driver(analyser).mesh(np.full((240, 320, 3), 120, np.uint8)) is None
