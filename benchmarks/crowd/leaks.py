"""Whose pixels are published of scripted people: `python -m benchmarks.crowd.leaks`.

In each clip (`benchmarks.crowd.clips`) one of those who are followed decides to be seen, the others decide to
be anonymous; later, if nobody is seen any more, another one decides. Each face is watermarked by its owner:
what is published is compared with that pixel by pixel. In every second clip the finder is blind to a third of
what it finds. Nobody says that the camera is another one. The control publishes the room as it is. Prints
tables in Markdown; pieces of a long run (`--first`, `--clips`, `--out`) are put together by `--join`.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.crowd.clips import FRAMES, KINDS, RATE_HZ, Clip, scripted
from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, box_centre, box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.publisher import FIRST_FRAMES, Publisher
from engine.live.crowd.tracks import Track
from tests.support.crowd_kit import GROUND, HEIGHT, WIDTH, Scene
from tests.support.renders import RENDERS, TURNED_RENDERS, unpack_renders

CLIPS = 200
DECIDED_FROM, DECIDED_AGAIN = FIRST_FRAMES + 2, FIRST_FRAMES + 14
BLIND_SHARE = 1 / 3
SIZES_PX = (34, 64, 120, 400)  # upper bounds of the classes in which missed faces are counted


class BlindLookout(Lookout):
    """Overlooks a share of the heads at random."""

    def __init__(self, detector: MediaPipeDetector, random: np.random.Generator) -> None:
        super().__init__(detector)
        self._random = random

    def glance(
        self, picture: Pixels, number: int, expected: Sequence[Box] = (), guarded: Sequence[Box] = ()
    ) -> list[DetectedHead]:
        found = super().glance(picture, number, expected, guarded)
        return [head for head in found if self._random.random() > BLIND_SHARE]


@dataclass
class Tally:
    """frames, shown: all of them, and those in which somebody was published. leaked: published pixels of
    people who have not decided to be seen, or no longer; room: the same of the control. first_leak: the
    control's first frame with one. leaking: numbers of the clips with leaked pixels. faces, missed: by the
    upper bound of their size."""

    frames: int = 0
    shown: int = 0
    leaked: int = 0
    room: int = 0
    first_leak: int | None = None
    leaking: list[int] = field(default_factory=list)
    faces: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Counts what another piece has counted."""
        self.frames += other.frames
        self.shown += other.shown
        self.leaked += other.leaked
        self.room += other.room
        firsts = [first for first in (self.first_leak, other.first_leak) if first is not None]
        self.first_leak = min(firsts, default=None)
        self.leaking += other.leaking
        self.faces.update(other.faces)
        self.missed.update(other.missed)


Tallies = dict[str, Tally]
"""Of the finder *as it is* and of the *blinded* one."""


def play(clip: Clip, lookout: Lookout, mesh: FaceMesh, random: np.random.Generator, tally: Tally) -> None:
    """Publishes a clip. Who decides is whoever is followed: the owners of their heads."""
    publisher = Publisher(lookout, mesh)
    owners: dict[int, int] = {}  # of the tracks that have decided to be seen
    for number in range(FRAMES):
        shot = clip.frame(number)
        picture = publisher.publish(shot.picture, number / RATE_HZ)
        published = (picture[..., 0] | picture[..., 1] | picture[..., 2]) > 0
        wanting = [t for t in publisher.crowd.tracks if t.decision is Decision.REAL]
        others = (shot.owners != GROUND) & ~np.isin(shot.owners, [owners[t.number] for t in wanting])
        tally.frames += 1
        tally.shown += bool(published.any())
        tally.leaked += int((published & others).sum())
        tally.room += int(others.sum())
        if tally.first_leak is None and others.any():
            tally.first_leak = number
        _count_missed(clip, publisher, number, tally)
        if number == DECIDED_FROM or (number == DECIDED_AGAIN and not wanting):
            owners |= _decide(publisher, shot, random)


