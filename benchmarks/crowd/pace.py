"""How long looking at six people and drawing them takes: `python -m benchmarks.crowd.pace`.

At 1280x720, by the gathering's own tracker, which is given thirty frames a second and looks at every third;
alone, and while an engine in a process of its own searches on another core. Wall time and processor time of
the frames that are looked at, wall time for each frame of the camera, and the ratio of both wall times.
Prints a table in Markdown. `taskset -c 0` gives the tracker one core; `--engine_core` is the engine's.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from benchmarks.crowd.steadiness import bank_of_one
from benchmarks.stage import BusyEngine
from engine.live.crowd.bank import Bank
from engine.live.crowd.decision import Decision
from hardware.camera.base import Frame
from installation.capture.group_tracker import GroupTracker
from installation.settings.configuration import DEFAULT, load
from tests.support.crowd_kit import RATE_HZ, WIDTH, Walker, scene
from tests.support.renders import unpack_renders

PEOPLE, FACE_PX, SETTLED = 6, 100.0, 60
Times = list[tuple[float, float]]
"""Wall and processor milliseconds of each frame that was looked at."""


def frames_of(folder: Path, count: int) -> Iterator[Frame]:
    """Six people side by side."""
    faces = sorted(unpack_renders(folder).glob("*.webp"))
    places = [(WIDTH * (number + 0.5) / PEOPLE, 360.0, FACE_PX) for number in range(PEOPLE)]
    walkers = [Walker(faces[7 * number], lambda _, at=place: at) for number, place in enumerate(places)]  # type: ignore[misc]
    pictures = [scene(walkers, number / RATE_HZ).picture for number in range(30)]
    for number in range(count):
        yield Frame(pictures[number % len(pictures)], number / RATE_HZ, number, is_mirrored=True)


def times_of(folder: Path, count: int, bank: Bank, everybody_real: bool) -> Times:
    """Follows six people; all of them are seen, or in the place of each is a nobody."""
    tracker, times = GroupTracker(), Times()
    tracker.show_nobodies(bank)
    for frame in frames_of(folder, count):
        wall_s, processor_s = time.perf_counter(), time.process_time()
        before = tracker.gathered
        tracker.look(frame)
        if tracker.gathered is before or tracker.gathered is None:
            continue
        if frame.index > SETTLED:
            times.append((1000 * (time.perf_counter() - wall_s), 1000 * (time.process_time() - processor_s)))
        for head in tracker.gathered.heads:
            if everybody_real and head.decision is None:
                tracker.decide(head.number, Decision.REAL)
    tracker.close()
    return times


@contextmanager
def searching_engine(core: int) -> Iterator[None]:
    """An engine that searches without end, on one core."""
    whole = load(DEFAULT)
    configuration = whole.model_copy(update={"search": whole.search.model_copy(update={"threads": 1})})
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # the engine's process inherits it
    try:
        with BusyEngine(configuration) as engine:
            os.sched_setaffinity(0, own)
            while engine.searches == 0:
                time.sleep(0.2)
            yield
    finally:
        os.sched_setaffinity(0, own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=600, help="of the camera")
    parser.add_argument("--engine_core", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    poses = bank_of_one().poses[1]
    bank = Bank({number: poses for number in range(1, PEOPLE + 1)})
    found: dict[tuple[str, str], Times] = {}
    with tempfile.TemporaryDirectory() as name:

        def measure(beside: str) -> None:
            for drawn, real in (("all real", True), ("all nobodies", False)):
                found[drawn, beside] = times_of(Path(name), arguments.frames, bank, real)

        measure("alone")
        with searching_engine(arguments.engine_core):
            measure("while an engine searches")
    looked_share = len(next(iter(found.values()))) / (arguments.frames - SETTLED - 1)
    print(f"one frame in {1 / looked_share:.1f} is looked at; load {os.getloadavg()[0]:.1f}\n")
    print("| drawn | beside | looked at, ms, median, p95 | processor, ms | a camera frame, ms | ratio |")
    print("|---|---|---|---|---|---|")
    for (drawn, beside), times in found.items():
        wall, processor = np.array(times).T
        middle, high = np.percentile(wall, (50, 95))
        alone = float(np.median([each for each, _ in found[drawn, "alone"]]))
        print(
            f"| {drawn} | {beside} | {middle:.0f}, {high:.0f} | {np.median(processor):.0f} | "
            f"{middle * looked_share:.0f} | {middle / alone:.2f} |"
        )


if __name__ == "__main__":
    main()
