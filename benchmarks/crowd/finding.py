"""How many faces are found, by size, and what of others is published: `python -m benchmarks.crowd.finding`.

People are the renders of the tests (`tests/data/renders.tar`), cut out, before a room of coloured rectangles
with a camera's noise, at 1280x720. Prints two tables in Markdown.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.faces.detector import box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.publisher import FIRST_FRAMES, Publisher
from tests.support.crowd_kit import HEIGHT, RATE_HZ, WIDTH, Walker, scene
from tests.support.renders import unpack_renders

SIZES_PX = (16, 24, 34, 46, 64, 100, 160)
TURNS_DEG = (0, 15, 30)


def walking(
    x: float, y: float, face_px: float, speed: float, sway_px: float
) -> Callable[[float], tuple[float, float, float]]:
    """A way from a place, at pixels a second to the right, swaying."""
    return lambda t: (x + speed * t + sway_px * np.sin(2 * t), y, face_px)


def recall(faces: list[Path], lookout: Lookout, pictures: int) -> None:
    """A line for each size: the share of faces found in the whole picture, in tiles, and in nine glances."""
    print("| face, px | faces | whole picture | all tiles | nine glances | milliseconds, all tiles |")
    print("|---|---|---|---|---|---|")
    random = np.random.default_rng(0)
    for size in SIZES_PX:
        found, total, took_s = np.zeros(3, int), 0, 0.0
        step = max(110, int(2.4 * size))
        xs = range(step // 2, WIDTH - step // 2 + 1, step)
        places = [(x, y) for y in range(step // 2, HEIGHT - step // 2 + 1, step) for x in xs][:24]
        for _ in range(pictures):
            chosen = random.integers(0, len(faces), len(places))
            walkers = [
                Walker(faces[i], walking(x, y, size, 0, 0), float(random.choice(TURNS_DEG)))
                for i, (x, y) in zip(chosen.tolist(), places, strict=True)
            ]
            picture = scene(walkers, 0.0).picture
            began_s = time.process_time()
            tiles = lookout.search(picture)
            took_s += time.process_time() - began_s
            glances = [head for number in range(9) for head in lookout.glance(picture, number)]
            whole = lookout.about(picture, (0.0, 0.0, float(WIDTH), float(HEIGHT)))
            for column, heads in enumerate((whole, tiles, glances)):
                found[column] += sum(any(box_contains(h.box_px, place) for h in heads) for place in places)
            total += len(places)
        shares = " | ".join(f"{share:.2f}" for share in found / total)
        print(f"| {size} | {total} | {shares} | {1000 * took_s / pictures:.0f} |", flush=True)


def leaks(faces: list[Path], lookout: Lookout, mesh: FaceMesh, clips: int) -> None:
    """Passers-by before and behind somebody who decided to be seen: whose pixels are published."""
    random = np.random.default_rng(1)
    frames = own = leaked = 0
    took_ms: list[float] = []
    for _ in range(clips):
        sitter, *others = (faces[i] for i in random.choice(len(faces), 4, replace=False))
        size = random.uniform(100, 260)
        walkers = [Walker(sitter, walking(640, 360, size, 0, 8))]
        for other in others:
            speed, y = random.uniform(-900, 900), 360 + random.uniform(-150, 150)
            wide = random.uniform(40, 280)
            start = -100 if speed > 0 else WIDTH + 100
            walkers.append(Walker(other, walking(start, y, wide, speed, 0)))
        front = random.random() < 0.5
        walkers = walkers if front else walkers[::-1]
        number = walkers.index(next(w for w in walkers if w.render == sitter))
        publisher = Publisher(lookout, mesh)
        for frame in range(45):
            seen = scene(walkers, frame / RATE_HZ)
            began_s = time.process_time()
            published = publisher.publish(seen.picture, frame / RATE_HZ).max(axis=2) > 0
            took_ms.append(1000 * (time.process_time() - began_s))
            if FIRST_FRAMES < frame < 20:
                for track in publisher.crowd.tracks:
                    if box_contains(track.head.box_px, (640, 360)) and not track.decision:
                        publisher.decide(track.number, Decision.REAL)
            own += bool((published & (seen.owners == number)).any())
            leaked += int((published & (seen.owners >= 0) & (seen.owners != number)).sum())
            frames += 1
    print(
        "\n| frames | showed the sitter | pixels of others | CPU ms a frame, median, p95 |\n|---|---|---|---|"
    )
    median, p95 = np.percentile(took_ms, [50, 95])
    print(f"| {frames} | {own} | {leaked} | {median:.0f}, {p95:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=3, help="pictures a size")
    parser.add_argument("--clips", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        unpack_renders(Path(folder))
        faces = sorted(Path(folder).glob("*.webp"))
        lookout, mesh = Lookout(MediaPipeDetector()), FaceMesh()
        recall(faces, lookout, arguments.pictures)
        leaks(faces, lookout, mesh, arguments.clips)


if __name__ == "__main__":
    main()
