"""Where the time of a visit goes: stages of one visit of the sample sitter, and their share.

    python -m benchmarks.visit [--config config/default.toml]

Prints a table for `benchmarks/results/`. Times depend on the machine; the shares are what to look at.
"""

import argparse
import platform
import resource
import tempfile
import time
from pathlib import Path

import torch

from engine.photographs.photograph import load_photograph
from installation.cli.portray import sample_sitter
from installation.settings.configuration import DEFAULT, load


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=DEFAULT)
    arguments = parser.parse_args()

    began = time.monotonic()
    from installation.outputs.record import write_visit
    from installation.workers.models import ModelBundle

    bundle = ModelBundle(load(arguments.config))
    stages = {"loading": time.monotonic() - began}
    photo = sample_sitter()
    portrayal = bundle.portray([load_photograph(photo)])
    stages |= portrayal.seconds
    with tempfile.TemporaryDirectory() as folder:
        before = time.monotonic()
        write_visit(Path(folder) / "visit", portrayal, bundle.provenance(), photo.name)
        stages["writing"] = time.monotonic() - before
    total = time.monotonic() - began

    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"generator {bundle.generator.resolution} px, {portrayal.steps} + {portrayal.tuning_steps} steps\n")
    print("| stage | seconds | share |\n|---|---:|---:|")
    for stage, seconds in stages.items():
        print(f"| {stage} | {seconds:.1f} | {seconds / total:.0%} |")
    print(f"| all | {total:.1f} | 100% |\n\nPeak memory {memory_mib:.0f} MiB.")


if __name__ == "__main__":
    main()
