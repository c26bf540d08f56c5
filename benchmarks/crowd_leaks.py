"""Whose pixels are published of scripted people before a camera: `python -m benchmarks.crowd_leaks`.

Clips of one to six people (renders of the tests, cut out), 16 to 400 px wide, upright or turned, walking in
from each side, crossing, hidden by a hand, in the dark, and with another room from one frame to the next; in
each, one of those who are found decides to be seen, others decide to be anonymous. Each face is watermarked
by its owner: what is published is compared with them pixel by pixel. In every second clip the finder is blind
to a third of what it finds. The control publishes the room as it is. Prints a table in Markdown.
"""

import argparse
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.publisher import FIRST_FRAMES, Publisher
from tests.support.crowd_kit import HEIGHT, WIDTH, Scene, Walker, scene

RENDERS = Path(__file__).parents[1] / "tests/data/renders.tar"
# As often as the gathering looks (`installation.capture.group_tracker`).
RATE_HZ = 13.0
FRAMES, DECIDED_FROM, CUT_AT = 50, FIRST_FRAMES + 2, 40
BLIND_SHARE = 1 / 3
SIZES_PX = (16, 34, 64, 120, 400)  # bounds of the classes in which missed faces are counted
KINDS = ("still", "walking", "entering", "crossing", "hand", "dark", "cut")


class BlindLookout(Lookout):
    """Overlooks a share of the heads at random."""

    def __init__(self, detector: MediaPipeDetector, random: np.random.Generator) -> None:
        super().__init__(detector)
        self._random = random

    def glance(self, picture: Pixels, number: int, expected: Sequence[Box] = ()) -> list[DetectedHead]:
        found = super().glance(picture, number, expected)
        return [head for head in found if self._random.random() > BLIND_SHARE]


@dataclass(frozen=True, eq=False)
class Clip:
    """Scripted people. kind: one of `KINDS`. walkers: later ones stand before earlier ones."""

    kind: str
    walkers: list[Walker]

    def frame(self, number: int) -> Scene:
        """The frame of a number; owners as of `Scene`."""
        at_s = number / RATE_HZ
        # From `CUT_AT` on, another camera: the same people on the other side of the room.
        seen = scene(self.walkers, at_s)
        if self.kind == "cut" and number >= CUT_AT:
            return Scene(seen.picture[:, ::-1].copy(), seen.owners[:, ::-1].copy())
        if self.kind == "dark":
            return Scene(np.asarray(cv2.convertScaleAbs(seen.picture, alpha=0.2), np.uint8), seen.owners)
        if self.kind == "hand":
            seen.picture[:, _hand_at(at_s)] = (170, 120, 100)
            seen.owners[:, _hand_at(at_s)] = -1
        return seen


def _hand_at(at_s: float) -> slice:
    left = int(WIDTH * ((0.35 * at_s) % 1.0))
    return slice(left, min(left + 110, WIDTH))


def scripted(faces: Sequence[Path], random: np.random.Generator, kind: str) -> Clip:
    """People of random sizes and ways."""
    count = int(random.integers(1, 7))
    walkers: list[Walker] = []
    for index, render in enumerate(random.choice(len(faces), count, replace=False).tolist()):
        face_px = float(np.exp(random.uniform(np.log(16), np.log(400 if count < 3 else 220))))
        x, y = (index + 0.5) * WIDTH / count, float(random.uniform(0.35, 0.65)) * HEIGHT
        speed = {"walking": 60.0, "crossing": 500.0, "entering": 350.0}.get(kind, 0.0)
        velocity = float(random.uniform(-speed, speed))
        begin = x if kind != "entering" else (-150.0 if velocity > 0 else WIDTH + 150.0)
        phase = float(random.uniform(0, 6))

        def way(
            t: float, begin: float = begin, y: float = y, face_px: float = face_px,
            velocity: float = velocity, phase: float = phase,
        ) -> tuple[float, float, float]:  # fmt: skip
            return begin + velocity * t + 4 * np.sin(2 * t + phase), y, face_px

        walkers.append(Walker(faces[render], way, float(random.choice((0, 0, 15, -30)))))
    return Clip(kind, walkers)


@dataclass
class Tally:
    """frames, shown: all of them, and those in which somebody was. leaked: pixels of people who did not want
    to be seen; room: the same of the control. first_leak: the control's first frame with one. faces,
    missed: by the upper bound of their size."""

    frames: int = 0
    shown: int = 0
    leaked: int = 0
    room: int = 0
    first_leak: int | None = None
    faces: Counter[int] = field(default_factory=Counter)
    missed: Counter[int] = field(default_factory=Counter)
    cpu_ms: list[float] = field(default_factory=list)


