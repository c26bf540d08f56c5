"""Finds the driver's face in picture after picture."""

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import Box
from engine.faces.measurement import measure_box, measure_inside_share, measure_width
from engine.live.expression import Mesh

# From one picture to the next a face's width changes by less than this ratio, or it is another face.
LARGEST_CHANGE = 1.5
# Of a face that leaves the picture the mesh guesses the rest; so much of it must be there.
LEAST_INSIDE_SHARE = 0.97


class Driver:
    """The largest face at first, and then the one near where it was. Not to be shared between threads."""

    def __init__(self, analyser: FaceAnalyser) -> None:
        self._analyser = analyser
        self._box: Box | None = None
        self._width_px = 0.0
        self._glances = 0

    def mesh(self, picture: Pixels) -> Mesh | None:
        """The mesh (478, 3) of the face in a picture uint8 (H, W, 3) RGB; None where no whole one is."""
        mesh = self._near(picture)
        if mesh is None:
            boxes = self._analyser.glance(picture, self._glances)
            self._glances += 1
            mesh = self._analyser.mesh(picture, boxes[0]) if boxes else None
        size_px = (picture.shape[1], picture.shape[0])
        if mesh is None or measure_inside_share(mesh[:, :2], size_px) < LEAST_INSIDE_SHARE:
            self._box = None
            return None
        self._box, self._width_px = measure_box(mesh), measure_width(mesh)
        return mesh

    def _near(self, picture: Pixels) -> Mesh | None:
        """The mesh of a face like the one before, where that was."""
        mesh = self._analyser.mesh(picture, self._box) if self._box is not None else None
        if mesh is None:
            return None
        change = measure_width(mesh) / self._width_px
        return mesh if 1 / LARGEST_CHANGE < change < LARGEST_CHANGE else None
