"""The pure parts of `benchmarks.carry`: sitters, ranks, the attacker's regression, tables without a kind."""

from itertools import islice

import numpy as np
import pytest
import torch

from benchmarks.carry.attacker import best_ridge_strength, fit_ridge
from benchmarks.carry.measuring import JudgeFigures, SitterFigures, gallery_entries, is_found_first
from benchmarks.carry.pictures import draw_plot
from benchmarks.carry.searches import FIRST_SEED, unused_seeds
from benchmarks.carry.sitters import (
    GROUPS,
    STRANGERS,
    UNSEEN,
    Sitter,
    keep_arrays,
    sitters_and_strangers,
)
from benchmarks.carry.tables import (
    of_group,
    print_frechet,
    print_likeness,
    print_ranks,
    print_sitters,
    print_verdicts,
    processor_seconds,
    ratios,
)
from engine.faces.alignment import Portrait
from engine.inversion.projection import Place
from engine.judges.verifiers.dlib import DlibJudge


class Named(DlibJudge):
    """A judge of which only metric and name are asked."""

    def __init__(self, name="dlib", metric="euclidean"):
        self.name, self.metric = name, metric


def sitter(name, rendered=False):
    portrait = Portrait(np.zeros((8, 8, 3), np.uint8), np.zeros((478, 2), np.float32), np.eye(2, 3))
    return Sitter(name, rendered, portrait, None, Place(torch.zeros(1)), {})


def measured(name, rendered, figures):
    """figures: kind -> (perceptual distance, dlib's distance)."""
    likeness = {
        kind: dict.fromkeys(("rmse", "psnr_db", "ssim", "visible change"), 1.0) | {"perceptual": near}
        for kind, (near, _) in figures.items()
    }
    embedding = np.random.default_rng(len(name)).normal(size=4)
    asked = JudgeFigures(
        {kind: far for kind, (_, far) in figures.items()},
        {kind: far - 0.1 for kind, (_, far) in figures.items()},
        {kind: embedding for kind in figures},
        embedding,
        None,
    )
    return SitterFigures(sitter(name, rendered), likeness, {"dlib": asked})


SOME = (
    measured("a", False, {"match": (0.0, 0.3), "nearest": (0.04, 0.63), "on the way": (0.5, 0.65)}),
    measured("bb", True, {"match": (0.0, 0.2), "nearest": (0.03, 0.62)}),
    measured("ccc", True, {"match": (0.0, 0.2), "nearest": (0.06, 0.62), "on the way": (0.3, 0.7)}),
)
LINES = {False: {"dlib": 0.6}, True: {"dlib": 0.4}}


def test_sitters_are_new_to_the_generator_and_strangers_do_not_sit():
    lacking = {10100, 10102, 10104, 21096}
    seeds = [seed for seed in (*range(10000, 10106), *range(20000, 21098)) if seed not in lacking]
    names_in_the_archive = [f"{seed:06d}_0" for seed in seeds]
    sitting, strangers = sitters_and_strangers(names_in_the_archive)
    assert sitting[:3] == ["020006_0", "020343_0", "020997_0"]
    assert (len(sitting), len(strangers)) == (UNSEEN, STRANGERS)
    assert not set(sitting) & set(strangers)


def test_two_photographs_of_a_man_are_one_person():
    assert sitter("obama2").person == sitter("obama").person
    assert sitter("000212", rendered=True).person != sitter("00021", rendered=True).person


def test_ratio_is_of_those_who_have_both():
    assert ratios(SOME) == pytest.approx([0.08, 0.2])
    assert ratios(SOME[1:2]) == []


def test_rank_is_in_the_judges_own_metric():
    probe, own, other = np.array([1.0, 0.0]), np.array([9.0, 0.0]), np.array([[1.0, 1.0]])
    assert is_found_first(Named(metric="cosine"), probe, own, other)
    assert not is_found_first(Named(metric="euclidean"), probe, own, other)


def test_the_own_second_entry_is_no_stranger():
    one, two = (measured(name, False, {"match": (0.0, 0.3)}) for name in ("obama", "obama2"))
    entries = gallery_entries("dlib", one, [one, two, SOME[0]], np.zeros((3, 4)))
    assert len(entries) == 4


def test_seeds_go_on_behind_the_last_one():
    assert list(islice(unused_seeds([]), 2)) == [FIRST_SEED, FIRST_SEED + 1]
    assert next(unused_seeds([1000, 1004])) == 1005


def test_attacker_learns_a_step_and_a_linear_way_back():
    random = np.random.default_rng(0)
    x, new = random.normal(size=(200, 5)), random.normal(size=(3, 5))
    turn = random.normal(size=(5, 5))
    back = fit_ridge(x, x @ turn + 2.0, best_ridge_strength(x, x @ turn + 2.0))
    assert back(new) == pytest.approx(new @ turn + 2.0, abs=1e-2)
    few = fit_ridge(x[:2], x[:2] + 1.0, 100.0)
    assert few(new) == pytest.approx(new + 1.0)


def test_tables_and_plot_do_without_a_kind(capsys):
    print_sitters(SOME)
    for who, rendered in GROUPS:
        some = of_group(SOME, rendered)
        print_likeness(who, some, LINES)
        print_verdicts(who, some, LINES[rendered])
        print_ranks(who, some, SOME, [Named()], {"dlib": np.zeros((3, 4))})
    print_frechet(SOME, "dlib")
    printed = capsys.readouterr().out
    assert "| random | 0 | 0 (0) |" in printed
    assert "| nearest | 1 | 1 (0) |" in printed
    assert "| nearest | 2 | 2 (2) |" in printed
    assert "median 0.14, largest 0.2, of 2" in printed
    assert "Too few" in printed
    plot = draw_plot(SOME, LINES)
    assert plot.shape == (1000, 1500, 3) and plot.max() == 255


def test_what_is_kept_is_whole(tmp_path):
    keep_arrays(tmp_path / "pairs.npz", seeds=np.arange(3))
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.npz"]
    assert np.load(tmp_path / "pairs.npz")["seeds"].tolist() == [0, 1, 2]


def test_seconds_are_the_processors_where_they_were_counted():
    assert processor_seconds({"search": 30.0, "nearest": 10.0, "cpu": 20.0}) == (5.0, 20.0)
    assert processor_seconds({"search": 30.0, "nearest": 10.0}) == (10.0, 40.0)
    assert processor_seconds({}) == (0.0, 0.0)