def play(clip: Clip, lookout: Lookout, mesh: FaceMesh, random: np.random.Generator, tally: Tally) -> None:
    """Publishes a clip. Who decides is whoever is followed at first: the true owners of their heads."""
    publisher = Publisher(lookout, mesh)
    wanted: set[int] = set()
    for number in range(FRAMES):
        at_s = number / RATE_HZ
        seen = clip.frame(number)
        if clip.kind == "cut" and number == CUT_AT:
            publisher.camera_changed()
            wanted = set()
        began_s = time.process_time()
        picture = publisher.publish(seen.picture, at_s)
        tally.cpu_ms.append(1000 * (time.process_time() - began_s))
        published = (picture[..., 0] | picture[..., 1] | picture[..., 2]) > 0
        others = (seen.owners >= 0) & ~np.isin(seen.owners, list(wanted))
        tally.frames += 1
        tally.shown += bool(published.any())
        tally.leaked += int((published & others).sum())
        tally.room += int(others.sum())
        if tally.first_leak is None and others.any():
            tally.first_leak = number
        _count_missed(clip, publisher, number, tally)
        if number == DECIDED_FROM and publisher.crowd.tracks:
            first, *rest = random.permutation(len(publisher.crowd.tracks)).tolist()
            wanted = _decide(publisher, seen, first, rest)


def _decide(publisher: Publisher, seen: Scene, first: int, rest: list[int]) -> set[int]:
    """One is to be seen, the others are anonymous; returns whose face it is that may be seen."""
    track = publisher.crowd.tracks[first]
    for other in rest:
        publisher.decide(publisher.crowd.tracks[other].number, Decision.ANONYMOUS)
    x0, y0, x1, y1 = track.head.box_px
    x, y = round((x0 + x1) / 2), round((y0 + y1) / 2)
    if not (0 <= x < WIDTH and 0 <= y < HEIGHT) or seen.owners[y, x] < 0:
        return set()  # no face, or one that is just hidden
    publisher.decide(track.number, Decision.REAL)
    return {int(seen.owners[y, x])}


def _count_missed(clip: Clip, publisher: Publisher, number: int, tally: Tally) -> None:
    """Faces in the picture without a track that was found in this frame."""
    if number < DECIDED_FROM or clip.kind == "cut":
        return
    found = [t.head.box_px for t in publisher.crowd.tracks if t.found_s == number / RATE_HZ]
    for walker in clip.walkers:
        place = walker.path(number / RATE_HZ)
        if place is None or not (0 <= place[0] < WIDTH and 0 <= place[1] < HEIGHT):
            continue
        size = next(bound for bound in SIZES_PX[1:] if place[2] <= bound)
        tally.faces[size] += 1
        tally.missed[size] += not any(box_contains(box, place[:2]) for box in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="no clip begins after so long")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    random = np.random.default_rng(arguments.seed)
    tallies = {False: Tally(), True: Tally()}
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(RENDERS) as tar:
            tar.extractall(folder, filter="data")
        faces = sorted(Path(folder).glob("*.webp"))
        detector, mesh = MediaPipeDetector(), FaceMesh()
        finders = {False: Lookout(detector), True: BlindLookout(detector, random)}
        number = 0
        while sum(tally.frames for tally in tallies.values()) < arguments.frames:
            if time.monotonic() - began_s > 60 * arguments.minutes:
                break
            blind = bool(number % 2)
            clip = scripted(faces, random, KINDS[number // 2 % len(KINDS)])
            play(clip, finders[blind], mesh, random, tallies[blind])
            number += 1
            print(
                f"\r{number} clips, leaked {tallies[False].leaked + tallies[True].leaked}", end="", flush=True
            )
    print(
        "\n| finder | frames | showed somebody | pixels of others | of the room | first | CPU, median, p95 |"
    )
    print("|---|---|---|---|---|---|---|")
    for blind, tally in tallies.items():
        median, p95 = np.percentile(tally.cpu_ms, [50, 95]) if tally.cpu_ms else (0, 0)
        name = "blinded" if blind else "as it is"
        counts = " | ".join(map(str, (tally.frames, tally.shown, tally.leaked, tally.room, tally.first_leak)))
        print(f"| {name} | {counts} | {median:.0f}, {p95:.0f} ms |")
    print("\n| face, px, at most | faces | not found in that frame |\n|---|---|---|")
    seen = tallies[False]
    for size in SIZES_PX[1:]:
        share = seen.missed[size] / max(seen.faces[size], 1)
        print(f"| {size} | {seen.faces[size]} | {share:.2f} |")


if __name__ == "__main__":
    main()
