"""Whether a GPU computes what the CPU does, and how fast: one command for a machine that has one.

    python -m benchmarks.gpu                        # CUDA against the CPU; about ten minutes
    python -m benchmarks.gpu --device cpu --toy     # whether the command itself works; half a minute

1. The embedded generator and, where the original test data (`benchmarks/test_data.py`) is there, its golden
   files: largest difference from the CPU's and from the reference's pictures. Above 1e-3 (an eighth of
   a grey level) the exit code is 1.
2. One search, tuning and shortest way across for a sitter whom the generator makes, on both.
3. Search steps, tuning steps and pictures a second, and the GPU's memory, of FFHQ's architecture at 1024 px
   with random weights, in both precisions and layouts of memory. What the installation does on a GPU is the
   lower precision with channels last; what is judged is float32.

From the checkout, with torch, numpy, Pillow, safetensors and opencv. The shortest way across needs all that a
visit does (dlib, mediapipe, scipy, scikit-image), and is left out where that is missing.
"""

import argparse
import copy
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from benchmarks.test_data import ROOT, SHARED
from engine.common.device import brought_to, choose, within_memory
from engine.common.errors import DoppelgangerError, MachineError
from engine.inversion.projection import (
    Place,
    SearchSettings,
    Step,
    draw,
    fast_dtype,
    median_face,
    search_latent,
    tune,
)
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator, to_uint8

GOLDEN = SHARED / "golden"
TOLERANCE = 1e-3
CPU = torch.device("cpu")
FFHQ = {"z_dim": 512, "w_dim": 512, "resolution": 1024, "channel_base": 32768, "channel_max": 512}
TOY = {"z_dim": 64, "w_dim": 64, "resolution": 64, "channel_base": 1024, "channel_max": 32}
LAYOUTS = {"plain": torch.contiguous_format, "channels last": torch.channels_last}


def embedded() -> Generator:
    return load_generator(ROOT / "weights" / "nobody.safetensors")


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


# --- 1. the same pictures


@torch.no_grad()
def same_pictures(device: torch.device) -> bool:
    """Prints the largest differences; whether all are within the tolerance."""
    print("\n| pictures in [-1, 1] | largest difference |\n|---|---:|")
    differences = {}
    generator = embedded()
    there = brought_to(generator, device)
    z = normal(4, generator.z_dim)
    differences["embedded generator, from the CPU's"] = _gap(there(z.to(device)), generator(z))
    for path in sorted(GOLDEN.glob("stylegan2-*.npz")):
        differences[f"{path.name}, from the reference's"] = golden_difference(path, device)
    for name, gap in differences.items():
        print(f"| {name} | {gap:.1e}{'' if gap < TOLERANCE else ' **too much**'} |")
    dtype = fast_dtype(device)
    if dtype is not torch.float32:
        place = Place(there.broadcast(there.mapping(z.to(device))))
        exact, fast = (draw(there, place, each) for each in (torch.float32, dtype))
        levels = float((exact - fast).abs().mean()) * 127.5
        print(f"\nIn {dtype} they differ by {levels:.2f} grey levels (mean).")
    return all(gap < TOLERANCE for gap in differences.values())


def golden_difference(path: Path, device: torch.device) -> float:
    with np.load(path) as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    generator = Generator(*arrays["config"].tolist()).eval().requires_grad_(False)
    state = {
        name.removeprefix("state/"): array for name, array in arrays.items() if name.startswith("state/")
    }
    generator.load_state_dict(
        {name: array for name, array in state.items() if not name.endswith("resample_filter")}
    )
    there = brought_to(generator, device)
    z, w_plus = arrays["z"].to(device), arrays["w_plus"].to(device)
    return max(
        _gap(there(z), arrays["image_const_noise"]),
        _gap(there(z, psi=0.7, noise_mode="none"), arrays["image_no_noise_psi07"]),
        _gap(there.synthesis(w_plus), arrays["image_w_plus"]),
    )


def _gap(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours.cpu() - theirs).abs().max())


# --- 2. one sitter


