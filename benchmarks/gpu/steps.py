"""What a step costs on the device, and its memory, by generator, precision, layout and distance.

A generator with random weights costs what the trained one does.
"""

import copy
import gc
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields

import torch

from benchmarks.gpu.panel import on_device
from benchmarks.gpu.pictures import embedded, short, untrained
from benchmarks.test_data import ROOT
from engine.common.device import brought_to, within_memory
from engine.common.errors import MachineError
from engine.inversion.projection import (
    Place,
    SearchSettings,
    draw,
    fast_dtype,
    median_face,
    search_latent,
    tune,
)
from engine.judges.base import Judge
from engine.judges.gradients import DifferentiableJudge
from engine.judges.perturbations import perturbations
from engine.perceptual.distance import Distance
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.lpips import LPIPS
from engine.stylegan2.network import Generator, to_uint8

PLAIN, LAST = "plain", "channels last"
LAYOUTS = {PLAIN: torch.contiguous_format, LAST: torch.channels_last}
LIMIT_GIB = 6.0  # of the whole process, the judges' networks included
CUDA_GIB = 0.5  # about what CUDA itself takes of that for its kernels
# As the engine has them in modules that need scipy or scikit-image: steps across, perturbations of each;
# pictures judged until the border is found, and of its film.
ACROSS, ACROSS_K = 20, 5
JUDGED_PICTURES, STRIP = 25, 36


@dataclass(frozen=True)
class Rates:
    """Of each a second."""

    search: float
    tuning: float
    across: float
    pictures: float


@dataclass(frozen=True)
class Case:
    """One row. ships: what the installation does there, whose memory has a limit."""

    name: str
    generator: Generator
    dtype: torch.dtype
    layout: str
    distance: Distance
    ships: bool

    @property
    def distance_name(self) -> str:
        return type(self.distance).__name__


def costs(device: torch.device, toy: bool, judges: Sequence[Judge], late: Callable[[], bool]) -> bool:
    """Prints the table, and what it comes to; whether the memory keeps its limit. late: no further row."""
    print(
        "\nA step across the border differentiates the distance and, through "
        f"{ACROSS_K} perturbations each, {len(judges)} judges: "
        + ", ".join(judge.name for judge in judges)
        + ". Memory is PyTorch's at its most, with all their networks. What the installation does is refused "
        f"more than {LIMIT_GIB} GiB, of which {CUDA_GIB} are left to CUDA itself."
    )
    print(
        "\n| generator | precision | layout | distance | search steps/s | tuning steps/s | across steps/s "
        "| pictures/s | memory, GiB |\n|---|---|---|---|---:|---:|---:|---:|---:|"
    )
    kept, shares, there = True, [], on_device(judges, device)
    count = 40 if device.type == "cuda" and not toy else 1
    for case in _cases(device, toy):
        if late():
            print("| the time is up, the rest is left out | | | | | | | | |")
            break
        rates = _rates(case, device, there, count)
        kept &= rates is not None or not _limited(case, device)
        if rates is not None and case.ships:
            shares.append(f"{case.name}, {case.distance_name}: {_share(rates)}")
    print("\nThe device's share of a visit, without faces, verdicts and bisections:\n")
    print("\n".join(f"- {share}" for share in shares))
    return kept


def _cases(device: torch.device, toy: bool) -> Iterator[Case]:
    fast, full = fast_dtype(device), untrained(toy)
    pyramid, sizes = NormalisedLaplacianPyramid(), f"{full.resolution} px"
    if not toy:
        own = embedded()
        yield Case(f"embedded, {own.resolution} px", own, fast, LAST, pyramid, True)
    yield Case(sizes, full, fast, LAST, pyramid, True)
    torch.manual_seed(0)
    yield Case(sizes, full, fast, LAST, brought_to(LPIPS(), device), True)
    yield Case(sizes, full, fast, PLAIN, pyramid, False)
    if fast is not torch.float32:
        yield Case(sizes, full, torch.float32, LAST, pyramid, False)
        yield Case(sizes, full, torch.float32, PLAIN, pyramid, False)


