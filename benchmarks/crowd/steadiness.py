"""How still what is published of people who stand still is: `python -m benchmarks.crowd.steadiness`.

Two people stand before a camera with noise of 3 grey levels, which is looked at as often as the gathering
does; one has decided to be seen, in the place of the other is a nobody. Their places are the centroids of
what is published of them. How much they flicker is said by the change of cells of 8 px from frame to frame,
in which the camera's noise is an eighth of what it is. Prints tables in Markdown.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd.clips import RATE_HZ
from benchmarks.flashes import FlashMeter
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.bank import Bank
from engine.live.crowd.bank_drawing import draw_poses
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.publisher import FIRST_FRAMES, Publisher
from engine.live.crowd.stand_ins import StandIns
from installation.settings.configuration import load
from installation.workers.models import ModelBundle
from tests.support.crowd_kit import Walker, scene
from tests.support.renders import unpack_renders

SIZE = (640, 360)
REAL, NOBODY = (180.0, 180.0, 100.0), (460.0, 180.0, 100.0)
SETTLED_S = 3.0
CELL_PX = 8


def bank_of_one() -> Bank:
    """One nobody, by the embedded generator."""
    bundle = ModelBundle(load(), for_stage=True)
    with FaceAnalyser() as analyser:
        nobodies = Nobodies(bundle.generator, bundle.directions(analyser), MediaPipeDetector(), bundle.people)
    return Bank({1: draw_poses(nobodies, FaceMesh(), 1)})


def centroid(picture: Pixels) -> NDArray[np.float64]:
    """The x and y of what is bright in a picture uint8 (H, W, 3), in pixels; NaN where it is black."""
    moments = cv2.moments(picture.sum(axis=2, dtype=np.float32))
    mass = moments["m00"] or np.nan
    return np.array([moments["m10"] / mass, moments["m01"] / mass])


def cells_of(picture: Pixels) -> NDArray[np.float32]:
    """The mean grey levels of cells, float32 (H / 8, W / 8), of a picture uint8 (H, W, 3)."""
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (width // CELL_PX, height // CELL_PX)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def change(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float]:
    """By how many grey levels cells in which something is drawn change: the mean of them, and the most."""
    drawn = (before > 0) | (after > 0)
    changed = np.abs(after - before)[drawn]
    return (float(changed.mean()), float(changed.max())) if len(changed) else (np.nan, np.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    frames = round(60 * arguments.minutes * RATE_HZ)
    places = {"as they are": np.full((frames, 2), np.nan), "nobody": np.full((frames, 2), np.nan)}
    changes: dict[str, list[tuple[float, float]]] = {name: [] for name in places}
    cells: dict[str, NDArray[np.float32]] = {}
    meter, worst, tracks, decided = FlashMeter(RATE_HZ), 0, set[int](), 0
    with tempfile.TemporaryDirectory() as folder:
        faces = sorted(unpack_renders(Path(folder)).glob("*.webp"))
        walkers = [Walker(faces[11], lambda _: REAL), Walker(faces[52], lambda _: NOBODY)]
        publisher = Publisher(Lookout(MediaPipeDetector()), FaceMesh(), StandIns(bank_of_one()))
        for number in range(frames):
            at_s = number / RATE_HZ
            published = publisher.publish(scene(walkers, at_s, SIZE).picture, at_s)
            worst = max(worst, meter.add(published)) if at_s > SETTLED_S else worst
            for name, part in zip(places, np.hsplit(published, 2), strict=True):
                places[name][number] = centroid(part)
                newest = cells_of(part)
                if at_s > SETTLED_S:
                    changes[name].append(change(cells[name], newest))
                cells[name] = newest
            tracks |= {track.number for track in publisher.crowd.tracks}
            for track in publisher.crowd.tracks:
                undecided = track.decision is None and box_contains(track.head.box_px, REAL[:2])
                if number >= FIRST_FRAMES and undecided:
                    publisher.decide(track.number, Decision.REAL)
                    decided += 1
    print(f"{frames} frames, {len(tracks)} tracks, decided {decided} times, {worst} flashes in a second\n")
    print(
        "| drawn | frames without | from its mean place, px, p99 | drift, px | from frame to frame, px, p99 |"
    )
    print("|---|---|---|---|---|")
    for name, place in places.items():
        settled = place[round(SETTLED_S * RATE_HZ) :]
        away = np.hypot(*(settled - np.nanmean(settled, axis=0)).T)
        step = np.hypot(*np.diff(settled, axis=0).T)
        parts = np.array_split(settled, max(1, round(arguments.minutes)))
        minutes = np.array([np.nanmean(part, axis=0) for part in parts])
        drift = np.hypot(*(minutes - minutes[0]).T).max()
        missing = int(np.isnan(settled[:, 0]).sum())
        print(
            f"| {name} | {missing} | {np.nanpercentile(away, 99):.2f} | {drift:.2f} | "
            f"{np.nanpercentile(step, 99):.2f} |"
        )
    print("\n| drawn | change of its cells: mean, p99, most | of the one that changes most |")
    print("|---|---|---|")
    for name, values in changes.items():
        columns = [
            f"{np.nanmean(column):.2f}, {np.nanpercentile(column, 99):.2f}, {np.nanmax(column):.2f}"
            for column in np.array(values).T
        ]
        print(f"| {name} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
