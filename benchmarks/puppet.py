"""Measures the puppet: how well a driven picture follows, how still it is at rest, who it is, what it costs.

    python -m benchmarks.puppet PHOTO [PHOTO ...]

The drivers are people of the embedded generator in motion, with a camera's noise of four grey levels: one
turns the head along the generator's own directions, one speaks and smiles, one blinks and leaves. Each
photograph is rigged as `kiosk drive` does it, driven by all three, and measured on the pictures that are
drawn: the correlation of each number with the driver's own, at the best delay up to a third of a second. Lids
are events on both sides, shut or open: the puppet has no others.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.rigs import WEIGHTS, Networks
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import Place, draw, fast_dtype
from engine.judges.judging import judge_pictures, make_reference
from engine.judges.verifiers.dlib import DlibJudge
from engine.live.driver import Driver
from engine.live.expression import measure, motion_between, neutral
from engine.live.follower import Follower, Lid
from engine.live.motion import NAMES, Motion
from engine.live.rigs import puppet
from engine.live.rigs.directions import Directions, face_box
from engine.live.rigs.rig import Rig
from engine.live.rigs.rigging import make_rig
from engine.photographs.photograph import load_photograph
from engine.pipeline.people_file import load_people
from engine.stylegan2.network import Generator, to_uint8

RATE_HZ, IDLE_S, NOISE = 25, 2.0, 4.0
SETTLED_S = 1.7  # when the neutral is found and the picture has eased into it
MOST_DELAY = RATE_HZ // 3
JUDGED_EVERY = 12


@dataclass(frozen=True)
class Clip:
    """A driver's pictures, and which numbers they move."""

    name: str
    pictures: list[Pixels]
    moved: Sequence[str]


@dataclass(frozen=True)
class Driven:
    """A rig driven by a clip: the driver's motion as measured, unfiltered, (N, 14), NaN where there is no
    face; the motion that was drawn; the pictures; CPU milliseconds a picture for the mesh and for drawing."""

    driver: np.ndarray
    motion: list[Motion]
    pictures: list[Pixels]
    mesh_ms: float
    draw_ms: float


def drivers(generator: Generator, directions: Directions, analyser: FaceAnalyser) -> Iterator[Clip]:
    """The three clips."""
    people, _ = load_people(WEIGHTS / "nobody-people.safetensors", generator)
    times = np.arange(0, 8, 1 / RATE_HZ) - IDLE_S
    moving = np.maximum(times, 0)
    yaws, pitches = 20 * np.sin(1.3 * moving), 7 * np.sin(2.1 * moving)
    turning = [
        _drawn(generator, people[1].latent[0] + float(yaw) * directions.yaw + float(pitch) * directions.pitch)
        for yaw, pitch in zip(yaws, pitches, strict=True)
    ]
    yield Clip("turning", [noisy(p, i) for i, p in enumerate(turning)], ("yaw_deg", "pitch_deg"))

    rigged = rig_of(generator, people[7], directions, analyser)
    speaking = [
        Motion(
            jaw=0.07 * abs(np.sin(5.3 * t)) * (1 + np.sin(0.9 * t)),
            mouth_width=0.05 * np.sin(3.1 * t),
            smile=0.07 * max(np.sin(1.1 * t), 0.0),
            brows=0.03 * max(np.sin(1.7 * t), 0.0),
            roll_deg=5 * np.sin(0.8 * t),
            x=0.05 * np.sin(0.7 * t),
            scale=0.05 * np.sin(0.5 * t),
        )
        for t in moving.tolist()
    ]
    moved = ("jaw", "mouth_width", "smile", "brows", "roll_deg", "x", "scale")
    yield Clip("speaking", [noisy(puppet.draw(rigged, m), i) for i, m in enumerate(speaking)], moved)

    blinking: list[Pixels] = []
    for number, t in enumerate(moving.tolist()):
        shut = float((t % 1.5) < 0.2 and t > 0.5)
        gaze = 0.09 * np.sin(2.3 * t)
        picture = puppet.draw(rigged, Motion(left_lid=shut, right_lid=shut, gaze=gaze))
        if t > 4.5:  # leaves to the right, and stays away
            away = np.array([[1.0, 0, min(600 * (t - 4.5), 300)], [0, 1, 0]])
            picture = np.asarray(
                cv2.warpAffine(picture, away, (256, 256), borderValue=(90, 90, 90)), np.uint8
            )
        blinking.append(noisy(picture, number))
    yield Clip("blinking", blinking, ("left_lid", "right_lid", "gaze"))


def drive(rig: Rig, clip: Clip, analyser: FaceAnalyser) -> Driven:
    """Drives a rig as `kiosk drive` does."""
    driver, follower = Driver(analyser), Follower()
    expressions, motions, pictures = [], [], []
    mesh_s = draw_s = 0.0
    for number, picture in enumerate(clip.pictures):
        began_s = time.process_time()
        mesh = driver.mesh(picture)
        mesh_s += time.process_time() - began_s
        began_s = time.process_time()
        motions.append(follower.step(mesh, number / RATE_HZ))
        pictures.append(puppet.draw(rig, motions[-1]))
        draw_s += time.process_time() - began_s
        expressions.append(None if mesh is None else measure(mesh))
    idle = [e for e in expressions[: round(IDLE_S * RATE_HZ)] if e is not None]
    rest = neutral(idle)
    rows = [
        np.full(len(NAMES), np.nan) if e is None else motion_between(rest, e).array() for e in expressions
    ]
    count = len(clip.pictures)
    return Driven(np.array(rows), motions, pictures, 1e3 * mesh_s / count, 1e3 * draw_s / count)


