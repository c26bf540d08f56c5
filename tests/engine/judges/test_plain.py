"""The reading with a judge's own package: equal to dlib's, and what of a picture it refuses."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from engine.common.arrays import Pixels
from engine.judges.crops import reduce_to
from engine.judges.perturbations import Perturbation
from engine.judges.plain import VERSIONS, PlainReading, plain_reading, version
from engine.judges.verifiers.anthropometry import AnthropometryJudge
from engine.judges.verifiers.dlib import DlibJudge, weights_folder
from engine.photographs.photograph import load_photograph


@pytest.fixture(scope="module")
def judge() -> DlibJudge:
    return DlibJudge()


@pytest.fixture(scope="module")
def shots(people: dict[str, list[Path]], astronaut: Pixels) -> list[Pixels]:
    """Two pictures of one person, and one of somebody else."""
    first, *_ = people.values()
    return [*map(load_photograph, first[:2]), reduce_to(astronaut, 256)]


@pytest.fixture(scope="module")
def reading(judge: DlibJudge, shots: list[Pixels]) -> PlainReading:
    found = plain_reading(judge, shots[0])
    assert found
    return found


def test_it_is_what_dlibs_own_package_reads(shots: list[Pixels], reading: PlainReading) -> None:
    """The calls that the package face_recognition makes by default."""
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(weights_folder() / "shape_predictor_5_face_landmarks.dat"))
    model = dlib.face_recognition_model_v1(
        str(weights_folder() / "dlib_face_recognition_resnet_model_v1.dat")
    )
    for picture in shots[:2]:
        box = detector(picture, 1)[0]
        expected = np.array(model.compute_face_descriptor(picture, predictor(picture, box), 1))
        (found,) = reading.read([picture])
        assert found is not None and np.abs(found - expected).max() < 1e-4


def test_versions_change_the_picture_as_a_whole(shots: list[Pixels]) -> None:
    picture = shots[0]
    assert np.array_equal(version(picture, Perturbation()), picture)
    assert np.array_equal(version(picture, Perturbation(mirrored=True)), picture[:, ::-1])
    shifted = version(picture, Perturbation(shift_px=(-3, 3)))
    assert np.array_equal(shifted[3:, :-3], picture[:-3, 3:])
    assert len({version(picture, each).tobytes() for each in VERSIONS}) == len(VERSIONS)


def test_the_sitter_does_not_hold_and_somebody_else_does(shots: list[Pixels], reading: PlainReading) -> None:
    _, same, other = shots
    assert not reading.holds(same) and reading.verdict(same).same
    assert reading.holds(other)
    verdict = reading.verdict(other)
    assert not verdict.same and verdict.threshold < verdict.worst_distance <= verdict.distance


def test_one_version_that_is_the_sitter_is_enough_to_fail(shots: list[Pixels], judge: DlibJudge) -> None:
    """Only the mirrored versions are the sitter here."""
    picture, _, other = shots
    (known,) = judge.plain_reader()([picture])
    assert known is not None
    mirrored = version(picture, Perturbation(mirrored=True))

    def read(versions: Sequence[Pixels]) -> list[np.ndarray | None]:
        alike = [np.abs(shown.astype(int) - mirrored).mean() < 1 for shown in versions]
        return [known if each else known + 1 for each in alike]

    assert not PlainReading(judge, read, known).holds(picture)
    assert PlainReading(judge, read, known).holds(other)


def test_each_of_several_pictures_has_its_own_answer(shots: list[Pixels], reading: PlainReading) -> None:
    blank = np.full((256, 256, 3), 90, np.uint8)
    together = reading.read([shots[0], blank, shots[2]])
    alone = [reading.read([picture])[0] for picture in (shots[0], shots[2])]
    assert together[1] is None and reading.read([]) == []
    for found, expected in zip((together[0], together[2]), alone, strict=True):
        assert found is not None and expected is not None and np.abs(found - expected).max() < 1e-5


def test_a_picture_without_a_face_is_nobodys(reading: PlainReading) -> None:
    blank = np.full((256, 256, 3), 90, np.uint8)
    verdict = reading.verdict(blank)
    assert reading.holds(blank) and not verdict.measured and not verdict.same


def test_of_large_pictures_only_the_saved_one_is_read(shots: list[Pixels], reading: PlainReading) -> None:
    read: list[tuple[int, ...]] = []

    def counting(pictures: Sequence[Pixels]) -> list[np.ndarray | None]:
        read.extend(picture.shape for picture in pictures)
        return [None for _ in pictures]

    large = np.asarray(cv2.resize(shots[2], (1024, 1024)), np.uint8)
    assert PlainReading(reading.judge, counting, reading.known).holds(large)
    assert read == [(1024, 1024, 3)]


def test_judges_without_a_package_have_no_such_reading(shots: list[Pixels], judge: DlibJudge) -> None:
    assert plain_reading(AnthropometryJudge(), shots[0]) is None
    assert plain_reading(judge, np.full((256, 256, 3), 90, np.uint8)) is None
