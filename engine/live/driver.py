"""Finds the driver's face in picture after picture."""

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import Box
from engine.faces.measurement import measure_box, measure_width
from engine.live.expression import Mesh

# From one picture to the next a face's width changes by less than this ratio, or it is another face.
LARGEST_CHANGE = 1.5


class Driver:
    """The largest face at first, and then the one near where it was. Not to be shared between threads."""

    def __init__(self, analyser: FaceAnalyser) -> None:
        self._analyser = analyser
        self._box: Box | None = None
        self._width_px = 0.0
        self._glances = 0

    def mesh(self, picture: Pixels) -> Mesh | None:
        """The mesh (478, 3) of the face in a picture uint8 (H, W, 3) RGB; None where there is none."""
        if self._box is not None:
            mesh = self._analyser.mesh(picture, self._box)
            if (
                mesh is not None
                and 1 / LARGEST_CHANGE < measure_width(mesh) / self._width_px < LARGEST_CHANGE
            ):
                return self._found(mesh)
            self._box = None
        boxes = self._analyser.glance(picture, self._glances)
        self._glances += 1
        mesh = self._analyser.mesh(picture, boxes[0]) if boxes else None
        return None if mesh is None else self._found(mesh)

    def _found(self, mesh: Mesh) -> Mesh:
        self._box, self._width_px = measure_box(mesh), measure_width(mesh)
        return mesh