def _decide(publisher: Publisher, shot: Scene, random: np.random.Generator) -> dict[int, int]:
    """One is to be seen, the others are anonymous; returns that one's track and owner."""
    tracks = publisher.crowd.tracks
    wanting = tracks[random.integers(len(tracks))] if tracks else None
    for track in tracks:
        if track is not wanting:
            publisher.decide(track.number, Decision.ANONYMOUS)
    owner = GROUND if wanting is None else _owner_of(wanting, shot)
    if wanting is None or owner == GROUND:
        return {}  # no face, or one that is just hidden
    publisher.decide(wanting.number, Decision.REAL)
    return {wanting.number: owner}


def _owner_of(track: Track, shot: Scene) -> int:
    x, y = np.round(box_centre(track.head.box_px)).astype(int).tolist()
    return int(shot.owners[y, x]) if 0 <= x < WIDTH and 0 <= y < HEIGHT else GROUND


def _count_missed(clip: Clip, publisher: Publisher, number: int, tally: Tally) -> None:
    """Faces in the picture without a track that was found in this frame."""
    if number < DECIDED_FROM:
        return
    found = [t.head.box_px for t in publisher.crowd.tracks if t.found_s == number / RATE_HZ]
    for walker in clip.walkers:
        place = walker.path(number / RATE_HZ)
        if place is None or not (0 <= place[0] < WIDTH and 0 <= place[1] < HEIGHT):
            continue
        size = str(next(bound for bound in SIZES_PX if place[2] <= bound))
        tally.faces[size] += 1
        tally.missed[size] += not any(box_contains(box, place[:2]) for box in found)


def play_clips(first: int, count: int) -> Tallies:
    """Plays clips by number: the same number is the same clip in every run."""
    tallies: Tallies = {"as it is": Tally(), "blinded": Tally()}
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        faces = sorted(unpack_renders(Path(folder) / "straight", RENDERS).glob("*.webp"))
        turned = sorted(unpack_renders(Path(folder) / "turned", TURNED_RENDERS).glob("*.webp"))
        detector, mesh = MediaPipeDetector(), FaceMesh()
        for number in range(first, first + count):
            random = np.random.default_rng(number)
            clip = scripted(KINDS[number // 2 % len(KINDS)], faces, turned, random)
            blind = number % 2 == 1
            lookout = BlindLookout(detector, random) if blind else Lookout(detector)
            counts = Tally()
            play(clip, lookout, mesh, random, counts)
            counts.leaking = [number] if counts.leaked else []
            tallies["blinded" if blind else "as it is"].add(counts)
            leaked = sum(tally.leaked for tally in tallies.values())
            print(
                f"\rclip {number} ({clip.kind}), leaked {leaked}, {time.monotonic() - began_s:.0f} s ",
                end="",
                flush=True,
            )
    print()
    return tallies


def joined(files: Sequence[Path]) -> Tallies:
    """The tallies of several pieces."""
    tallies: Tallies = {}
    for file in files:
        for finder, counts in json.loads(file.read_text()).items():
            counts |= {name: Counter(counts[name]) for name in ("faces", "missed")}
            tallies.setdefault(finder, Tally()).add(Tally(**counts))
    return tallies


def print_tables(tallies: Tallies) -> None:
    """What was published, and what the finder as it is did not find."""
    print("| finder | frames | showed somebody | pixels of others | of the room | from frame |")
    print("|---|---|---|---|---|---|")
    for finder, tally in tallies.items():
        counts = (tally.frames, tally.shown, tally.leaked, tally.room, tally.first_leak)
        print(f"| {finder} | {' | '.join(map(str, counts))} |")
    if leaking := [number for tally in tallies.values() for number in tally.leaking]:
        print(f"\nLeaking clips: {', '.join(map(str, leaking))}")
    print("\n| face, px, at most | faces | not found in that frame |\n|---|---|---|")
    tally = tallies["as it is"]
    for size in map(str, SIZES_PX):
        share = tally.missed[size] / max(tally.faces[size], 1)
        print(f"| {size} | {tally.faces[size]} | {share:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="number of the first clip")
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--out", type=Path, help="write the counts to a JSON file")
    parser.add_argument("--join", type=Path, nargs="+", help="print the tables of these files")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    tallies = joined(arguments.join) if arguments.join else play_clips(arguments.first, arguments.clips)
    if arguments.out:
        arguments.out.write_text(json.dumps({name: vars(tally) for name, tally in tallies.items()}))
    print_tables(tallies)


if __name__ == "__main__":
    main()
