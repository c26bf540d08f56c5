"""Pictures a second of the generator and embeddings a second of each judge, and how cost grows with work."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from engine.border.continuum import Continuum
from engine.border.strip_builder import make_strip
from engine.border.tracing import Curve
from engine.common.arrays import Pixels
from engine.inversion.projection import Place, fast_dtype, median_face
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_pictures
from engine.judges.perturbations import perturbations
from engine.pipeline.curves import sampler
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.network import Generator

BATCHES = (1, 16)


@dataclass(frozen=True)
class Amounts:
    """What the growth of cost is measured at, rising."""

    resolutions: Sequence[int] = (128, 256, 512, 1024)
    strip: Sequence[int] = (15, 30, 60, 120)
    perturbations: Sequence[int] = (1, 2, 4, 8, 16)
    judges: Sequence[int] = (1, 2, 4, 8)


TRIAL = Amounts((32, 64), (2, 4), (1, 2), (1, 2))


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """The median of `repeats` runs, after one that does not count."""
    work()
    taken = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began_s)
    return median(taken)


def pictures_per_s(generator: Generator, repeats: int) -> dict[str, float]:
    """By dtype and batch; no gradients."""
    rates = {}
    for dtype in dict.fromkeys((torch.float32, fast_dtype(generator.device))):
        for batch in BATCHES:
            ws = generator.broadcast(generator.mapping.w_avg[None]).expand(batch, -1, -1)

            @torch.no_grad()
            def work(ws: torch.Tensor = ws, dtype: torch.dtype = dtype) -> torch.Tensor:
                return generator.synthesis(ws, dtype=dtype)

            name = f"{str(dtype).removeprefix('torch.')}, batch {batch}"
            rates[name] = batch / seconds_of(work, repeats)
    return rates


def embeddings_per_s(
    judges: Sequence[Judge], references: Sequence[Reference], picture: Pixels, repeats: int
) -> dict[str, float]:
    """By judge, in batches of eight perturbations, cropping included."""
    changes = perturbations(0, 8)
    return {
        judge.name: len(changes)
        / seconds_of(lambda: judge.describe([picture], reference.alignment, changes), repeats)  # noqa: B023
        for judge, reference in zip(judges, references, strict=True)
    }


def growth(
    panel: Sequence[Judge],
    reference: Reference,
    generator: Generator,
    picture: Pixels,
    repeats: int,
    amounts: Amounts,
) -> dict[str, dict[int, float]]:
    """What grows -> how much of it -> seconds.

    pixels: a step of a search (draw and differentiate) of random weights with the embedded generator's
    channels. strip pictures: drawn, and one in four judged, as the film of a visit is. perturbations: of one
    picture judged. judges: one picture judged by as many.

    panel: the same judge, loaded as often as judges are wanted: different ones cost differently, whatever
    their number. reference: as it knows the sitter.
    """
    leading = panel[0]
    settings = PortrayalSettings()
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        end = Place(generator.broadcast(generator.mapping(z.to(generator.device))))

    def strip(count: int) -> None:
        way = Continuum(generator, median_face(generator), end)
        sample = sampler(leading, reference, way.picture, settings, lambda _: None)
        ends = Curve(tuple(sample((0.0, 1.0))), (), leading.threshold)
        make_strip(way, leading, ends, sample, count)

    return {
        "pixels": {px * px: _step_s(px, repeats) for px in amounts.resolutions},
        "strip pictures": {n: seconds_of(lambda: strip(n), 1) for n in amounts.strip},  # noqa: B023
        "perturbations": {
            k: seconds_of(lambda: judge_pictures(leading, reference, [picture], 0, k), repeats)  # noqa: B023
            for k in amounts.perturbations
        },
        "judges": {
            n: seconds_of(
                lambda: [judge_pictures(judge, reference, [picture]) for judge in panel[:n]],  # noqa: B023
                repeats,
            )
            for n in amounts.judges
        },
    }


def exponent(costs: dict[int, float]) -> float:
    """The slope of cost over amount in logarithms, by least squares: 1 is linear. NaN for a single point."""
    if len(costs) < 2:
        return math.nan
    slope, _ = np.polyfit(np.log(list(costs)), np.log(list(costs.values())), 1)
    return float(slope)


def _step_s(resolution: int, repeats: int) -> float:
    generator = Generator(resolution=resolution, channel_base=8192, channel_max=256).requires_grad_(False)
    ws = generator.broadcast(generator.mapping.w_avg[None]).clone().requires_grad_()
    dtype = fast_dtype(generator.device)
    return seconds_of(lambda: generator.synthesis(ws, dtype=dtype).square().mean().backward(), repeats)
