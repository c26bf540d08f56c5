"""Plays live pictures on outputs, at the one rate that all of them have."""

import time
from collections.abc import Callable, Sequence

from engine.common.arrays import Pixels
from installation.live.output import RATE_HZ, Output


def play(
    picture_at: Callable[[float], Pixels],
    outputs: Sequence[Output],
    stops: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Shows what `picture_at` gives for a time, `RATE_HZ` times a second where the machine keeps up.

    Goes on until `stops` or an exception. now, sleep: the clock, in seconds. Raises MachineError where an
    output is lost.
    """
    due_s = now()
    while not stops():
        picture = picture_at(now())
        for output in outputs:
            output.show(picture)
        due_s = max(due_s + 1 / RATE_HZ, now())
        sleep(max(0.0, due_s - now()))
