"""Whether a device draws what the CPU and the reference implementation draw."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.test_data import ROOT, SHARED
from engine.common.device import brought_to
from engine.inversion.projection import Place, draw, fast_dtype
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.network import Generator

TOLERANCE = 1e-3  # an eighth of a grey level
FFHQ = {"z_dim": 512, "w_dim": 512, "resolution": 1024, "channel_base": 32768, "channel_max": 512}
TOY = {"z_dim": 64, "w_dim": 64, "resolution": 64, "channel_base": 1024, "channel_max": 32}


def embedded() -> Generator:
    """The generator made of nobody, on the CPU."""
    return load_generator(ROOT / "weights" / "nobody.safetensors")


def untrained(toy: bool) -> Generator:
    """FFHQ's architecture at 1024 px, or a toy's at 64, with random weights, on the CPU."""
    torch.manual_seed(0)
    generator = Generator(**(TOY if toy else FFHQ)).eval().requires_grad_(False)
    generator.mapping.w_avg.copy_(generator.mapping(normal(1000, generator.z_dim)).mean(dim=0))
    return generator


def normal(*shape: int) -> torch.Tensor:
    """The same random numbers on every machine."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def short(dtype: torch.dtype) -> str:
    """A dtype's name without the library's."""
    return str(dtype).removeprefix("torch.")


@torch.no_grad()
def same_pictures(device: torch.device) -> bool:
    """Prints the largest differences; whether all are within the tolerance."""
    print("\n| pictures in [-1, 1] | largest difference |\n|---|---:|")
    differences = {}
    generator = embedded()
    there = brought_to(generator, device)
    z = normal(4, generator.z_dim)
    differences["embedded generator, from the CPU's"] = _gap(there(z.to(device)), generator(z))
    for path in _golden_files():
        differences[f"{path.parent.name}/{path.name}, from the reference's"] = golden_difference(path, device)
    for name, gap in differences.items():
        print(f"| {name} | {gap:.1e}{'' if gap < TOLERANCE else ' **too much**'} |")
    dtype = fast_dtype(device)
    if dtype is not torch.float32:
        place = Place(there.broadcast(there.mapping(z.to(device))))
        exact, fast = (draw(there, place, each) for each in (torch.float32, dtype))
        levels = float((exact - fast).abs().mean()) * 127.5
        print(f"\nIn {short(dtype)} they differ by {levels:.2f} grey levels (mean).")
    return all(gap < TOLERANCE for gap in differences.values())


def _golden_files() -> Iterator[Path]:
    """Those that the tests have, and the original ones where they are."""
    for folder in (ROOT / "tests" / "data" / "networks", SHARED / "golden"):
        yield from sorted(folder.glob("stylegan2-*.npz"))


def golden_difference(path: Path, device: torch.device) -> float:
    """The largest difference from the reference implementation's pictures in a golden file."""
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
    step = int(arrays.get("step_px", torch.tensor(1)))  # the tests' files hold every fifth pixel
    held = slice(step // 2, None, step)
    return max(
        _gap(drawn[:, :, held, held], arrays[name])
        for name, drawn in (
            ("image_const_noise", there(z)),
            ("image_no_noise_psi07", there(z, psi=0.7, noise_mode="none")),
            ("image_w_plus", there.synthesis(w_plus)),
        )
    )


def _gap(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours.cpu() - theirs).abs().max())
