"""Prints the tables of docs/limits.md, in Markdown."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.carry.attacker import print_attacker
from benchmarks.carry.measuring import (
    Array,
    SitterFigures,
    gallery_entries,
    gallery_of_strangers,
    is_found_first,
    measure,
    thresholds_for_renders,
)
from benchmarks.carry.pictures import draw_plot
from benchmarks.carry.sitters import GROUPS, KINDS, Sitter, load
from benchmarks.recognisers import recognisers
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.inversion.target import face_importance
from engine.judges.base import Judge
from engine.judges.judging import judge_pictures, judge_worst_case
from engine.judges.registry import panel
from engine.perceptual.frechet import frechet_distance
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid

FRECHET_AXES = 8


def print_tables(work: Path, models: Path, only: Sequence[str], plot: Path | None) -> None:
    lines = thresholds_for_renders(work, models)
    recognising = [*panel(["dlib"]), *recognisers(models)]
    judges = [*recognising, *panel(["anthropometry"])]
    with FaceAnalyser() as finder:
        measured = [measure(work, sitter, judges, finder) for sitter in load(work, only)]
        strangers = gallery_of_strangers(work, recognising, finder)
    rendered = sum(figures.rendered for figures in measured)
    print(f"\n{len(measured)} sitters, {rendered} of them rendered; {torch.get_num_threads()} thread")
    if not measured:
        return
    thresholds = {
        was: {j.name: lines.get(j.name, j.threshold) if was else j.threshold for j in judges}
        for was in (False, True)
    }
    print_sitters(measured)
    for who, some in (("all", measured), *((who, of_group(measured, was)) for who, was in GROUPS)):
        print_likeness(who, some, thresholds)
    print_frechet(measured, recognising[-1].name)
    for who, was in GROUPS:
        print_verdicts(who, of_group(measured, was), thresholds[was])
        print_ranks(who, of_group(measured, was), measured, recognising, strangers)
        print_left_out(work, who, of_group(measured, was), recognising, thresholds[was])
    print_attacker(work, measured, recognising[0], strangers["dlib"])
    if plot:
        Image.fromarray(draw_plot(measured, thresholds)).save(plot, optimize=True)


def of_group(measured: Sequence[SitterFigures], rendered: bool) -> list[SitterFigures]:
    return [figures for figures in measured if figures.rendered == rendered]


def ratios(measured: Sequence[SitterFigures]) -> list[float]:
    """The nearest one's perceptual distance to the match, as a share of that of the one on the way; of
    those who have both."""
    return [
        figures.likeness["nearest"]["perceptual"] / figures.likeness["on the way"]["perceptual"]
        for figures in measured
        if {"nearest", "on the way"} <= figures.likeness.keys()
    ]


def summary(values: Sequence[float], unit: str = "") -> str:
    if not values:
        return "none"
    return f"median {np.median(values):.3g}{unit}, largest {max(values):.3g}{unit}, of {len(values)}"


def print_sitters(measured: Sequence[SitterFigures]) -> None:
    print("\nPerceptual distance to the match; border of the second continuum; seconds of one core\n")
    print(
        "| | given | on the way | nearest | ratio | t | width | mean, max difference | dlib | nearest | all |"
    )
    print("|---|---|" + "---:|" * 9)
    for figures in measured:
        way, near = (figures.likeness.get(kind, {}).get("perceptual") for kind in ("on the way", "nearest"))
        ratio = f"{near / way:.3f}" if near and way else ""
        shown = " | ".join("" if value is None else f"{value:.3f}" for value in (way, near))
        border, seconds = figures.sitter.border, figures.sitter.seconds
        cells = ["", "", "", ""]
        if border:
            cells = [
                f"{border.t:.3f}",
                f"{border.width:.4f}",
                f"{border.mean_abs_diff:.3f}, {border.max_abs_diff}",
                f"{border.same.verdict.distance:.4f} same, {border.other.verdict.distance:.4f} else",
            ]
        searching, whole = processor_seconds(seconds)
        print(
            f"| {figures.sitter.name} | {figures.sitter.given} | {shown} | {ratio} | "
            + " | ".join(cells)
            + f" | {searching:.1f} | {whole:.0f} |"
        )
    borders = [figures.sitter.border for figures in measured if figures.sitter.border]
    for who, some in (("all", list(measured)), *((who, of_group(measured, was)) for who, was in GROUPS)):
        print(f"\nratio, {who}: {summary(ratios(some))}")
    print(f"\nborder, mean difference: {summary([border.mean_abs_diff for border in borders])}")
    print(f"border, largest difference: {summary([float(border.max_abs_diff) for border in borders])}")
    differing = sum(border.low.verdict.same != border.high.verdict.same for border in borders)
    print(f"borders with differing verdicts: {differing}")
    times = [processor_seconds(figures.sitter.seconds) for figures in measured]
    print(f"the nearest one, of one core: {summary([nearest for nearest, _ in times], ' s')}")
    print(f"all of it, of one core: {summary([whole for _, whole in times], ' s')}")
    for stage in sorted({stage for figures in measured for stage in figures.sitter.seconds} - {"cpu"}):
        taken = [figures.sitter.seconds.get(stage, 0) for figures in measured]
        print(f"{stage}, by the clock: {summary(taken, ' s')}, least {min(taken):.1f} s")


def processor_seconds(seconds: Mapping[str, float]) -> tuple[float, float]:
    """Of the search for the nearest one, and of everything: what the processor has worked, on a machine that
    may be busy with other things; the search's share is that of the clock."""
    stages = sum(value for stage, value in seconds.items() if stage != "cpu")
    whole = seconds.get("cpu", stages)
    return (whole * seconds.get("nearest", 0.0) / stages if stages else 0.0), whole


