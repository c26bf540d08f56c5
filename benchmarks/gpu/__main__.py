"""Whether a GPU computes what the CPU does, and how fast: one command for a machine that has one.

    python -m benchmarks.gpu                        # CUDA against the CPU; about nine minutes at most
    python -m benchmarks.gpu --device cpu --toy     # whether the command itself works; half a minute

1. The embedded generator and the golden files: largest difference from the CPU's and from the reference's
   pictures. Above 1e-3 (an eighth of a grey level) the exit code is 1.
2. Seconds from the shutter to the border and to the doppelgänger, by stage (`visit`).
3. Steps and pictures a second, and the GPU's memory with the panel of judges, of FFHQ's architecture at
   1024 px with random weights, in both precisions and layouts (`steps`). What the installation does on a GPU
   is the lower precision with channels last; what is judged is float32. Where that needs more than 6 GiB the
   exit code is 1.
4. One search, tuning and shortest way across for a sitter whom the generator makes, on both (`sitter`).
5. What CUDA graphs would gain (`graphs`).

From the checkout, with torch, numpy, Pillow, safetensors and opencv. Whole visits and the shortest way across
need all that a visit does (dlib, mediapipe, scipy, scikit-image, pydantic), and are left out where that is
missing. What fails is said, makes the exit code 1, and does not keep the rest from running; what would begin
too late is left out.
"""

import argparse
import platform
import sys
import traceback
from collections.abc import Callable
from time import monotonic
from typing import Literal

import torch

from benchmarks.gpu.graphs import gains
from benchmarks.gpu.panel import installed_judges
from benchmarks.gpu.pictures import same_pictures
from benchmarks.gpu.sitter import one_sitter
from benchmarks.gpu.steps import costs
from benchmarks.gpu.visit import visits
from engine.common.device import choose
from engine.common.errors import DoppelgangerError

LATEST = 0.75  # share of the minutes; nothing begins later


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cuda")
    parser.add_argument("--toy", action="store_true", help="few steps and a small architecture")
    parser.add_argument("--repeats", type=int, default=5, help="whole visits of each generator")
    parser.add_argument("--minutes", type=float, default=9.0, help="within which all ends")
    arguments = parser.parse_args()
    wanted: Literal["auto", "cpu", "cuda"] = arguments.device
    toy, began_s = arguments.toy, monotonic()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        device = choose(wanted)
    except DoppelgangerError as error:
        print(f"gpu: {error}", file=sys.stderr)
        return error.exit_code
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads of the CPU")

    def late(share: float = LATEST) -> bool:
        return monotonic() - began_s > share * 60 * arguments.minutes

    parts: dict[str, Callable[[], bool | None]] = {
        "The same pictures": lambda: same_pictures(device),
        "From the shutter to the border": lambda: visits(device, toy, arguments.repeats, late),
        "Steps and memory": lambda: costs(device, toy, installed_judges(), late),
        "The same sitter": lambda: one_sitter(device, toy),
        "CUDA graphs": lambda: gains(device, toy),  # last: what fails while recording may spoil CUDA
    }
    return 0 if all([_done(title, part, late) for title, part in parts.items()]) else 1


def _done(title: str, part: Callable[[], bool | None], late: Callable[[], bool]) -> bool:
    """Runs one part; False where it found something wrong or failed itself."""
    print(f"\n## {title}")
    if late():
        print("\nLeft out: the time is up.")
        return True
    began_s = monotonic()
    try:
        right = part() is not False
    except ImportError as error:
        print(f"\nLeft out: {error.name} is missing.")
        return True
    except Exception as error:  # a machine with a GPU is at hand once: the other parts shall run
        traceback.print_exc()
        print(f"\n**Failed: {type(error).__name__}: {str(error).splitlines()[:1]}**")
        return False
    print(f"\n({monotonic() - began_s:.0f} s)")
    return right


if __name__ == "__main__":
    sys.exit(main())
