"""Whether a driven picture flashes in ten minutes: `python -m benchmarks.puppet_flashes PHOTO`.

The driver is a person of the embedded generator who looks about, speaks, smiles and blinks
(`engine.live.acting`), with a camera's noise of four grey levels, and now and then leaves for a while. The
photograph is rigged and driven as `kiosk drive` does it; flashes are counted as `benchmarks.flashes` does.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.flashes import MOST, FlashMeter
from benchmarks.puppet import RATE_HZ, noisy, rig_of
from benchmarks.rigs import WEIGHTS, Networks
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.live.acting import Act
from engine.live.driver import Driver
from engine.live.follower import Follower
from engine.live.rigs import puppet
from engine.live.rigs.rig import Rig
from engine.photographs.photograph import load_photograph
from engine.pipeline.people_file import load_people

AWAY_EVERY_S, AWAY_S = 45.0, 3.0
NOISES = 16  # different ones, in turn: drawing each would take longer than all else
EMPTY = 90  # grey level of the picture while nobody is there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    networks = Networks.load()
    people, _ = load_people(WEIGHTS / "nobody-people.safetensors", networks.generator)
    with FaceAnalyser() as analyser:
        actor = rig_of(networks.generator, people[7], networks.directions, analyser)
        rig = networks.rig(load_photograph(arguments.photograph), analyser)
        measure(actor, rig, analyser, round(60 * arguments.minutes * RATE_HZ))


def measure(actor: Rig, rig: Rig, analyser: FaceAnalyser, count: int) -> None:
    """Drives a rig for `count` pictures, and prints what flashes."""
    act, driver, follower, meter = Act(1), Driver(analyser), Follower(), FlashMeter(RATE_HZ)
    noises = [noisy(np.full_like(actor.picture, 128), seed).astype(np.int16) - 128 for seed in range(NOISES)]
    empty = np.full_like(actor.picture, EMPTY)
    before: Pixels | None = None
    flashes, step, least, most = 0, 0.0, 255.0, 0.0
    for number in range(count):
        now_s = number / RATE_HZ
        is_away = now_s % AWAY_EVERY_S > AWAY_EVERY_S - AWAY_S
        clean = empty if is_away else puppet.draw(actor, act.at(now_s))
        picture = np.clip(clean + noises[number % NOISES], 0, 255).astype(np.uint8)
        drawn = puppet.draw(rig, follower.step(driver.mesh(picture), now_s))
        flashes = max(flashes, meter.add(drawn))
        grey = float(drawn.mean())
        step = max(step, 0.0 if before is None else abs(grey - float(before.mean())))
        least, most, before = min(least, grey), max(most, grey), drawn
    print(
        f"{count / RATE_HZ / 60:.1f} minutes: at most {flashes} flashes in a second (more than {MOST} would "
        f"be too many); mean grey level {least:.1f} to {most:.1f}, largest step {step:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