def print_likeness(who: str, some: Sequence[SitterFigures], thresholds: dict[bool, dict[str, float]]) -> None:
    names = ("rmse", "psnr_db", "ssim", "perceptual", "visible change")
    judges = list(thresholds[False])
    print(f"\nLikeness to the match, and each judge's distance from the portrait in thresholds; {who}\n")
    print("| | sitters | " + " | ".join((*names, *judges)) + " |")
    print("|---|" + "---:|" * (len(names) + len(judges) + 1))
    for kind in KINDS:
        having = [figures for figures in some if kind in figures.likeness]
        if not having:
            print(f"| {kind} | 0 |" + " |" * (len(names) + len(judges)))
            continue
        values = [np.median([figures.likeness[kind][name] for figures in having]) for name in names]
        values += [
            np.median(
                [figures.by_judge[j].distance[kind] / thresholds[figures.rendered][j] for figures in having]
            )
            for j in judges
        ]
        print(f"| {kind} | {len(having)} | " + " | ".join(f"{value:.3g}" for value in values) + " |")


def print_frechet(measured: Sequence[SitterFigures], judge: str) -> None:
    """Of those who have every kind, in the directions in which all matches differ most."""
    whole = [figures for figures in measured if set(KINDS) <= figures.likeness.keys()]
    axes = min(FRECHET_AXES, len(whole) - 2)
    if axes < 1:
        print("\nToo few sitters have all four pictures for a Fréchet distance")
        return
    matches = unit_vectors([figures.by_judge[judge].probe["match"] for figures in measured])
    ways = np.linalg.svd(matches - matches.mean(0), full_matrices=False)[2][:axes].T
    sets = {
        kind: unit_vectors([figures.by_judge[judge].probe[kind] for figures in whole]) @ ways
        for kind in KINDS
    }
    print(f"\nFréchet distance to the matches ({judge}, {axes} axes, {len(whole)} sitters)\n")
    for kind in KINDS:
        print(f"- {kind}: {abs(frechet_distance(sets[kind], sets['match'])):.4f}")


