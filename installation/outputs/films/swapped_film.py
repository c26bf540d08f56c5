"""A film in which a decoder's face stands for the one that was there, and what is measured of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace, printable
from engine.common.subjects import Subjects
from engine.faces.analyser import FaceAnalyser
from engine.faces.measurement import measure_box
from engine.live.decoders.flashes import flashes, unexplained_change
from engine.live.decoders.following import Following, following
from engine.live.decoders.network import Side, TwoDecoders
from engine.live.decoders.placement import crop, face_mask, find_meshes, placements
from engine.live.decoders.swapper import Swapper
from engine.live.driver import Driver
from engine.live.expression import Mesh
from installation.outputs.films.recorded import Recording, film_like
from installation.outputs.marks import COMPOSITE_MEDIA, TRAINED_ALGORITHMIC_MEDIA

# The side of the crops in which changes are compared.
COMPARED_PX = 96


@dataclass(frozen=True)
class SwapReport:
    """What is measured of one way of swapping a film.

    calm: see `Swapper`. seconds, frames: of the film. swapped: frames with another face. flashes: how many;
    usual_grey: what the swap usually adds to the change from frame to frame, in grey levels of 255; see
    `engine.live.decoders.flashes`.
    """

    calm: bool
    seconds: float
    frames: int
    swapped: int
    following: Following
    flashes: int
    usual_grey: float

    @property
    def flashes_a_minute(self) -> float:
        return 60 * self.flashes / self.seconds


class _Swap:
    """Swaps the face in one film in one way, frame by frame, and measures it."""

    def __init__(
        self,
        network: TwoDecoders,
        to: Side,
        meshes: Sequence[Mesh | None],
        rate_hz: float,
        calm: bool,
        analyser: FaceAnalyser,
    ) -> None:
        self._calm, self._meshes, self._rate_hz, self._analyser = calm, meshes, rate_hz, analyser
        self._places = placements(meshes, rate_hz, calm)
        self._swapper = Swapper(network, to, self._places, rate_hz, calm)
        self._before: tuple[Pixels, Pixels] | None = None
        self._drawn_meshes: list[Mesh | None] = []
        self._changes: list[float] = []

    def draw(self, picture: Pixels, frame: int) -> Pixels:
        """The next frame with the other face."""
        drawn = self._swapper.draw(picture, frame)
        mesh, place = self._meshes[frame], self._places.get(frame)
        self._drawn_meshes.append(None if mesh is None else self._analyser.mesh(drawn, measure_box(mesh)))
        if self._before is not None and mesh is not None and place is not None:
            (own, own_now), (swapped, swapped_now) = (
                (crop(before, place, COMPARED_PX), crop(now, place, COMPARED_PX))
                for before, now in zip(self._before, (picture, drawn), strict=True)
            )
            face = face_mask(mesh, place, COMPARED_PX)
            self._changes.append(unexplained_change((own, swapped), (own_now, swapped_now), face))
        self._before = picture.copy(), drawn
        return drawn

    def report(self) -> SwapReport:
        """After the last frame."""
        frames = len(self._drawn_meshes)
        return SwapReport(
            calm=self._calm,
            seconds=frames / self._rate_hz,
            frames=frames,
            swapped=len(self._places),
            following=following(self._meshes, self._drawn_meshes),
            flashes=len(flashes(self._changes)),
            usual_grey=float(np.median(self._changes)) if self._changes else 0.0,
        )


def write_swapped_film(
    path: Path,
    recording: Recording,
    network: TwoDecoders,
    to: Side,
    subjects: Subjects,
    analyser: FaceAnalyser,
    ways: Sequence[bool] = (True,),
    notify: Callable[[float], None] = lambda _: None,
) -> list[SwapReport]:
    """Writes the film, complete or not at all, at the rate of the first one and with its sound.

    The largest face is swapped. ways: calm or not, see `Swapper`; several of them stand side by side. Returns
    the report of each. notify: called with the share that is done. Raises NoUsableFace where no face is in
    the film, UsageError where it is damaged, OSError where the new one cannot be written.
    """
    assert recording.path is not None
    frames = recording.frames
    driver = Driver(analyser)
    meshes = find_meshes(driver.mesh, recording.picture, frames, lambda share: notify(0.4 * share))
    if not any(mesh is not None for mesh in meshes):
        raise NoUsableFace(
            "none", f"{printable(recording.path)}: no face was found in it. Give another film."
        )
    swaps = [_Swap(network, to, meshes, recording.rate_hz, calm, analyser) for calm in ways]
    # A film of a person who does not exist is generated as a whole; of another one the room is photographed.
    source_type = TRAINED_ALGORITHMIC_MEDIA if subjects.invented else COMPOSITE_MEDIA
    with film_like(path, recording, 16, subjects, len(swaps), source_type) as film:
        for frame in range(frames):
            picture = recording.picture(frame)
            film.add(np.hstack([swap.draw(picture, frame) for swap in swaps]))
            notify(0.4 + 0.6 * (frame + 1) / frames)
    return [swap.report() for swap in swaps]
