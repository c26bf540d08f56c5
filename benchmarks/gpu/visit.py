"""Seconds from the photograph to the border and to the doppelgänger, by stage, on the device.

Two generators: the embedded one, whole visits as the kiosk's engine does them; and one of FFHQ's architecture
with random weights, whose visit has no border to find: it ends with the search, the tuning, the 17 judged
pictures and the film.
"""

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu.pictures import untrained
from engine.common.arrays import Pixels
from engine.common.device import brought_to

if TYPE_CHECKING:
    from engine.pipeline.portrayal import Portrayal

BORDER, FILM, END = "**shutter to border**", "shutter to its film", "**shutter to doppelgänger**"


def visits(device: torch.device, toy: bool, repeats: int, late: Callable[[float], bool]) -> None:
    """Prints two tables; raises ImportError where a package is missing that a visit needs. late: whether this
    share of the time is over."""
    from skimage import data

    from engine.finders.nearest import NearestFinder, NearestSettings
    from engine.pipeline.portrayal import portray
    from installation.settings.configuration import DEFAULT, load
    from installation.workers.models import ModelBundle

    configuration = load(DEFAULT)
    search = configuration.search.model_copy(update={"device": device.type})
    bundle = ModelBundle(configuration.model_copy(update={"search": search}), for_stage=True)
    if toy:
        quick = replace(bundle.settings.search, steps=4, tuning_steps=3)
        finders = (NearestFinder(NearestSettings(steps=2, check_every=2)),)
        bundle.settings = replace(
            bundle.settings, search=quick, finders=finders, k=1, strip=2, nearest_strip=2
        )
    photograph: Pixels = data.astronaut()

    def embedded(on_part: "Callable[[Portrayal], None]") -> "Portrayal":
        return bundle.portray([photograph], on_part=on_part)

    full = brought_to(untrained(toy), device)
    whole = replace(bundle.settings.search, patience=10**6)  # where nothing is gained, it would stop early
    settings = replace(bundle.settings, search=whole, finders=(), tuning="always")

    def random(on_part: "Callable[[Portrayal], None]") -> "Portrayal":
        return portray([photograph], full, bundle.judges, bundle.distance, settings, on_part=on_part)

    panel = ", ".join(judge.name for judge in bundle.judges)
    print(
        f"\nFrom a photograph of {photograph.shape[1]} x {photograph.shape[0]} px in memory; panel: {panel}; "
        f"{torch.get_num_threads()} threads of the CPU. Medians, the first visit not among them.\n"
    )
    for name, run, share in (
        (f"embedded, {bundle.generator.resolution} px", embedded, 0.25),
        (f"random weights, {full.resolution} px (no border)", random, 0.45),
    ):
        _several(name, run, 0 if toy else repeats, lambda: late(share))  # noqa: B023 (called at once)


def _several(
    name: str,
    run: "Callable[[Callable[[Portrayal], None]], Portrayal]",
    repeats: int,
    late: Callable[[], bool],
) -> None:
    """Prints the table of one generator: a first visit, in which the libraries set themselves up, and the
    others."""
    first_s, found = _timed(run)
    taken: list[dict[str, float]] = []
    while len(taken) < repeats and not late():
        taken.append(_timed(run)[0])
    print(f"| {name} | first | median of {len(taken)} |\n|---|---:|---:|")
    for stage, seconds in first_s.items():
        middle = f"{median(each[stage] for each in taken):.2f} s" if taken else ""
        print(f"| {stage} | {seconds:.2f} s | {middle} |")
    border, kind = found.strip.border_t, found.doppelganger
    print(
        f"\nBorder: {'none' if border is None else f't = {border:.3f}'}; doppelgänger: "
        f"{'none' if kind is None else kind.kind}; {found.steps} + {found.tuning_steps} steps.\n"
    )


def _timed(
    run: "Callable[[Callable[[Portrayal], None]], Portrayal]",
) -> "tuple[dict[str, float], Portrayal]":
    """Seconds by stage, and from the beginning to the border, its film and the end."""
    marks: list[float] = []
    began_s = perf_counter()
    found = run(lambda _: marks.append(perf_counter() - began_s))
    whole_s = perf_counter() - began_s
    return found.seconds | {BORDER: marks[0], FILM: marks[1], END: whole_s}, found