def one_sitter(device: torch.device, toy: bool) -> None:
    """Prints what is found for the same sitter on the CPU and on the device, and how long it takes."""
    settings = (12, 6, 15) if toy else (200, 150, 40)
    print(f"\n{settings[0]} steps of the latent, {settings[1]} of the weights, {settings[2]} across.")
    print("\n| on | what | distance | seconds |\n|---|---|---:|---:|")
    matches = {}
    for where in dict.fromkeys((CPU, device)):
        generator = brought_to(embedded(), where)
        with torch.no_grad():
            sitter = generator(normal(1, generator.z_dim).to(where), psi=0.8)
        loss = NormalisedLaplacianPyramid().towards(sitter, torch.ones_like(sitter[:, :1]))
        search = SearchSettings(steps=settings[0], tuning_steps=settings[1], dtype=fast_dtype(where))
        found, seconds = timed(lambda: search_latent(generator, loss, search))  # noqa: B023 (called at once)
        print(f"| {where} | search | {found.loss:.4f} | {seconds:.1f} |")
        found, seconds = timed(lambda: tune(generator, loss, found.place, search))  # noqa: B023
        print(f"| {where} | tuning | {found.loss:.4f} | {seconds:.1f} |")
        matches[where] = found.picture.numpy().astype(int)
        try:
            across(generator, to_uint8(sitter)[0].numpy(), found.place, settings[2])
        except ImportError as error:
            print(f"| {where} | across: left out, {error.name} is missing | | |")
    if len(matches) == 2:
        gap = np.abs(matches[CPU] - matches[device]).mean()
        print(f"\nThe two matches differ by {gap:.2f} grey levels (mean); their searches round differently.")


def across(generator: Generator, sitter: np.ndarray, match: Place, steps: int) -> None:
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
        found, seconds = timed(lambda: search_nearest(generator, match, [constraint], change, settings))

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


def timed(steps: Callable[[], Iterator[Step]]) -> tuple[Step, float]:
    """The last of the steps, and how long they took."""
    began = time.monotonic()
    *_, last = steps()
    return last, time.monotonic() - began


# --- 3. speed


def speed(device: torch.device, toy: bool) -> None:
    """Prints a table for FFHQ's architecture."""
    torch.manual_seed(0)
    generator = Generator(**(TOY if toy else FFHQ)).eval().requires_grad_(False)
    generator.mapping.w_avg.copy_(generator.mapping(normal(1000, generator.z_dim)).mean(dim=0))
    count = 60 if device.type == "cuda" and not toy else 3
    weights = sum(weight.numel() for weight in generator.parameters())
    print(f"\n{generator.resolution} px, {weights / 1e6:.1f} M weights\n")
    print("| precision | layout | search steps/s | tuning steps/s | pictures/s | memory, GiB |")
    print("|---|---|---:|---:|---:|---:|")
    for dtype in dict.fromkeys((torch.float32, fast_dtype(device))):
        for layout, memory_format in LAYOUTS.items():
            there = copy.deepcopy(generator).to(device, memory_format=memory_format)  # type: ignore[call-overload]
            if device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            try:
                with within_memory():
                    rates = " | ".join(f"{rate:.2f}" for rate in measured(there, dtype, count))
            except MachineError:
                rates = "not enough memory | |"
            peak = f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if device.type == "cuda" else ""
            print(f"| {str(dtype).removeprefix('torch.')} | {layout} | {rates} | {peak} |")


def measured(generator: Generator, dtype: torch.dtype, count: int) -> Iterator[float]:
    """Search steps, tuning steps and pictures a second."""
    size = generator.resolution
    target = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(generator.device)
    loss = NormalisedLaplacianPyramid().towards(target, torch.ones_like(target[:, :1]))
    settings = SearchSettings(steps=count + 2, tuning_steps=count + 2, dtype=dtype, patience=10**6)
    median = median_face(generator)
    yield rate(search_latent(generator, loss, settings), count)
    yield rate(tune(generator, loss, median, settings), count)

    @torch.no_grad()
    def pictures() -> Iterator[torch.Tensor]:
        while True:
            yield to_uint8(draw(generator, median, dtype))

    yield rate(pictures(), count)


def rate(steps: Iterator[object], count: int) -> float:
    """A second, without the first one, which sets things up. Each ends with a picture on the CPU, so that
    nothing is under way when the clock is read."""
    next(steps)
    began = time.monotonic()
    for _ in range(count):
        next(steps)
    return count / (time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cuda")
    parser.add_argument("--toy", action="store_true", help="few steps and a small architecture")
    arguments = parser.parse_args()
    wanted: Literal["auto", "cpu", "cuda"] = arguments.device
    try:
        device = choose(wanted)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads of the CPU")
        same = same_pictures(device)
        one_sitter(device, arguments.toy)
        speed(device, arguments.toy)
    except DoppelgangerError as error:
        print(f"gpu: {error}", file=sys.stderr)
        return error.exit_code
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
