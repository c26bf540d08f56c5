"""Whether the nobody in somebody's place tells who that is: `python -m benchmarks.crowd.nobodies`.

For each of the renders of the tests the live picture draws a nobody in the place of the face. Each judge of
the panel then looks for its owner among all of them, and knows everybody from the very picture that was
replaced. The control is the person's own face, with other noise. Prints a table in Markdown, and what drawing
costs.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.judges.base import Judge
from engine.judges.judging import Reference, make_reference
from engine.judges.perturbations import perturbations
from engine.live.crowd.bank import PEOPLE, Bank
from engine.live.crowd.bank_drawing import draw_poses
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.stand_ins import StandIns
from engine.live.crowd.tracks import Track
from installation.settings.configuration import load
from installation.workers.models import ModelBundle
from tests.support.crowd_kit import Walker, scene
from tests.support.renders import unpack_renders

SIDE_PX, FACE_PX, CROP_PX = 400, 140, 256
LOOKS = 4  # perturbations of each picture


def ranks(judge: Judge, gallery: list[Reference], crops: list[Pixels]) -> tuple[NDArray[np.int_], float]:
    """The place of each picture's owner in the gallery, 1 is the first; and how many the judge calls same."""
    found, same = [], 0
    for own, crop in enumerate(crops):
        embeddings = judge.describe([crop], gallery[own].alignment, perturbations(0, LOOKS))[0]
        distances = np.array(
            [float(np.nanmean(judge.distance(embeddings, known.embedding))) for known in gallery]
        )
        found.append(int((distances < distances[own]).sum()) + 1)
        same += bool(distances[own] <= judge.threshold)
    return np.array(found), same / len(crops)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--bank", type=int, default=PEOPLE, help="how many nobodies there are")
    arguments = parser.parse_args()
    bundle, detector, mesh = ModelBundle(load(), for_stage=True), MediaPipeDetector(), FaceMesh()
    with FaceAnalyser() as analyser:
        nobodies = Nobodies(bundle.generator, bundle.directions(analyser), detector)
    began_s = time.process_time()
    bank = Bank({number: draw_poses(nobodies, mesh, number) for number in range(1, arguments.bank + 1)})
    print(f"bank of {arguments.bank}: {time.process_time() - began_s:.0f} s of CPU\n")
    with tempfile.TemporaryDirectory() as folder:
        unpack_renders(Path(folder))
        renders = sorted(Path(folder).glob("*.webp"))[: arguments.people]
        lookout, stand_ins = Lookout(detector), StandIns(bank)
        shots, replaced, noisy, took_ms = [], [], [], []
        for number, render in enumerate(renders):
            walkers = [Walker(render, lambda _: (SIDE_PX / 2, SIDE_PX / 2, FACE_PX))]
            picture, other = (scene(walkers, at_s, (SIDE_PX, SIDE_PX)).picture for at_s in (0.0, 1.0))
            heads = lookout.search(picture)
            points = mesh.measure(picture, heads[0].box_px) if heads else None
            if points is None:
                continue
            onto = np.zeros_like(picture)
            began_s = time.process_time()
            stand_ins.draw([Track(number, heads[0], 0.0)], onto)
            took_ms.append(1000 * (time.process_time() - began_s))
            crop = crop_ffhq(picture, points[:, :2], CROP_PX)
            shots.append((crop.image, crop.landmarks))
            replaced.append(crop_ffhq(onto, points[:, :2], CROP_PX).image)
            noisy.append(crop_ffhq(other, points[:, :2], CROP_PX).image)
    print("| judge | picture | people | first of all | by chance | mean place | by chance | *same* |")
    print("|---|---|---|---|---|---|---|---|")
    for judge in bundle.judges:
        gallery = [make_reference(judge, [shot]) for shot in shots]
        for name, crops in (("nobody in their place", replaced), ("their own face", noisy)):
            places, same = ranks(judge, gallery, crops)
            count = len(places)
            print(
                f"| {judge.name} | {name} | {count} | {(places == 1).mean():.3f} | {1 / count:.3f} | "
                f"{places.mean():.1f} | {(count + 1) / 2:.1f} | {same:.2f} |",
                flush=True,
            )
    print(
        f"\ndrawing: {np.median(took_ms):.1f} ms of CPU a head (median), {np.percentile(took_ms, 95):.1f} p95"
    )


if __name__ == "__main__":
    main()
