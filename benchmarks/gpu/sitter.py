"""One sitter, searched, tuned and taken across the border on the CPU and on the device."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks.gpu.pictures import embedded, normal
from engine.common.device import brought_to
from engine.inversion.projection import Place, SearchSettings, Step, draw, fast_dtype, search_latent, tune
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.network import Generator, to_uint8

CPU = torch.device("cpu")


def one_sitter(device: torch.device, toy: bool) -> None:
    """Prints what is found for the same sitter on both, and how long it takes."""
    settings = (2, 2, 2) if toy else (60, 60, 20)
    print(f"\n{settings[0]} steps of the latent, {settings[1]} of the weights, {settings[2]} across.")
    print("\n| on | what | distance | seconds |\n|---|---|---:|---:|")
    matches = {}
    for where in dict.fromkeys((CPU, device)):
        generator = brought_to(embedded(), where)
        with torch.no_grad():
            sitter = generator(normal(1, generator.z_dim).to(where), psi=0.8)
        loss = NormalisedLaplacianPyramid().towards(sitter, torch.ones_like(sitter[:, :1]))
        search = SearchSettings(steps=settings[0], tuning_steps=settings[1], dtype=fast_dtype(where))
        found, seconds = _timed(lambda: search_latent(generator, loss, search))  # noqa: B023 (called at once)
        print(f"| {where} | search | {found.loss:.4f} | {seconds:.1f} |")
        found, seconds = _timed(lambda: tune(generator, loss, found.place, search))  # noqa: B023
        print(f"| {where} | tuning | {found.loss:.4f} | {seconds:.1f} |")
        matches[where] = found.picture.numpy().astype(int)
        try:
            _across(generator, to_uint8(sitter)[0].numpy(), found.place, settings[2])
        except ImportError as error:
            print(f"| {where} | across: left out, {error.name} is missing | | |")
    if len(matches) == 2:
        gap = np.abs(matches[CPU] - matches[device]).mean()
        print(f"\nThe two matches differ by {gap:.2f} grey levels (mean); their searches round differently.")


def _across(generator: Generator, sitter: np.ndarray, match: Place, steps: int) -> None:
    """The shortest way across, with dlib; prints its distances at both ends."""
    from engine.faces.analyser import FaceAnalyser
    from engine.finders.base import JudgeConstraint
    from engine.finders.nearest import NearestSettings, close_in, search_nearest
    from engine.judges.judging import judge_worst_case, make_reference
    from engine.judges.verifiers.dlib import DlibJudge
    from engine.perceptual.visible_change import VisibleChange

    judge, where = DlibJudge(), generator.device
    with torch.no_grad():
        picture = to_uint8(draw(generator, match))[0].numpy()
    importance = torch.full((1, 1, generator.resolution, generator.resolution), 0.25)
    middle = slice(generator.resolution // 4, -generator.resolution // 4)
    importance[:, :, middle, middle] = 1.0
    with FaceAnalyser() as finder:
        reference = make_reference(judge, [(sitter, np.zeros((478, 2), np.float32))])
        constraint = JudgeConstraint(judge, reference, 1.01 * judge.threshold)
        change = VisibleChange(picture, importance.to(where), NormalisedLaplacianPyramid(), finder)
        settings = NearestSettings(steps=steps, dtype=fast_dtype(where))
        found, seconds = _timed(lambda: search_nearest(generator, match, [constraint], change, settings))

        def worst(shown: np.ndarray) -> float:
            return judge_worst_case(judge, reference, [shown])[0].worst_distance

        twin = close_in(
            generator, found.place, match, lambda shown: [worst(each) > constraint.limit for each in shown]
        )
        print(f"| {where} | dlib at the match, worst case | {worst(picture):.3f} | |")
        if twin is None:
            print(f"| {where} | across: none found in so few steps | | {seconds:.1f} |")
        else:
            print(f"| {where} | dlib across, worst case | {worst(twin.picture):.3f} | {seconds:.1f} |")
            print(f"| {where} | visible change across | {change.measure(twin.picture).total:.2f} | |")


def _timed(steps: Callable[[], Iterator[Step]]) -> tuple[Step, float]:
    """The last of the steps, and how long they took."""
    began_s = time.monotonic()
    *_, last = steps()
    return last, time.monotonic() - began_s