def measured(rig: Rig, pictures: Sequence[Pixels], analyser: FaceAnalyser) -> np.ndarray:
    """The motion of drawn pictures from the picture at rest, (N, 14), as it is measured on them."""
    box = face_box(len(rig.picture))
    rest = analyser.mesh(rig.picture, box)
    assert rest is not None
    rows = []
    for picture in pictures:
        mesh = analyser.mesh(picture, box)
        rows.append(
            np.full(len(NAMES), np.nan)
            if mesh is None
            else motion_between(measure(rest), measure(mesh)).array()
        )
    return np.array(rows)


def correlation(driver: np.ndarray, drawn: np.ndarray) -> tuple[float, int]:
    """Of two series (N,), the second one delayed: the best one, and its delay in pictures."""
    best = (-1.0, 0)
    for delay in range(MOST_DELAY + 1):
        a, b = driver[: len(driver) - delay], drawn[delay:]
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() > RATE_HZ and a[both].std() > 0 and b[both].std() > 0:
            best = max(best, (float(np.corrcoef(a[both], b[both])[0, 1]), delay))
    return best


def shut_or_open(lids: np.ndarray) -> np.ndarray:
    """How far a lid is closed, (N,), taken as `engine.live.follower.Lid` takes it."""
    lid = Lid()
    return np.array([lid.step(value, 1 / RATE_HZ) if np.isfinite(value) else np.nan for value in lids])


def idle_jitter_px(rig: Rig, motions: Sequence[Motion]) -> float:
    """How far any pixel of the face moves from one drawn picture to the next at most, in pixels."""
    places = [puppet.source_places(rig, motion) for motion in motions]
    face = rig.head > 0.9
    steps = [np.hypot(*np.moveaxis(b - a, -1, 0))[face].max() for a, b in pairwise(places)]
    return float(max(steps))


def report(name: str, rig: Rig, clips: Sequence[Clip], analyser: FaceAnalyser) -> list[Pixels]:
    """Prints one sitter's lines; returns the drawn pictures."""
    judge = DlibJudge()
    box = face_box(len(rig.picture))
    mesh = analyser.mesh(rig.picture, box)
    assert mesh is not None
    reference = make_reference(judge, [(rig.picture, mesh[:, :2].astype(np.float32))])
    shown: list[Pixels] = []
    distances: list[float] = []
    for clip in clips:
        driven = drive(rig, clip, analyser)
        drawn = measured(rig, driven.pictures, analyser)
        words = []
        for number in clip.moved:
            column = NAMES.index(number)
            columns = driven.driver[:, column], drawn[:, column]
            if number in ("left_lid", "right_lid"):
                columns = shut_or_open(columns[0]), shut_or_open(columns[1])
            value, delay = correlation(*columns)
            words.append(f"{number} {value:.2f} (+{delay})")
        begin, end = round(SETTLED_S * RATE_HZ), round(IDLE_S * RATE_HZ)
        jitter = idle_jitter_px(rig, driven.motion[begin:end])
        greys = np.stack(driven.pictures).astype(np.float32).mean(axis=(1, 2, 3))
        flash = float(np.abs(np.diff(greys)).max())
        verdicts = judge_pictures(judge, reference, driven.pictures[::JUDGED_EVERY], k=2)
        distances += [verdict.distance for verdict in verdicts]
        print(
            f"{name:10} {clip.name:9} {', '.join(words)}; jitter {jitter:.2f} px, light step {flash:.2f}; "
            f"mesh {driven.mesh_ms:.1f} ms, draw {driven.draw_ms:.1f} ms",
            flush=True,
        )
        shown += driven.pictures
    print(
        f"{name:10} dlib to rest: median {np.median(distances):.2f}, largest {max(distances):.2f}", flush=True
    )
    return shown


def main() -> int:
    """Rigs and drives the photographs that are named."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    networks = Networks.load()
    with FaceAnalyser() as analyser:
        clips = list(drivers(networks.generator, networks.directions, analyser))
        for path in map(Path, sys.argv[1:]):
            rig = networks.rig(load_photograph(path), analyser)
            report(path.stem, rig, clips, analyser)
    return 0


@torch.no_grad()
def _drawn(generator: Generator, latent: torch.Tensor) -> Pixels:
    """A person in motion as the generator draws them, without noise maps, which would hold the face."""
    picture = draw(generator, Place(latent[None]), fast_dtype(generator.device), "none")
    return np.asarray(to_uint8(picture)[0].numpy(), np.uint8)


def rig_of(generator: Generator, place: Place, directions: Directions, analyser: FaceAnalyser) -> Rig:
    """A person of the generator, rigged."""
    with torch.no_grad():
        picture = np.asarray(to_uint8(draw(generator, place))[0].numpy(), np.uint8)
    mesh = analyser.mesh(picture, face_box(len(picture)))
    assert mesh is not None
    return make_rig(picture, mesh, generator, place, directions, analyser)


def noisy(picture: Pixels, seed: int) -> Pixels:
    """A picture with a camera's noise of `NOISE` grey levels."""
    noise = np.random.default_rng(seed).normal(0, NOISE, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
