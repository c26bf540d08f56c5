"""Training in a folder: it goes on where it was, and keeps what it has when it is stopped."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.common.errors import NoUsableFace
from engine.common.subjects import Subjects
from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.storage import load_decoders, weights_path
from engine.live.decoders.training import Progress
from installation.outputs.films.film import write_film
from installation.settings.configuration import DEFAULT, load
from installation.workers.decoder_training import Course, prepare_course, train_in_folder
from installation.workers.models import ModelBundle
from tests.support.decoders_kit import lessons
from tests.support.puppet_kit import shared_analyser

THIN = LAYOUTS["thin"]
HELD = 10


@cache
def shared_bundle() -> ModelBundle:
    return ModelBundle(load(DEFAULT))


def test_training_goes_on_and_is_kept_when_it_is_stopped(tmp_path: Path) -> None:
    bundle = shared_bundle()
    taught = lessons(THIN.side_px)
    of_b = taught["b"]
    course = Course(taught, of_b.seen.part(0, HELD), of_b.drawn.part(0, HELD))
    progress, held_grey = train_in_folder(tmp_path, THIN, course, Subjects(True), 0.2, bundle)
    assert progress.seconds >= 0.2 and held_grey > 0
    first = (tmp_path / "thin.csv").read_text().splitlines()

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_in_folder(tmp_path, THIN, course, Subjects(False, ("Ada",)), 100.0, bundle, stop)
    _, later, subjects = load_decoders(weights_path(tmp_path, THIN))
    assert later.steps == progress.steps + 1
    assert subjects == Subjects(False, ("Ada",))
    rows = (tmp_path / "thin.csv").read_text().splitlines()
    assert rows[: len(first)] == first and len(rows) > len(first)


def test_a_film_with_too_few_faces_is_refused_in_one_line(tmp_path: Path, astronaut: np.ndarray) -> None:
    film = tmp_path / "a.mp4"
    for frames in ([astronaut[:240, 128:320]], [np.full((96, 96, 3), 90, np.uint8)] * 2):
        write_film(film, frames)
        with pytest.raises(NoUsableFace, match=r"a\.mp4: a face was found in [01] of its frames") as refused:
            prepare_course(film, film, THIN.side_px, shared_bundle(), shared_analyser(), lambda *_: None)
        assert str(refused.value).count("\n") == 0
        film.unlink()
