"""Two decoders: `python -m benchmarks.decoders speed` and `... curve FOLDER --out PNG`.

speed: pictures that each layout learns from in a second, on random faces, in the processor's fastest numbers.
curve: how far the decoders of `kiosk deepfake train` are from the faces held back, over time.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch

from engine.common.atomic_file import write_bytes
from engine.inversion.projection import fast_dtype
from engine.live.decoders.faces import Faces, Lessons, flow_of
from engine.live.decoders.layout import LAYOUTS, Layout
from engine.live.decoders.network import Side, TwoDecoders
from engine.live.decoders.training import Trainer
from installation.outputs.marks import png_bytes
from installation.stage.canvas import WHITE, Align, Canvas, grey

STEPS = 2
MOST_BATCH = 16  # of 2017's 64 pictures a step takes half a minute on one core
WIDTH, HEIGHT = 1600, 900
LEFT, RIGHT, TOP, BOTTOM = 160, 1300, 80, 780


def main() -> None:
    """Runs the chosen measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("speed")
    curve = actions.add_parser("curve")
    curve.add_argument("folder", type=Path)
    curve.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.action == "curve":
        write_bytes(arguments.out, draw_curves(arguments.folder))
        return
    for layout in LAYOUTS.values():
        of_clock, of_processor = pictures_a_second(layout)
        print(
            f"{layout.name:<12} {of_clock:6.1f} a second, {of_processor:6.1f} a second of processor time, "
            f"{str(fast_dtype(torch.device('cpu'))).removeprefix('torch.')}"
        )


def pictures_a_second(layout: Layout) -> tuple[float, float]:
    """By the clock, and by the time of all processors; the first step is not counted."""
    dice = torch.Generator().manual_seed(0)
    shape = (16, 4, layout.side_px, layout.side_px)
    faces = Faces(np.arange(16), torch.randint(256, shape, generator=dice, dtype=torch.uint8))
    lesson = Lessons(faces, faces, faces, flow_of(faces))
    lessons: dict[Side, Lessons] = {"a": lesson, "b": lesson}
    trainer = Trainer(TwoDecoders(layout), lessons)
    trainer.batch = min(MOST_BATCH, layout.batch)
    trainer.step()
    begun = trainer.progress.pictures, time.perf_counter(), time.process_time()
    for _ in range(STEPS):
        trainer.step()
    learned = trainer.progress.pictures - begun[0]
    return learned / (time.perf_counter() - begun[1]), learned / (time.process_time() - begun[2])


def draw_curves(folder: Path) -> bytes:
    """A PNG of all curves in the folder: grey levels from the held faces, over minutes of training."""
    curves = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open() as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        curves[path.stem] = rows
    every = [row for rows in curves.values() for row in rows]
    highest = 1.1 * max(max(row["held_grey"], row["frozen_grey"]) for row in every)
    longest_s = max(row["seconds"] for row in every)
    canvas = Canvas(WIDTH, HEIGHT)

    def at(seconds: float, value: float) -> tuple[float, float]:
        share = min(value, highest) / highest
        return LEFT + (RIGHT - LEFT) * seconds / longest_s, BOTTOM - (BOTTOM - TOP) * share

    canvas.text("grey levels from B, on faces held back", (LEFT, TOP - 24), 30, 400, grey(165))
    canvas.polyline([at(0, 0), at(longest_s, 0)], 2, grey(70))
    for value in range(0, int(highest) + 1, max(1, int(highest) // 5)):
        canvas.text(str(value), (LEFT - 20, at(0, value)[1] + 10), 28, 400, grey(165), align=Align.RIGHT)
    for second in np.linspace(0, longest_s, 5):
        place = at(float(second), 0)
        canvas.text(f"{second:.0f} s", (place[0], BOTTOM + 44), 28, 400, grey(165), align=Align.MIDDLE)
    for name, rows in curves.items():
        points = [at(row["seconds"], row["held_grey"]) for row in rows]
        canvas.polyline(points, 5, WHITE)
        canvas.text(name, (RIGHT + 16, points[-1][1] + 10), 30, 600)
    frozen = next(iter(curves.values()))[0]["frozen_grey"]
    canvas.dashed_polyline([at(0, frozen), at(longest_s, frozen)], (14, 14), 3, grey(205))
    canvas.text("B's mean picture", (RIGHT + 16, at(0, frozen)[1] + 10), 30, 400, grey(205))
    return png_bytes(canvas.rgb)


if __name__ == "__main__":
    main()
