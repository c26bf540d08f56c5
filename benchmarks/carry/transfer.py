"""Whether a doppelgänger convinces a judge that its search left out, by `doppelganger/reach`.

Of the recognisers each is left out in turn; the first of the others binds, as dlib does in the installation.
For reach 0 the search is *nearest*, above it *beyond*. Afterwards every judge is asked. A search takes about
a minute on one core.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.carry.measuring import thresholds_for_renders, visible_change
from benchmarks.carry.portraying import MARGIN, someone_else_check
from benchmarks.carry.sitters import GROUPS, Sitter, embedded_generator, load
from benchmarks.recognisers import OPERATING_POINT, recognisers
from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.faces.analyser import FaceAnalyser
from engine.finders.base import Doppelganger, FinderTask, JudgeConstraint
from engine.finders.beyond import with_reach
from engine.finders.nearest import NearestFinder, NearestSettings
from engine.inversion.projection import fast_dtype, median_face
from engine.judges.base import Judge
from engine.judges.calibration import Rate
from engine.judges.judging import judge_pictures, judge_worst_case
from engine.judges.registry import panel
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.network import Generator

LARGEST_CHANGE = PortrayalSettings().most_visible_change


@dataclass(frozen=True)
class Searched:
    """One search without one judge. distance, worst: of all judges, in their thresholds, by name; empty where
    nothing was found. perceptual, visible_change: from the match. cpu_s: processor time."""

    sitter: str
    rendered: bool
    left_out: str
    reach: float
    distance: dict[str, float]
    worst: dict[str, float]
    perceptual: float
    visible_change: float
    cpu_s: float

    @property
    def found(self) -> bool:
        return bool(self.distance)


def search_transfer(work: Path, models: Path, only: Sequence[str], reaches: Sequence[float]) -> None:
    """Searches for every sitter, reach and judge left out what is not in WORK yet."""
    network = embedded_generator()
    lines = thresholds_for_renders(work, models)
    asked = panel(["anthropometry"])
    with FaceAnalyser() as finder:
        for reach in reaches:
            for sitter in load(work, only):
                judges = [
                    *panel(["dlib"]),
                    *recognisers(models, lines if sitter.rendered else OPERATING_POINT),
                ]
                change = visible_change(sitter, finder)
                for left in judges:
                    path = _path(work, sitter.name, left.name, reach)
                    if path.with_suffix(".transfer").exists():
                        continue
                    searched = [judge for judge in judges if judge is not left]
                    began_s = time.process_time()
                    found = search(network, sitter, searched, reach, change)
                    cpu_s = time.process_time() - began_s
                    kept = _ask(sitter, left.name, reach, found, [*judges, *asked], change, cpu_s)
                    if found is not None:
                        Image.fromarray(found.picture).save(path.with_suffix(".png"))
                    write_bytes(path.with_suffix(".transfer"), json.dumps(asdict(kept)).encode())
                    print(kept, flush=True)


def _path(work: Path, sitter: str, left_out: str, reach: float) -> Path:
    return work / f"{sitter}-{left_out}-{reach:.0%}"


def search(
    network: Generator, sitter: Sitter, judges: Sequence[Judge], reach: float, change: VisibleChange
) -> Doppelganger | None:
    """What the installation would find with these judges, of whom the first binds; in the plain metric."""
    binding, *others = judges
    task = FinderTask(
        generator=network,
        continuum=Continuum(network, median_face(network), sitter.match),
        border_t=1.0,
        recognised_throughout=False,
        constraints=[JudgeConstraint(binding, sitter.reference(binding), binding.threshold * (1 + MARGIN))],
        others=[JudgeConstraint(judge, sitter.reference(judge), judge.threshold) for judge in others],
        holds=someone_else_check(sitter, [binding]),
        match_holds=False,
        change=change,
        most_visible_change=LARGEST_CHANGE,
        portrait_distance=lambda _: 0.0,
    )
    settings = NearestSettings(dtype=fast_dtype(torch.device("cpu")))
    (finder,) = with_reach([NearestFinder(settings)], reach)
    return finder.find(task)


def _ask(
    sitter: Sitter,
    left_out: str,
    reach: float,
    found: Doppelganger | None,
    judges: Sequence[Judge],
    change: VisibleChange,
    cpu_s: float,
) -> Searched:
    distance, worst = {}, {}
    measured = None if found is None else change.measure(found.picture)
    if found is not None:
        for judge in judges:
            reference = sitter.reference(judge)
            (plain,) = judge_pictures(judge, reference, [found.picture])
            (hard,) = judge_worst_case(judge, reference, [found.picture])
            distance[judge.name] = plain.distance / judge.threshold
            worst[judge.name] = hard.worst_distance / judge.threshold
    return Searched(
        sitter.name,
        sitter.rendered,
        left_out,
        reach,
        distance,
        worst,
        measured.perceptual if measured else np.inf,
        measured.total if measured else np.inf,
        cpu_s,
    )


def print_transfer(work: Path) -> None:
    """The table of docs/limits.md, and transfer.png in WORK: match, then one picture for each reach."""
    everything = [Searched(**json.loads(path.read_text())) for path in sorted(work.glob("*.transfer"))]
    print(
        "| | reach | found | left out: someone else [95 %] | its distance, in thresholds | perceptual "
        "| visible change |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for who, rendered in GROUPS:
        for reach in sorted({each.reach for each in everything}):
            some = [each for each in everything if (each.rendered, each.reach) == (rendered, reach)]
            having = [each for each in some if each.found]
            if not having:
                continue
            distances = [each.distance[each.left_out] for each in having]
            beyond = Rate(sum(distance > 1 for distance in distances), len(having))
            low, high = beyond.interval
            print(
                f"| {who} | {reach:g} | {len(having)} of {len(some)} "
                f"| {beyond.count} of {beyond.trials} [{low:.0%}, {high:.0%}] "
                f"| {np.median(distances):.2f} | {np.median([each.perceptual for each in having]):.1f} "
                f"| {np.median([each.visible_change for each in having]):.1f} |"
            )
    _save_sheet(work, everything)


def _save_sheet(work: Path, everything: Sequence[Searched], px: int = 256) -> None:
    reaches = sorted({each.reach for each in everything})
    rows: list[Pixels] = []
    for sitter in load(work, ()):
        for left_out in sorted({each.left_out for each in everything if each.sitter == sitter.name}):
            row = [sitter.pictures["match"]]
            for reach in reaches:
                path = _path(work, sitter.name, left_out, reach).with_suffix(".png")
                shown = np.array(Image.open(path)) if path.exists() else np.zeros((px, px, 3), np.uint8)
                row.append(shown)
            rows.append(np.hstack([np.asarray(cv2.resize(each, (px, px)), np.uint8) for each in row]))
    if rows:
        Image.fromarray(np.vstack(rows)).save(work / "transfer.png")