def _limited(case: Case, device: torch.device) -> bool:
    return case.ships and device.type == "cuda"


def _rates(
    case: Case, device: torch.device, judges: Sequence[DifferentiableJudge], count: int
) -> Rates | None:
    """Prints one row; None where the memory was not enough."""
    cuda = device.type == "cuda"
    generator = copy.deepcopy(case.generator).to(device, memory_format=LAYOUTS[case.layout])  # type: ignore[call-overload]
    if cuda:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    rates = None
    try:
        with within_memory(), _memory_of(LIMIT_GIB - CUDA_GIB if _limited(case, device) else None, device):
            rates = Rates(*measured(generator, case, judges, count))
    except MachineError:
        pass
    cells = [case.name, short(case.dtype), case.layout, case.distance_name]
    cells += ["-"] * len(fields(Rates)) if rates is None else [f"{each:.2f}" for each in astuple(rates)]
    peak = f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if cuda else ""
    cells.append(peak if rates is not None else f"**not enough, {peak} taken**")
    print("| " + " | ".join(cells) + " |")
    return rates


@contextmanager
def _memory_of(limit_gib: float | None, device: torch.device) -> Iterator[None]:
    """What PyTorch wants above the limit is refused, as by a card of that size; None: no limit."""
    if limit_gib is None:
        yield
        return
    total_gib = torch.cuda.get_device_properties(device).total_memory / 2**30
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit_gib / total_gib), device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def _share(rates: Rates) -> str:
    """What the rates make of a visit as the default configuration has it."""
    search = tomllib.loads((ROOT / "config" / "default.toml").read_text())["search"]
    steps, tuning_steps = search["steps"], search["tuning_steps"]
    border_s = steps / rates.search + tuning_steps / rates.tuning + JUDGED_PICTURES / rates.pictures
    return (
        f"{border_s:.1f} s to the border "
        f"({steps} steps, {tuning_steps} of tuning, {JUDGED_PICTURES} pictures), "
        f"{STRIP / rates.pictures:.1f} s its film ({STRIP} pictures), "
        f"{ACROSS / rates.across:.1f} s across ({ACROSS} steps)"
    )


def measured(
    generator: Generator, case: Case, judges: Sequence[DifferentiableJudge], count: int
) -> Iterator[float]:
    """The numbers of `Rates`, in their order."""
    size = generator.resolution
    target = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(generator.device)
    loss = case.distance.towards(target, torch.ones_like(target[:, :1]))
    settings = SearchSettings(steps=count + 2, tuning_steps=count + 2, dtype=case.dtype, patience=10**6)
    median = median_face(generator)
    yield _rate(search_latent(generator, loss, settings), count)
    tuning = tune(generator, loss, median, settings)
    yield _rate(tuning, count)
    last = next(tuning)

    def across() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        move = torch.zeros_like(last.place.latent, requires_grad=True)
        while True:
            picture = draw(generator, Place(last.place.latent + move, last.place.offsets), case.dtype)
            (slope,) = torch.autograd.grad(loss(picture).sum(), move, retain_graph=True)
            for judge in judges:
                far = judge.distances(picture, perturbations(0, ACROSS_K)).mean()
                slope = slope + torch.autograd.grad(far, move, retain_graph=True)[0]
            yield to_uint8(picture), slope.cpu()

    @torch.no_grad()
    def pictures() -> Iterator[torch.Tensor]:
        while True:
            yield to_uint8(draw(generator, last.place))

    yield _rate(across(), count)
    yield _rate(pictures(), count)


def _rate(steps: Iterator[object], count: int) -> float:
    """A second, without the first one, which sets things up. Each ends with a picture on the CPU, so that
    nothing is under way when the clock is read."""
    next(steps)
    began_s = time.perf_counter()
    for _ in range(count):
        next(steps)
    return count / (time.perf_counter() - began_s)
