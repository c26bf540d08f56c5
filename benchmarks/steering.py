"""What the ride across the border does before a head: `python -m benchmarks.steering [FILE ...]`.

Plays the border scene on a virtual clock. Without files: heads that rest turned by -20 to 20 degrees, with
the tracker's noise of one degree. With photographs and films: the yaw that the installation's own tracker
measures in them, where a photograph is a head that does not move. Prints the longest time for which the
picture stayed although the ride moves, and the verdicts in the order in which they were shown.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.support.steered_ride import longest_standstill_s, ride, verdicts
from tests.support.tracked_head import TrackedHead
from tests.support.visit_record import make_result, make_strip

PICTURES = 120  # of a continuum, as in the installation
BORDER_T = 0.2
RESTING_DEG = range(-20, 21, 5)
NOISE_DEG = 1.0


def main() -> None:
    """Prints one line of a table for each head."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="photographs and films")
    files = parser.parse_args().files
    print("| head | yaw | longest standstill | verdicts |\n|---|---:|---:|---|")
    for resting_deg in () if files else RESTING_DEG:
        print(_line("at rest", [resting_deg], _resting(resting_deg)))
    for path in files:
        with TrackedHead(path) as head:
            print(_line(path.name, head.measured_deg, head.yaw_deg_at))


def _resting(yaw_deg: float) -> Callable[[float], float]:
    random = np.random.default_rng(0)
    return lambda _: yaw_deg + float(random.normal(0, NOISE_DEG))


def _line(name: str, yaws_deg: list[float], yaw_deg_at: Callable[[float], float | None]) -> str:
    """Rides before one head. yaws_deg: its yaw, at least once the ride is over."""
    result = make_result(make_strip(2 * BORDER_T, PICTURES), make_strip(BORDER_T, PICTURES))
    frames = ride(result, yaw_deg_at)
    shown = " → ".join("same" if same else "someone else" for same in verdicts(frames))
    ends = sorted({round(min(yaws_deg)), round(max(yaws_deg))})
    yaw = " to ".join(f"{end:+d}°" for end in ends)
    return f"| {name} | {yaw} | {longest_standstill_s(frames):.2f} s | {shown} |"


if __name__ == "__main__":
    main()
