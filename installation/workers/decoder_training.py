"""Reads two films, draws one person in the poses of the other, and trains two decoders in a folder."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace, printable
from engine.common.subjects import Subjects
from engine.faces.analyser import FaceAnalyser
from engine.live.decoders.faces import (
    Faces,
    Lessons,
    cut_faces,
    drawn_in_poses,
    flow_of,
    motions,
    paired,
    rest_frame,
)
from engine.live.decoders.following import answers, miss_grey
from engine.live.decoders.known_poses import begin_with_known_poses
from engine.live.decoders.layout import Layout
from engine.live.decoders.network import Side, TwoDecoders
from engine.live.decoders.placement import find_meshes, placements
from engine.live.decoders.storage import load_decoders, save_decoders, weights_path
from engine.live.decoders.training import Progress, Trainer
from engine.live.driver import Driver
from engine.live.expression import Mesh
from engine.live.rigs.directions import face_box
from engine.perceptual.encoder_features import EncoderFeatures
from installation.outputs.films.recorded import recording_of
from installation.workers.models import ModelBundle

# One of so many stretches of the film, each of so many pairs, is never learned from: on these the training is
# measured. A film with fewer pairs gives its last ones.
HELD_EVERY, STRETCH = 6, 25
LEAST_FACES = 12
# The rig draws B at this side; a face then has more pixels than any layout draws.
RIG_PX = 256
SAVED_EVERY_S, MEASURED_EVERY_S = 60.0, 15.0

Notify = Callable[[str, float], None]
"""What is being done, and the share of it that is done."""


@dataclass(frozen=True, eq=False)
class Course:
    """What both decoders learn from, and what B's is measured by: A's held faces, and B in the same poses."""

    lessons: dict[Side, Lessons]
    held_seen: Faces
    held_drawn: Faces

    def frozen_grey(self) -> float:
        """What B's mean picture misses of the held faces: a face that does not follow is no better."""
        return miss_grey(self.lessons["b"].drawn.mean()[None], self.held_drawn)


def prepare_course(
    film_a: Path, film_b: Path, side_px: int, bundle: ModelBundle, analyser: FaceAnalyser, notify: Notify
) -> Course:
    """Reads both films, makes a rig of B's calmest frame, and draws B in the pose of each frame of A.

    Raises NoUsableFace where there are too few faces to learn from, UsageError where a film is damaged.
    """
    a = _read(film_a, side_px, analyser, notify)
    b = _read(film_b, side_px, analyser, notify)
    rig = bundle.rig(b.calmest, analyser, lambda share: notify("searching", share), RIG_PX)
    posed = drawn_in_poses(
        rig,
        motions(a.meshes, a.rate_hz),
        lambda picture: analyser.mesh(picture, face_box(len(picture))),
        a.rate_hz,
        side_px,
        lambda share: notify("posing", share),
    )
    seen, drawn = paired(a.faces, posed)
    _check_enough(seen, film_a)
    held = (np.arange(len(seen)) // STRETCH) % HELD_EVERY == HELD_EVERY // 2
    if not held.any():
        held[-max(1, len(seen) // HELD_EVERY) :] = True
    learned_seen, learned_drawn = seen.chosen(~held), drawn.chosen(~held)
    lessons: dict[Side, Lessons] = {
        "a": Lessons(learned_seen, learned_drawn, learned_seen, flow_of(learned_seen)),
        "b": Lessons(b.faces, learned_seen, learned_drawn, flow_of(learned_drawn)),
    }
    return Course(lessons, seen.chosen(held), drawn.chosen(held))


@dataclass(frozen=True, eq=False)
class _FilmFaces:
    """faces: cropped. meshes: of each frame. calmest: the frame nearest to the face's neutral."""

    faces: Faces
    meshes: list[Mesh | None]
    rate_hz: float
    calmest: Pixels


def _read(film: Path, side_px: int, analyser: FaceAnalyser, notify: Notify) -> _FilmFaces:
    with recording_of(film) as recording:
        meshes = find_meshes(
            Driver(analyser).mesh,
            recording.picture,
            recording.frames,
            lambda share: notify("looking", share),
        )
        places = placements(meshes, recording.rate_hz)
        pictures = ((frame, recording.picture(frame)) for frame in range(recording.frames))
        faces = cut_faces(pictures, meshes, places, side_px)
        _check_enough(faces, film)
        calmest = recording.picture(rest_frame(meshes)).copy()
        return _FilmFaces(faces, meshes, recording.rate_hz, calmest)


def _check_enough(faces: Faces, film: Path) -> None:
    if len(faces) < LEAST_FACES:
        raise NoUsableFace(
            "none",
            f"{printable(film)}: a face was found in {len(faces)} of its frames. Give a film with at least "
            f"{LEAST_FACES}, better some hundreds.",
        )


def train_in_folder(
    folder: Path,
    layout: Layout,
    course: Course,
    subjects: Subjects,
    seconds: float,
    bundle: ModelBundle,
    notify: Callable[[Progress], None] = lambda _: None,
) -> tuple[Progress, float]:
    """Trains for so many seconds more; returns the progress, and what B's decoder misses of the held faces in
    grey levels.

    Goes on from the folder's weights where it has some of this layout. They are written each minute and at
    the end, also when it is interrupted, and so is NAME.csv, the learning curve. Raises WeightsError.
    """
    path = weights_path(folder, layout)
    if path.exists():
        network, progress, earlier = load_decoders(path)
        subjects = subjects.joined(earlier)
    else:
        torch.manual_seed(0)
        network, progress = TwoDecoders(layout), Progress()
        begin_with_known_poses(network, course.lessons["b"].seen, course.lessons["b"].drawn)
    network = network.to(bundle.device)
    features = bundle.encoder if layout.features else None
    trainer = Trainer(
        network, course.lessons, None if features is None else EncoderFeatures(features), progress
    )
    frozen_grey = course.frozen_grey()
    saved_s = measured_s = begun_s = progress.seconds

    def measure() -> float:
        held_grey = miss_grey(answers(network, course.held_seen, "b"), course.held_drawn)
        _add_to_curve(path.with_suffix(".csv"), progress, held_grey, frozen_grey)
        return held_grey

    measure()
    try:
        while progress.seconds < begun_s + seconds:
            trainer.step()
            notify(progress)
            if progress.seconds >= measured_s + MEASURED_EVERY_S:
                measured_s = progress.seconds
                measure()
            if progress.seconds >= saved_s + SAVED_EVERY_S:
                saved_s = progress.seconds
                save_decoders(network, path, progress, subjects)
    finally:
        save_decoders(network, path, progress, subjects)
    return progress, measure()


def _add_to_curve(path: Path, progress: Progress, held_grey: float, frozen_grey: float) -> None:
    """Adds a row to the learning curve; a new file begins with the names of its columns."""
    begins = not path.exists()
    with path.open("a", newline="") as file:
        rows = csv.writer(file)
        if begins:
            rows.writerow(("seconds", "pictures", "loss_grey", "held_grey", "frozen_grey"))
        rows.writerow(
            (
                round(progress.seconds, 1),
                progress.pictures,
                *(round(value, 3) for value in (progress.loss, held_grey, frozen_grey)),
            )
        )
