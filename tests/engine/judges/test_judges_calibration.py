"""Measuring a judge: the statistics on known numbers, the command on rendered people."""

import argparse
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.common.errors import UsageError, WeightsError
from engine.faces.detectors import DetectorChoice
from engine.judges.base import OperatingPoint
from engine.judges.calibration import Calibration, Rate, labelled_files
from engine.judges.registry import panel
from installation.cli import judges as command
from installation.settings.configuration import load

DISTANCES = st.lists(st.floats(0, 2), min_size=1, max_size=60)


def calibration(genuine, impostor) -> Calibration:
    return Calibration(np.sort(np.array(genuine, float)), np.sort(np.array(impostor, float)))


def test_interval_is_clopper_and_pearsons():
    low, high = Rate(3, 100).interval
    assert (low, high) == pytest.approx((0.0062297, 0.0851761), abs=1e-6)
    assert Rate(0, 100).interval == pytest.approx((0, 1 - 0.025 ** (1 / 100)))
    assert Rate(100, 100).interval[1] == 1


def test_rates_count_the_threshold_itself_as_same():
    measured = calibration([0.3, 0.5, 0.7], [0.5, 0.6, 0.8, 0.9])
    assert measured.fmr(0.5).value == 0.25
    assert measured.fnmr(0.5).value == pytest.approx(1 / 3)
    assert measured.fmr(0.49).count == 0 and measured.fnmr(0.7).count == 0


@example([0.07], 0.5)
@given(DISTANCES, st.floats(0.001, 0.999))
def test_threshold_keeps_its_rate_and_is_the_largest_that_does(impostor, fmr):
    measured = calibration([0.1], impostor)
    found = measured.threshold(fmr)
    assert measured.fmr(found).value <= fmr
    assert measured.fmr(found + 2e-4).value > fmr


@given(st.integers(2, 400), st.data())
def test_threshold_lets_as_many_pass_as_the_rate_says(pairs, data):
    """Also where share times pairs is a little less than the whole number it means, as 0.29 * 100 is."""
    passing = data.draw(st.integers(1, pairs - 1))
    measured = calibration([0.1], 0.3 + np.arange(pairs) / 1000)
    assert measured.fmr(measured.threshold(passing / pairs)).count == passing


def test_rates_near_one_have_a_threshold_too():
    measured = calibration([0.1], [0.3, 0.4])
    assert measured.fmr(measured.threshold(1 - 1e-12)).count == 1


def test_threshold_warns_where_too_few_pairs_support_it():
    few = calibration([0.1], np.linspace(0.4, 1, 1_456))
    assert few.doubts(0.1) is None
    doubts = few.doubts(0.001)
    assert doubts and "1.5 false matches" in doubts and "246 people" in doubts
    assert calibration([0.1], np.linspace(0.4, 1, 30_000)).doubts(0.001) is None
    for wrong in (0, 1, -0.1):
        with pytest.raises(UsageError):
            few.threshold(wrong)


def test_both_ways_of_labelling_photographs(tmp_path):
    flat, nested = tmp_path / "flat", tmp_path / "nested"
    for path in (flat / "anna_b_1.png", flat / "anna_b_2.JPG", flat / "carl_1.png", flat / "notes.txt"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for path in (nested / "anna" / "a.png", nested / "anna" / "b.png", nested / "carl" / "a.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [person for person, _ in labelled_files(flat)] == ["anna_b", "anna_b", "carl"]
    assert [person for person, _ in labelled_files(nested)] == ["anna", "anna", "carl"]


def test_hidden_photographs_are_nobodys(tmp_path):
    """macOS leaves a file `._anna_1.png` beside each `anna_1.png`, and archives a folder of them."""
    for name in ("anna_1.png", "anna_2.HEIC", "carl_1.png", "._anna_1.png", "__MACOSX/b.png", ".cache/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for _, path in labelled_files(tmp_path)] == ["anna_1.png", "anna_2.HEIC", "carl_1.png"]


def test_a_person_who_cannot_be_read_is_named(tmp_path):
    for name in ("anna/1.png", "anna/2.png", "carl/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "dora").symlink_to("dora")
    lines: list[str] = []
    assert [person for person, _ in labelled_files(tmp_path, lines.append)] == ["anna", "anna", "carl"]
    assert len(lines) == 1 and "dora cannot be read" in lines[0]


def test_folders_without_pairs_are_refused(tmp_path):
    with pytest.raises(UsageError, match="not a folder"):
        labelled_files(tmp_path / "nowhere")
    for name in ("anna_1.png", "carl_1.png"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="two of at least one"):
        labelled_files(tmp_path)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.run(parser.parse_args(words))


def test_list_names_every_judge_and_its_source(capsys):
    assert run("list") == 0
    told = capsys.readouterr().out
    for words in (
        "dlib:",
        "anthropometry:",
        "arcface-l:",
        "arcface-s:",
        "sface:",
        "57 of 10,000 strangers",
        "binds nobody",
    ):
        assert words in told


def test_calibrate_measures_rendered_people(people, tmp_path, capsys):
    for shots in list(people.values())[:4]:
        for shot in shots[:2]:
            (tmp_path / shot.name).write_bytes(shot.read_bytes())
    (tmp_path / "nobody_1.png").write_bytes(Path(__file__).read_bytes())
    assert run("calibrate", str(tmp_path), "--fmr", "0.1") == 0
    told = capsys.readouterr().out
    assert "left out nobody_1.png" in told
    assert "4 pairs of one person, 24 of strangers" in told
    assert "threshold for FMR 0.1: 0." in told
    assert "Warning: 24 pairs of strangers" in told and "<- now" in told
    assert "# no point at FMR 0.01: 24 pairs of strangers are too few" in told
    _, points = told.split("by its name:\n")
    configuration = tmp_path / "points.toml"
    configuration.write_text(points + '[judging.thresholds]\ndlib = "fmr-1e-1"\n')
    judging = load(configuration).judging
    measured = judging.points["dlib"]["fmr-1e-1"]
    assert measured.fmr == 0.1 and "2 of 24 pairs of strangers" in measured.source
    point = OperatingPoint("fmr-1e-1", measured.threshold, measured.source, measured.fmr, measured.fnmr)
    (judge,) = panel(["dlib"], thresholds=judging.thresholds, points={"dlib": {"fmr-1e-1": point}})
    assert judge.threshold == measured.threshold and judge.fmr == 0.1
    with pytest.raises(UsageError, match="no operating point 'fmr-1e-1'"):
        panel(["dlib"], thresholds=judging.thresholds)
    with pytest.raises(UsageError, match="between 0 and 1"):
        run("calibrate", str(tmp_path), "--fmr", "2")
    with pytest.raises(UsageError, match="no judge"):
        run("calibrate", str(tmp_path), "--judge", "nobody")


def test_calibrate_finds_faces_with_the_configured_detector(people, tmp_path, monkeypatch):
    for shots in list(people.values())[:2]:
        for shot in shots[:2]:
            (tmp_path / shot.name).write_bytes(shot.read_bytes())
    configuration = tmp_path / "scrfd.toml"
    configuration.write_text('[faces]\ndetector = "scrfd-s"\n')
    network = tmp_path / "missing.onnx"
    monkeypatch.setattr(command, "detector_choice", lambda name: DetectorChoice(name, network))
    with pytest.raises(WeightsError, match=r"missing\.onnx, the face detector's network"):
        run("calibrate", str(tmp_path), "--judge", "anthropometry", "--config", str(configuration))
