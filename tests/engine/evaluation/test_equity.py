"""Equity: skin tones and thirds, users' labels, errors by group, the command on rendered people."""

import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.common.errors import FaceRefusal, UsageError
from engine.evaluation.equity import Look, group_errors, group_looks, skin_tones, thirds
from engine.evaluation.labels import read_labels
from engine.evaluation.skin_tone import cheek_ita_deg
from engine.faces.landmarks import Landmarks
from engine.judges.calibration import JudgedPairs
from installation.cli.main import main
from installation.outputs.equity import EquityReport

SHORT = '[search]\nsteps = 2\ntuning = "never"\nfinders = ["on-the-way"]\n[film]\npictures = 12\n'


def face_of(lab: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A picture of one colour, CIE L*a*b*, and a mesh in it."""
    colour = cv2.cvtColor(np.full((1, 1, 3), lab, np.float32), cv2.COLOR_LAB2RGB)[0, 0]
    mesh = np.full((Landmarks.COUNT, 2), 128, np.float32)
    mesh[list(Landmarks.LEFT_EYE)] = (96, 110)
    mesh[list(Landmarks.RIGHT_EYE)] = (160, 110)
    mesh[list(Landmarks.MOUTH_CORNERS)] = (128, 180)
    mesh[Landmarks.LEFT_CHEEK_MIDDLE], mesh[Landmarks.RIGHT_CHEEK_MIDDLE] = (90, 150), (166, 150)
    return np.full((256, 256, 3), np.rint(colour * 255), np.uint8), mesh


@pytest.mark.parametrize(("lightness", "yellow"), [(70, 15), (40, 18), (50, 20), (25, 10)])
def test_skin_tone_is_the_individual_typology_angle(lightness: float, yellow: float) -> None:
    expected = np.degrees(np.arctan((lightness - 50) / yellow))
    assert cheek_ita_deg(*face_of((lightness, 12, yellow))) == pytest.approx(expected, abs=1.5)


def test_people_are_put_into_thirds_by_their_median_tone() -> None:
    looks = [Look("a", None, angle, None) for angle in (90.0, 10.0, 12.0)]
    looks += [
        Look(person, FaceRefusal.TOO_SMALL, tone, None)
        for person, tone in zip("bcd", (-20.0, 40.0, 30.0), strict=True)
    ]
    looks.append(Look("nobody", FaceRefusal.NONE, None, None))
    tones = skin_tones(looks)
    assert tones == {"a": 12, "b": -20, "c": 40, "d": 30}
    found = thirds(tones)
    assert list(found.values()) == [["b", "a"], ["d"], ["c"]]
    darkest = group_looks(looks, found["darkest third"], tones)
    assert (darkest.people, darkest.ita_deg) == (2, (-20, 12))
    assert (darkest.refused.count, darkest.refused.trials) == (1, 4)
    assert darkest.reasons == {FaceRefusal.TOO_SMALL: 1}
    assert thirds({"a": 1.0}) == {"darkest third": ["a"]}


def test_errors_are_counted_within_a_group() -> None:
    pairs = JudgedPairs(
        np.array(["a", "a", "a", "b", "c"]),
        np.array(["a", "b", "c", "c", "c"]),
        np.array([0.7, 0.5, 0.9, 0.4, 0.3]),
    )
    whole = group_errors(pairs, "abc", 0.6)
    assert whole.false_matches and whole.misses
    assert (whole.false_matches.count, whole.false_matches.trials) == (2, 3)
    assert (whole.misses.count, whole.misses.trials) == (1, 2)
    part = group_errors(pairs, "ab", 0.5)
    assert part.false_matches and (part.false_matches.count, part.false_matches.trials) == (1, 1)
    assert group_errors(pairs, "b", 0.6).misses is None


def test_labels_are_the_users(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("﻿anna,glasses, old\n\ncarl,glasses,\n", encoding="utf-8")
    assert read_labels(path, {"anna", "carl", "dora"}) == {"glasses": ["anna", "carl"], "old": ["anna"]}
    path.write_text("bert,old\n")
    with pytest.raises(UsageError, match="there is no bert in the folder"):
        read_labels(path, {"anna"})
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as CSV"):
        read_labels(path, {"anna"})


@pytest.fixture(scope="module")
def folder(people: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people in two shots, one of whom is much too dark in one, and a file that is no picture."""
    found = tmp_path_factory.mktemp("people")
    for shots in list(people.values())[:6]:
        for shot in shots[:2]:
            shutil.copy(shot, found / shot.name)
    dark = cv2.imread(str(found / "000200_0.webp")) // 40
    cv2.imwrite(str(found / "000200_0.webp"), dark)
    (found / "000203_9.png").write_text("no picture")
    (found / "labels.csv").write_text("000200,first\n000201,first\n")
    return found


def test_every_group_has_its_refusals_and_errors(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "equity.json"
    words = ["judges", "equity", folder, "--judges", "dlib", "--labels", folder / "labels.csv", "--out", out]
    assert main([*map(str, words)]) == 0
    assert "left out 000203_9.png" in capsys.readouterr().out
    report = EquityReport.model_validate_json(out.read_text())
    names = ["everybody", "darkest third", "middle third", "lightest third", "first"]
    assert [group.name for group in report.groups] == names
    everybody, *tones, first = report.groups
    assert (report.photographs, everybody.people, everybody.refused.trials) == (12, 6, 12)
    assert everybody.refused.count == first.refused.count == 1
    assert sum(first.reasons.values()) == 1
    assert [group.people for group in tones] == [2, 2, 2]
    spans = [group.ita_deg for group in tones]
    assert all(a and b and a[1] <= b[0] for a, b in pairwise(spans))
    for group in (everybody, *tones):
        assert group.judges["dlib"].false_matches and group.judges["dlib"].misses
    errors = first.judges["dlib"]
    assert errors.false_matches and errors.false_matches.trials == 2 and errors.misses
    assert errors.misses.trials == 1


def test_whole_visits_tell_where_the_border_lies(
    people: dict[str, list[Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    first, _, _, second, *_ = people.values()
    shutil.copy(first[0], folder)
    cv2.imwrite(str(folder / second[0].name), cv2.imread(str(second[0])) // 40)  # too dark for a visit
    (tmp_path / "short.toml").write_text(SHORT)
    out = tmp_path / "equity.json"
    words = ["judges", "equity", folder, "--judges", "dlib", "--visits", 2, "--out", out]
    assert main([*map(str, words), "--config", str(tmp_path / "short.toml")]) == 0
    everybody, *_ = EquityReport.model_validate_json(out.read_text()).groups
    assert everybody.visits and everybody.visits.borders.trials == 1 and everybody.visits.steps == 2
    assert "visible change" in capsys.readouterr().out


def test_wrong_numbers_of_visits_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judges", "equity", str(folder), "--visits", "-1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--visits: give a number of people" in line
