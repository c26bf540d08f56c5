"""What is pure in `benchmarks/carry.py`: sitters, ranks, the attacker's regression, tables without a kind."""

from itertools import islice

import numpy as np
import pytest
import torch

from benchmarks import carry
from engine.faces.alignment import Portrait
from engine.inversion.projection import Place
from engine.judges.dlib import DlibJudge


class Named(DlibJudge):
    """A judge of which only metric and name are asked."""

    def __init__(self, name="dlib", metric="euclidean"):
        self.name, self.metric = name, metric


def sitter(name, rendered=False):
    portrait = Portrait(np.zeros((8, 8, 3), np.uint8), np.zeros((478, 2), np.float32), np.eye(2, 3))
    return carry.Sitter(name, rendered, portrait, None, Place(torch.zeros(1)), {})


def measured(name, rendered, figures):
    """figures: kind -> (perceptual distance, dlib's distance)."""
    likeness = {
        kind: dict.fromkeys(("rmse", "psnr_db", "ssim", "visible change"), 1.0) | {"perceptual": near}
        for kind, (near, _) in figures.items()
    }
    embedding = np.random.default_rng(len(name)).normal(size=4)
    asked = carry.Asked(
        {kind: far for kind, (_, far) in figures.items()},
        {kind: far - 0.1 for kind, (_, far) in figures.items()},
        {kind: embedding for kind in figures},
        embedding,
        None,
    )
    return carry.Measured(sitter(name, rendered), likeness, {"dlib": asked})


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
    sitting, strangers = carry.of_the_wider_shapes(names_in_the_archive)
    assert sitting[:3] == ["020006_0", "020343_0", "020997_0"]
    assert (len(sitting), len(strangers)) == (carry.UNSEEN, carry.STRANGERS)
    assert not set(sitting) & set(strangers)


def test_two_photographs_of_a_man_are_one_person():
    assert sitter("obama2").person == sitter("obama").person
    assert sitter("000212", rendered=True).person != sitter("00021", rendered=True).person


def test_ratio_is_of_those_who_have_both():
    assert carry.ratios(SOME) == pytest.approx([0.08, 0.2])
    assert carry.ratios(SOME[1:2]) == []


def test_rank_is_in_the_judges_own_metric():
    probe, own, other = np.array([1.0, 0.0]), np.array([9.0, 0.0]), np.array([[1.0, 1.0]])
    assert carry.found_first(Named(metric="cosine"), probe, own, other)
    assert not carry.found_first(Named(metric="euclidean"), probe, own, other)


def test_the_own_second_entry_is_no_stranger():
    one, two = (measured(name, False, {"match": (0.0, 0.3)}) for name in ("obama", "obama2"))
    entries = carry.entries_of_others("dlib", one, [one, two, SOME[0]], np.zeros((3, 4)))
    assert len(entries) == 4


def test_seeds_go_on_behind_the_last_one():
    assert list(islice(carry.unused_seeds([]), 2)) == [carry.FIRST_SEED, carry.FIRST_SEED + 1]
    assert next(carry.unused_seeds([1000, 1004])) == 1005


def test_attacker_learns_a_step_and_a_linear_way_back():
    random = np.random.default_rng(0)
    x, new = random.normal(size=(200, 5)), random.normal(size=(3, 5))
    turn = random.normal(size=(5, 5))
    back = carry.way_back(x, x @ turn + 2.0, carry.best_strength(x, x @ turn + 2.0))
    assert back(new) == pytest.approx(new @ turn + 2.0, abs=1e-2)
    few = carry.way_back(x[:2], x[:2] + 1.0, 100.0)
    assert few(new) == pytest.approx(new + 1.0)


def test_tables_and_plot_do_without_a_kind(capsys):
    carry.print_sitters(SOME)
    for who, rendered in carry.GROUPS:
        some = carry.of(SOME, rendered)
        carry.print_likeness(who, some, LINES)
        carry.print_verdicts(who, some, LINES[rendered])
        carry.print_ranks(who, some, SOME, [Named()], {"dlib": np.zeros((3, 4))})
    carry.print_frechet(SOME, "dlib")
    printed = capsys.readouterr().out
    assert "| random | 0 | 0 (0) |" in printed
    assert "| nearest | 1 | 1 (0) |" in printed
    assert "| nearest | 2 | 2 (2) |" in printed
    assert "median 0.14, largest 0.2, of 2" in printed
    assert "Too few" in printed
    plot = carry.draw_plot(SOME, LINES)
    assert plot.shape == (1000, 1500, 3) and plot.max() == 255


def test_what_is_kept_is_whole(tmp_path):
    carry.keep_arrays(tmp_path / "pairs.npz", seeds=np.arange(3))
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.npz"]
    assert np.load(tmp_path / "pairs.npz")["seeds"].tolist() == [0, 1, 2]


def test_seconds_are_the_processors_where_they_were_counted():
    assert carry.processor_seconds({"search": 30.0, "nearest": 10.0, "cpu": 20.0}) == (5.0, 20.0)
    assert carry.processor_seconds({"search": 30.0, "nearest": 10.0}) == (10.0, 40.0)
    assert carry.processor_seconds({}) == (0.0, 0.0)
