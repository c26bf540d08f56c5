"""Whether the nobody in somebody's place tells who that is: `python -m benchmarks.crowd.nobodies`.

Of each person of the gallery one picture is taken in which a nobody is in their place: drawn by the live
picture, by the group portrait, or by `./kiosk anonymise`. Each judge at hand then looks for the person in the
whole gallery, and knows everybody from the very picture that was replaced. The control is the person's own
face with other noise. Prints a table in Markdown.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.faces.alignment import crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import DetectedHead
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.judges.base import Judge
from engine.judges.calibration import Rate
from engine.judges.judging import Reference, make_reference
from engine.judges.perturbations import perturbations
from engine.live.crowd.bank import PEOPLE, Bank, draw_pose
from engine.live.crowd.bank_drawing import draw_poses, pose_of
from engine.live.crowd.head import turn_of
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.replacement import measure_light, replace_head
from engine.live.crowd.stand_ins import StandIns
from engine.live.crowd.tracks import Track
from installation.settings.configuration import load
from installation.settings.manifest import judges_at_hand
from installation.workers.models import ModelBundle, load_judges
from tests.support.crowd_kit import Walker, scene
from tests.support.renders import RENDERS, unpack_renders

SIDE_PX, FACE_PX, CROP_PX = 400, 140, 256
OWN_FACE = "their own face"


def ranks(
    judge: Judge, gallery: list[Reference], crops: list[Pixels], looks: int
) -> tuple[NDArray[np.int_], int]:
    """The place of each picture's owner in the gallery, 1 is the first; and how many the judge calls same."""
    places, same = [], 0
    for own, crop in enumerate(crops):
        embeddings = judge.describe([crop], gallery[own].alignment, perturbations(0, looks))[0]
        distances = np.array(
            [float(np.nanmean(judge.distance(embeddings, known.embedding))) for known in gallery]
        )
        places.append(int((distances < distances[own]).sum()) + 1)
        same += bool(distances[own] <= judge.threshold)
    return np.array(places), same


def pictures_of(
    renders: list[Path], draw: Mapping[str, Callable[[int, Pixels, DetectedHead], Pixels]]
) -> tuple[list[tuple[Pixels, NDArray[np.float32]]], dict[str, list[Pixels]]]:
    """Crops of everybody: as they are with their mesh, and by the name of what was drawn in their place.

    draw: the person's number, a picture of them and their head -> the picture with somebody else.
    """
    shots: list[tuple[Pixels, NDArray[np.float32]]] = []
    drawn: dict[str, list[Pixels]] = {name: [] for name in [*draw, OWN_FACE]}
    lookout, mesh = Lookout(MediaPipeDetector()), FaceMesh()
    for number, render in enumerate(renders):
        walkers = [Walker(render, lambda _: (SIDE_PX / 2, SIDE_PX / 2, FACE_PX))]
        picture, other = (scene(walkers, at_s, (SIDE_PX, SIDE_PX)).picture for at_s in (0.0, 1.0))
        heads = lookout.search(picture)
        points = mesh.measure(picture, heads[0].box_px) if heads else None
        if points is None:
            continue
        crop = crop_ffhq(picture, points[:, :2], CROP_PX)
        shots.append((crop.image, crop.landmarks))
        for name, put in draw.items():
            replaced = put(number, picture, heads[0])
            drawn[name].append(crop_ffhq(replaced, points[:, :2], CROP_PX).image)
        drawn[OWN_FACE].append(crop_ffhq(other, points[:, :2], CROP_PX).image)
    return shots, drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--renders", type=Path, default=RENDERS, help="a tar archive of renders")
    parser.add_argument("--bank", type=int, default=PEOPLE, help="how many nobodies there are")
    parser.add_argument("--looks", type=int, default=4, help="perturbations of each picture")
    arguments = parser.parse_args()
    configuration = load()
    bundle, detector, mesh = ModelBundle(configuration, for_stage=True), MediaPipeDetector(), FaceMesh()
    with FaceAnalyser() as analyser:
        nobodies = Nobodies(bundle.generator, bundle.directions(analyser), detector, bundle.people)
    began_s = time.process_time()
    bank = Bank({number: draw_poses(nobodies, mesh, number) for number in range(1, arguments.bank + 1)})
    print(f"bank of {arguments.bank}: {time.process_time() - began_s:.0f} s of CPU\n", flush=True)
    stand_ins = StandIns(bank)

    def live(number: int, picture: Pixels, head: DetectedHead) -> Pixels:
        onto = np.zeros_like(picture)
        stand_ins.draw([Track(number, head, 0.0)], onto)
        return onto

    def group(number: int, picture: Pixels, head: DetectedHead) -> Pixels:
        onto = np.zeros_like(picture)
        nobody = nobodies.cutout(1 + number % arguments.bank, turn_of(head))
        draw_pose(pose_of(nobody, mesh), head.points_px, onto)
        return onto

    def anonymised(number: int, picture: Pixels, head: DetectedHead) -> Pixels:
        nobody = nobodies.cutout(1 + number % arguments.bank, turn_of(head))
        return replace_head(picture, head, nobody, measure_light(picture, head))

    ways = {"live: nobody": live, "group portrait: nobody": group, "anonymise: nobody": anonymised}
    with tempfile.TemporaryDirectory() as folder:
        unpack_renders(Path(folder), arguments.renders)
        renders = sorted(Path(folder).glob("*.webp"))[: arguments.people]
        shots, drawn = pictures_of(renders, ways)
    print("| judge | picture | people | first of all | 95 % interval | by chance | mean place | *same* |")
    print("|---|---|---|---|---|---|---|---|")
    for judge in load_judges(configuration, list(dict.fromkeys(judges_at_hand(configuration.judges)))):
        gallery = [make_reference(judge, [shot], k=arguments.looks) for shot in shots]
        for name, crops in drawn.items():
            places, same = ranks(judge, gallery, crops, arguments.looks)
            first, count = Rate(int((places == 1).sum()), len(places)), len(places)
            low, high = first.interval
            print(
                f"| {judge.name} | {name} | {count} | {first.value:.3f} | {low:.3f} ... {high:.3f} | "
                f"{1 / count:.3f} | {places.mean():.1f} of {(count + 1) / 2:.1f} | {same / count:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
