"""The table of a group portrait, and which faces are the most unlike their originals."""

import math

import numpy as np
import pytest

from engine.judges.verdict import Verdict
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from installation.outputs.group.differences import most_unlike, table_of, unlike_sheet


def face(appears: Decision, rmse: float, ssim: float, distance: float, left: int) -> PublishedFace:
    outline = np.array([[left, 20], [left + 60, 20], [left + 60, 90], [left, 90]], np.float32)
    likeness = {"rmse": rmse, "psnr_db": 40 - rmse, "ssim": ssim}
    verdict = Verdict("dlib", 0.6, distance)
    return PublishedFace(appears, appears, outline, verdicts={"dlib": verdict}, likeness=likeness)


@pytest.fixture
def portrait() -> GroupPortrait:
    picture = np.zeros((120, 400, 3), np.uint8)
    for number in range(4):
        picture[20:90, 20 + 90 * number : 80 + 90 * number] = 60 * (number + 1) - 1
    faces = (
        face(Decision.REAL, 0.5, 0.99, 0.2, 20),
        face(Decision.DOPPELGANGER, 10.0, 0.9, 0.62, 110),
        face(Decision.ANONYMOUS, 30.0, 0.7, 0.7, 200),
        face(Decision.ANONYMOUS, 20.0, 0.6, math.inf, 290),
    )
    return GroupPortrait(picture, np.zeros_like(picture), faces)


def test_the_table_is_of_those_who_were_replaced(portrait: GroupPortrait) -> None:
    table = table_of(portrait, 0.5)
    assert (table.faces, table.frechet, table.rmse, table.psnr_db, table.ssim) == (3, 0.5, 20.0, 20.0, 0.7)
    assert table.distances == {"dlib": 0.7}


def test_without_anybody_replaced_there_is_no_figure(portrait: GroupPortrait) -> None:
    alone = GroupPortrait(portrait.picture, portrait.origin, portrait.faces[:1])
    table = table_of(alone, None)
    assert (table.faces, table.rmse, table.distances) == (0, None, {})
    assert most_unlike(alone) == []


def test_each_measure_has_its_most_unlike(portrait: GroupPortrait) -> None:
    most = most_unlike(portrait)
    assert [(each.number, each.words) for each in most] == [
        (3, "RMSE 30.0"),
        (3, "PSNR 10.0 dB"),
        (4, "SSIM 0.600"),
        (4, "dlib no face"),
    ]
    sheet = unlike_sheet(portrait, most)
    # The published faces themselves, in the order of the measures.
    assert [int(sheet[290, 60 + 160 + 360 * column, 0]) for column in range(4)] == [179, 179, 239, 239]