def unit_vectors(vectors: Sequence[Array]) -> Array:
    """(N, D), each of length one."""
    stacked = np.stack(vectors)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def print_verdicts(who: str, some: Sequence[SitterFigures], thresholds: Mapping[str, float]) -> None:
    print(f"\nSomeone else, {who}; in brackets: in the worst case too\n")
    print("| | sitters | " + " | ".join(f"{name} ({line:.3g})" for name, line in thresholds.items()) + " |")
    print("|---|" + "---:|" * (len(thresholds) + 1))
    for kind in KINDS:
        having = [figures for figures in some if kind in figures.likeness]
        cells = []
        for name, line in thresholds.items():
            beyond = [figures for figures in having if figures.by_judge[name].distance[kind] > line]
            cells.append(f"{len(beyond)} ({sum(o.by_judge[name].worst[kind] > line for o in beyond)})")
        print(f"| {kind} | {len(having)} | " + " | ".join(cells) + " |")


def print_ranks(
    who: str,
    some: Sequence[SitterFigures],
    everybody: Sequence[SitterFigures],
    judges: Sequence[Judge],
    strangers: Mapping[str, Array],
) -> None:
    for other_shot, what in ((False, "the portrait itself"), (True, "another photograph")):
        print(f"\nFound first in a gallery that holds {what}, {who}\n")
        print("| | " + " | ".join(judge.name for judge in judges) + " |")
        print("|---|" + "---:|" * len(judges))
        for kind in KINDS:
            cells = []
            for judge in judges:
                firsts = []
                for figures in some:
                    asked = figures.by_judge[judge.name]
                    own = asked.other_shot if other_shot else asked.portrait
                    if kind not in figures.likeness or own is None:
                        continue
                    others = gallery_entries(judge.name, figures, everybody, strangers[judge.name])
                    firsts.append(is_found_first(judge, asked.probe[kind], own, others))
                cells.append(f"{sum(firsts)} of {len(firsts)}")
            print(f"| {kind} | " + " | ".join(cells) + " |")


def print_left_out(
    work: Path,
    who: str,
    some: Sequence[SitterFigures],
    judges: Sequence[Judge],
    thresholds: Mapping[str, float],
) -> None:
    """What the judge left out says, of the same sitters' match, of their nearest one under dlib alone, and of
    what was found without it."""
    print(f"\nLeft out of the search, and asked afterwards, {who}; in brackets: in the worst case too\n")
    print("| left out | found | someone else | of the match | of the one for dlib alone | perceptual |")
    print("|---|" + "---:|" * 5)
    for name in (*(judge.name for judge in judges), "nobody"):
        searched, having, beyond, changes = 0, [], [], []
        for figures in some:
            path = work / f"{figures.sitter.name}.left"
            found = pickle.loads(path.read_bytes()) if path.exists() else {}
            searched += name in found
            picture = found.get(name)
            if picture is None:
                continue
            having.append(figures)
            changes.append(perceptual(figures.sitter, picture))
            if name == "nobody":
                continue
            (judge,) = (judge for judge in judges if judge.name == name)
            reference = figures.sitter.reference(judge)
            (plain,) = judge_pictures(judge, reference, [picture])
            (worst,) = judge_worst_case(judge, reference, [picture])
            beyond.append((plain.distance > thresholds[name], worst.worst_distance > thresholds[name]))
        if not searched:
            continue
        cells = [f"{len(having)} of {searched}", "", "", ""]
        if name != "nobody":
            cells[1] = f"{sum(a for a, _ in beyond)} ({sum(a and b for a, b in beyond)}) of {len(beyond)}"
            for i, kind in ((2, "match"), (3, "nearest")):
                known = [
                    figures.by_judge[name].distance[kind] for figures in having if kind in figures.likeness
                ]
                cells[i] = f"{sum(d > thresholds[name] for d in known)} of {len(known)}"
        median = f"{np.median(changes):.3f}" if changes else ""
        print(f"| {name} | " + " | ".join(cells) + f" | {median} |")


@torch.no_grad()
def perceptual(sitter: Sitter, picture: Pixels) -> float:
    """The perceptual distance from the match."""
    match, other = (
        torch.tensor(shown).permute(2, 0, 1)[None].float() / 127.5 - 1
        for shown in (sitter.pictures["match"], picture)
    )
    importance = face_importance(sitter.portrait, match.shape[-1])
    return float(NormalisedLaplacianPyramid().towards(match, importance)(other))
