"""A film in which a decoder's face stands for the one that was there, and what is measured of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
from installation.outputs.anonymised import Recording, film_like

# The side of the crops in which changes are compared.
COMPARED_PX = 96


@dataclass(frozen=True)
class SwapReport:
    """seconds, frames: of the film. swapped: frames with another face. flashes: how many; see
    `engine.live.decoders.flashes`."""

    seconds: float
    frames: int
    swapped: int
    following: Following
    flashes: int

    @property
    def flashes_a_minute(self) -> float:
        return 60 * self.flashes / self.seconds


def write_swapped_film(
    path: Path,
    recording: Recording,
    network: TwoDecoders,
    to: Side,
    subjects: Subjects,
    analyser: FaceAnalyser,
    notify: Callable[[float], None] = lambda _: None,
) -> SwapReport:
    """Writes the film, complete or not at all, at the rate of the first one and with its sound.

    The largest face is swapped. notify: called with the share that is done. Raises NoUsableFace where no face
    is in the film, UsageError where it is damaged, OSError where the new one cannot be written.
    """
    assert recording.path is not None
    frames, rate_hz = recording.frames, recording.rate_hz
    driver = Driver(analyser)
    meshes = find_meshes(driver.mesh, recording.picture, frames, lambda share: notify(0.4 * share))
    places = placements(meshes, rate_hz, calm=network.layout.steady > 0)
    if not places:
        raise NoUsableFace(
            "none", f"{printable(recording.path)}: no face was found in it. Give another film."
        )
    swapper = Swapper(network, to, places, rate_hz)
    drawn_meshes: list[Mesh | None] = []
    changes: list[float] = []
    with film_like(path, recording, crf=16, subjects=subjects) as film:
        before = None
        for frame in range(frames):
            picture = recording.picture(frame)
            drawn = swapper.draw(picture, frame)
            film.add(drawn)
            mesh, place = meshes[frame], places.get(frame)
            drawn_meshes.append(None if mesh is None else analyser.mesh(drawn, measure_box(mesh)))
            if before is not None and mesh is not None and place is not None:
                now = (picture, drawn)
                (own, own_now), (swapped, swapped_now) = (
                    tuple(crop(each, place, COMPARED_PX) for each in pair)
                    for pair in zip(before, now, strict=True)
                )
                face = face_mask(mesh, place, COMPARED_PX)
                changes.append(unexplained_change((own, swapped), (own_now, swapped_now), face))
            else:
                changes.append(float("nan"))
            before = picture.copy(), drawn
            notify(0.4 + 0.6 * (frame + 1) / frames)
    measured = [change for change in changes if not np.isnan(change)]
    return SwapReport(
        seconds=frames / rate_hz,
        frames=frames,
        swapped=len(places),
        following=following(meshes, drawn_meshes),
        flashes=len(flashes(measured)),
    )
