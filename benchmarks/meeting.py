"""Measures the meeting's restraint: who is shown while somebody moves their doppelgänger.

    python -m benchmarks.meeting PHOTO [PHOTO ...]

Each photograph is portrayed for a meeting with the configuration that ships, and its doppelgänger moved by
the three drivers of `benchmarks.puppet`, by the code that the kiosk runs: the judges are asked twice a second
and answer late. Afterwards they are asked about every fourth picture in which the face was moved, and about
the same moments without restraint.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.puppet import RATE_HZ, Clip, drivers
from benchmarks.rigs import Networks
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.live.driver import Driver
from engine.live.follower import Follower
from engine.live.motion import REST, Motion
from engine.live.rigs import puppet
from engine.photographs.photograph import load_photograph
from engine.pipeline.meeting import Meeting as Prepared
from engine.runtime.messages import MovedJudged, RigReady
from installation.app.meeting import Meeting
from installation.capture.expression_follower import PORTRAIT_EVERY_S, FollowedExpression
from installation.settings.configuration import load
from installation.workers.models import ModelBundle

ANSWER_S = 0.2  # from the question to the judges' answer
JUDGED_EVERY = 4


def motions_of(clip: Clip, analyser: FaceAnalyser) -> list[Motion]:
    """What a clip's driver does, picture by picture."""
    driver, follower = Driver(analyser), Follower()
    return [follower.step(driver.mesh(p), number / RATE_HZ) for number, p in enumerate(clip.pictures)]


def shown(prepared: Prepared, motions: Sequence[Motion]) -> list[Pixels]:
    """The pictures that the kiosk shows."""
    meeting = Meeting(RigReady(1, prepared.rig, prepared.judged))
    pictures: list[Pixels] = []
    portrait, asked = np.zeros((1, 1, 3), np.uint8), None
    for number, motion in enumerate(motions):
        now_s = number / RATE_HZ
        if asked is not None and now_s - asked[1] >= ANSWER_S:
            meeting.judged(MovedJudged(1, prepared.judge.verdict(asked[0]), None), now_s)
            asked = None
        if number % round(PORTRAIT_EVERY_S * RATE_HZ) == 0:
            portrait = portrait.copy()
        if meeting.move(FollowedExpression(now_s, motion, True, portrait), now_s) is not None:
            asked = meeting.picture, now_s
        pictures.append(meeting.picture)
    return pictures


def count_other(prepared: Prepared, pictures: Sequence[Pixels]) -> tuple[int, int, float]:
    """Of those that are not at rest: how many are judged, how many of these are someone else, and the least
    distance as a multiple of its judge's threshold."""
    moved = [p for p in pictures[::JUDGED_EVERY] if not np.array_equal(p, prepared.rig.picture)]
    verdicts = [prepared.judge.verdict(p) for p in moved]
    known = [verdict for verdict in verdicts if verdict is not None]
    least = min((verdict.distance / verdict.threshold for verdict in known), default=float("nan"))
    return len(moved), sum(not verdict.same for verdict in known), least


def main() -> int:
    """Portrays and moves the photographs that are named."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    networks, bundle = Networks.load(), ModelBundle(load())
    with FaceAnalyser() as analyser:
        clips = {
            clip.name: motions_of(clip, analyser)
            for clip in drivers(networks.generator, networks.directions, analyser)
        }
    for path in map(Path, sys.argv[1:]):
        portrayal = bundle.portray([load_photograph(path)], meets=True)
        with bundle.meeting(portrayal, lambda: None) as prepared:
            if prepared is None:
                print(f"{path.stem}: no meeting", flush=True)
                continue
            for name, motions in clips.items():
                held = count_other(prepared, shown(prepared, motions))
                free = count_other(prepared, [puppet.draw(prepared.rig, m) for m in motions if m != REST])
                print(
                    f"{path.stem} {name}: shown {held[1]} of {held[0]} someone else,"
                    f" least {held[2]:.3f}; without restraint {free[1]} of {free[0]}, least {free[2]:.3f}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
