"""What every output for live pictures is."""

from typing import Protocol

from engine.common.arrays import Pixels

# Meeting programs want one size that never changes.
WIDTH_PX, HEIGHT_PX, RATE_HZ = 1280, 720, 30


class Output(Protocol):
    """A place where live pictures are shown, open since it was made. Its `str` is a line on how to watch."""

    def show(self, picture: Pixels) -> None:
        """Shows a picture, uint8 (720, 1280, 3) RGB, which must not change any more. Never waits for whoever
        watches. Raises MachineError where the output is lost."""

    def close(self) -> None:
        """Closes it; whoever watches may go on seeing the last picture."""
