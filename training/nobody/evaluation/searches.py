"""Portrays sitters as the installation does, and measures the matches and the encoder's guesses."""

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from engine.common.atomic_file import write_text
from engine.common.errors import NoUsableFace
from engine.finders.registry import make_finders
from engine.inversion.projection import SearchSettings, draw, fast_dtype, guess_place
from engine.inversion.target import aim_at, to_target
from engine.judges.judging import judge_pictures
from engine.judges.registry import panel
from engine.perceptual.distance import Distance
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.pipeline.portrayal import Portrayal, portray
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import Generator, to_uint8
from training.nobody.sheets import banded_sheet, contact_sheet

Array = NDArray[Any]


def search_all(
    generator: Generator,
    photographs: dict[str, Array],
    tuned: set[str],
    folder: Path,
    encoder: Encoder | None = None,
) -> list[dict[str, Any]]:
    """Portrays each photograph as the installation does; those in `tuned` a second time, with tuning.

    Writes searches.json after each, and searches.png: portrait, median, match in W+, tuned, doppelgänger.
    With an encoder also guesses.png, of those not in `tuned`: portrait, its guess, match in W+.
    """
    judges, distance = panel(["dlib"]), NormalisedLaplacianPyramid()
    dtype = fast_dtype(generator.mapping.w_avg.device)
    search = SearchSettings(dtype=dtype)
    # The nearest doppelgänger is looked for once, in the last portrayal of each sitter.
    without_nearest = make_finders(["on-the-way", "towards-others"])
    never = PortrayalSettings(search=search, tuning="never", finders=without_nearest, strip=1)
    always = PortrayalSettings(
        search=search, tuning="always", finders=make_finders(dtype=dtype), strip=1, nearest_strip=1
    )
    rows: list[dict[str, Any]] = []
    pictures: list[Array] = []
    guesses: list[Array] = []  # each (3, R, R, 3)
    for name, photograph in tqdm(photographs.items(), "searches"):
        try:
            plain = portray([photograph], generator, judges, distance, never, encoder=encoder)
        except NoUsableFace as error:
            rows.append({"sitter": name, "refused": str(error)})
            write_text(folder / "searches.json", json.dumps(rows, indent=1))
            continue
        last = plain
        if name in tuned:
            last = portray([photograph], generator, judges, distance, always, encoder=encoder)
        (judged,), (final,) = plain.judged, last.judged
        rows.append(
            {
                "sitter": name,
                "median": judged.at_median,
                "w_plus": judged.at_match,
                "tuned": final.at_match if name in tuned else None,
                "border_t": final.curve.border.t if final.curve.border else None,
                "doppelganger": last.doppelganger.kind if last.doppelganger else None,
                "seconds": sum(last.seconds.values()),
            }
        )
        twin = last.doppelganger.picture if last.doppelganger else np.zeros_like(last.continuum.picture(1.0))
        row = [plain.continuum.picture(t) for t in (0.0, 1.0)] + [last.continuum.picture(1.0), twin]
        size = generator.resolution
        pictures += [cv2.resize(plain.portrait.image, (size, size), interpolation=cv2.INTER_AREA), *row]
        if encoder:
            measured, guessed = measure_guess(generator, encoder, distance, plain)
            rows[-1] |= measured
            if name not in tuned:
                guesses.append(np.stack([pictures[-5], guessed, plain.continuum.picture(1.0)]))
                banded_sheet(guesses).save(folder / "guesses.png")
        write_text(folder / "searches.json", json.dumps(rows, indent=1))
        contact_sheet(torch.from_numpy(np.stack(pictures)), 5).save(folder / "searches.png")
    return rows


@torch.no_grad()
def measure_guess(
    generator: Generator, encoder: Encoder, distance: Distance, found: Portrayal
) -> tuple[dict[str, float], Array]:
    """How near the encoder alone comes to a sitter, beside the median face and the match that was searched:
    the search's own distance of the three, the judge's of the guess; and the guess, uint8 (R, R, 3)."""
    (judged,) = found.judged
    target = aim_at(found.portrait, generator.resolution, distance, generator.device)
    guessed = to_uint8(draw(generator, guess_place(generator, encoder, target.picture)))[0].numpy()
    (verdict,) = judge_pictures(judged.judge, judged.reference, [guessed])
    shown = {
        "median": found.continuum.picture(0.0),
        "encoder": guessed,
        "w_plus": found.continuum.picture(1.0),
    }
    losses = {
        f"loss_{name}": float(target.loss(to_target(p, generator.resolution))) for name, p in shown.items()
    }
    return losses | {"encoder": verdict.distance}, guessed


@torch.no_grad()
def encoder_ms(encoder: Encoder, resolution: int) -> float:
    """Milliseconds of one core that a guess takes: the median of 20."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    picture, taken_s = torch.zeros(1, 3, resolution, resolution), []
    for _ in range(20):
        began_s = time.process_time()
        encoder(picture)
        taken_s.append(time.process_time() - began_s)
    torch.set_num_threads(threads)
    return 1000 * float(np.median(taken_s))
