"""What the noise maps bring to tuning, and how many steps it needs; a table for docs/search.md.

    python -m benchmarks.tuning PHOTO ... [--sheet FILE.png]

Searches the latent once for each photograph and scikit-image's sample sitter, then tunes from there with and
without the noise maps of the two finest resolutions. For each: the search's own distance at the match, dlib's
there and at t = 0.6 of the way from the median face, and the time of tuning in shares of the first line's.
FILE.png shows the match and t = 0.6 of each line, a row for each sitter: **it shows the sitters, keep it to
yourself.**
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data
from tqdm import tqdm

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.sitter import find_sitter
from engine.inversion.projection import SearchSettings, guess_place, median_face, search_latent, tune
from engine.inversion.target import aim_at
from engine.judges.judging import judge_pictures, make_reference
from engine.judges.registry import panel
from engine.photographs.photograph import load_photograph
from installation.settings import configuration
from installation.workers.models import ModelBundle

WITH = SearchSettings().detail_rate
WAYS = {  # steps and rate of the noise maps
    "weights alone, 80 steps": (80, 0.0),
    "weights alone, 150 steps": (150, 0.0),
    "and noise maps, 40 steps": (40, WITH),
    "and noise maps, 60 steps": (60, WITH),
    "and noise maps, 80 steps": (80, WITH),
    "and noise maps, 150 steps": (150, WITH),
}
PLACES = (1.0, 0.6)


def measure(bundle: ModelBundle, photograph: Pixels) -> tuple[list[list[float]], Pixels]:
    """For each of `WAYS`: distance at the match, dlib's at `PLACES`, seconds; and its pictures in a row."""
    generator, settings = bundle.generator, bundle.settings.search
    with FaceAnalyser() as finder:
        portrait = find_sitter(finder, photograph, size_px=bundle.settings.portrait_px).portrait
    target = aim_at(portrait, generator.resolution, bundle.distance, generator.device)
    (judge,) = panel(["dlib"])
    reference = make_reference(judge, [(portrait.image, portrait.landmarks)])
    start = guess_place(generator, bundle.encoder, target.picture) if bundle.encoder else None
    *_, found = search_latent(generator, target.loss, settings, start)
    rows, shown = [], []
    for steps, rate in WAYS.values():
        way_settings = replace(settings, tuning_steps=steps, detail_rate=rate)
        began_s = time.monotonic()
        *_, last = tune(generator, target.loss, found.place, way_settings, target.head, target.sees_px)
        seconds = time.monotonic() - began_s
        way = Continuum(generator, median_face(generator), last.place)
        pictures = [way.picture(t) for t in PLACES]
        judged = [verdict.distance for verdict in judge_pictures(judge, reference, pictures)]
        rows.append([last.loss, *judged, seconds])
        shown += pictures
    return rows, np.concatenate(shown, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photographs", type=Path, nargs="*")
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    bundle = ModelBundle(configuration.load(configuration.DEFAULT))
    torch.set_num_threads(bundle.configuration.search.threads)
    sitters = [load_photograph(path) for path in args.photographs] + [data.astronaut()]
    measured = [measure(bundle, sitter) for sitter in tqdm(sitters, "sitters")]
    figures = np.array([rows for rows, _ in measured])
    print("| tuned | distance | dlib at the match, median (worst) | dlib at t = 0.6 | time |")
    print("|---|---:|---:|---:|---:|")
    base_s = figures[:, 0, -1].mean()
    for i, name in enumerate(WAYS):
        distance, match, between, seconds = figures[:, i].T
        print(
            f"| {name} | {distance.mean():.3f} | {np.median(match):.3f} ({match.max():.3f}) "
            f"| {np.median(between):.3f} | {seconds.mean() / base_s:.2f} |"
        )
    if args.sheet:
        Image.fromarray(np.concatenate([row for _, row in measured])).save(args.sheet)


if __name__ == "__main__":
    main()
