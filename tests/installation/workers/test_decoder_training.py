"""Training in a folder: it goes on where it was, and keeps what it has when it is stopped."""

from pathlib import Path

import pytest

from engine.common.subjects import Subjects
from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.storage import load_decoders, weights_path
from engine.live.decoders.training import Progress
from installation.settings.configuration import DEFAULT, load
from installation.workers.decoder_training import Course, train_in_folder
from installation.workers.models import ModelBundle
from tests.support.decoders_kit import lessons

THIN = LAYOUTS["thin"]
HELD = 10


def test_training_goes_on_and_is_kept_when_it_is_stopped(tmp_path: Path) -> None:
    bundle = ModelBundle(load(DEFAULT))
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
