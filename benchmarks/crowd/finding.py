"""How many faces are found, by size and by how far they turn: `python -m benchmarks.crowd.finding`.

People are renders of the tests, cut out, before a room of coloured rectangles with a camera's noise, at
1280x720. Prints tables in Markdown.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.faces.detector import box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.live.crowd.lookout import Lookout
from tests.support.crowd_kit import HEIGHT, WIDTH, Walker, scene
from tests.support.renders import RENDERS, TURNED_RENDERS, unpack_renders

SIZES_PX = (16, 24, 34, 46, 64, 100, 160)
TILTS_DEG = (0, 15, 30)
YAWS_DEG, TURNED_PX = (30, 45, 60), (34, 64, 100, 200)
GLANCES = 9  # after so many every tile was looked at


def found_of(
    faces: Sequence[Path], size_px: int, lookout: Lookout, pictures: int, random: np.random.Generator
) -> tuple[int, NDArray[np.int_], float]:
    """Faces in pictures full of them; how many were found in the whole picture, in all tiles, and in live
    glances; and seconds of processor time that all tiles of a picture took."""
    found, total, took_s = np.zeros(3, int), 0, 0.0
    step = max(110, int(2.4 * size_px))
    xs = range(step // 2, WIDTH - step // 2 + 1, step)
    places = [(x, y) for y in range(step // 2, HEIGHT - step // 2 + 1, step) for x in xs][:24]
    for _ in range(pictures):
        walkers = [
            Walker(faces[int(random.integers(len(faces)))], lambda _, at=at: (*at, size_px), tilt)  # type: ignore[misc]
            for at, tilt in zip(places, random.choice(TILTS_DEG, len(places)).tolist(), strict=True)
        ]
        picture = scene(walkers, 0.0).picture
        began_s = time.process_time()
        tiles = lookout.search(picture)
        took_s += time.process_time() - began_s
        glances = [head for number in range(GLANCES) for head in lookout.glance(picture, number)]
        whole = lookout.about(picture, (0.0, 0.0, float(WIDTH), float(HEIGHT)))
        for column, heads in enumerate((whole, tiles, glances)):
            found[column] += sum(any(box_contains(head.box_px, at) for head in heads) for at in places)
        total += len(places)
    return total, found, took_s / pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=3, help="pictures a size")
    pictures = parser.parse_args().pictures
    lookout, random = Lookout(MediaPipeDetector()), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        faces = sorted(unpack_renders(Path(folder) / "straight", RENDERS).glob("*.webp"))
        turned = sorted(unpack_renders(Path(folder) / "turned", TURNED_RENDERS).glob("*.webp"))
        print("| face, px | faces | whole picture | all tiles | nine glances | ms, all tiles |")
        print("|---|---|---|---|---|---|")
        for size_px in SIZES_PX:
            total, found, took_s = found_of(faces, size_px, lookout, pictures, random)
            shares = " | ".join(f"{share:.2f}" for share in found / total)
            print(f"| {size_px} | {total} | {shares} | {1000 * took_s:.0f} |", flush=True)
        print("\n| turned aside | " + " | ".join(f"{size_px} px" for size_px in TURNED_PX) + " |")
        print("|---" * (len(TURNED_PX) + 1) + "|")
        for yaw_deg in YAWS_DEG:
            aside = [path for path in turned if path.stem.endswith(str(yaw_deg))]
            cells = []
            for size_px in TURNED_PX:
                total, found, _ = found_of(aside, size_px, lookout, pictures, random)
                cells.append(f"{found[2] / total:.2f}")
            print(f"| {yaw_deg} degrees | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
