"""A source of NDI: programs on other machines of the network find it by its name, and show it."""

import time
from contextlib import redirect_stdout
from fractions import Fraction
from io import StringIO
from typing import Any

import cv2

from engine.common.arrays import Pixels
from engine.common.errors import MachineError, printable

# NDI sends in threads of its own, drops pictures, and closing ends it: the last one is sent so often.
LAST_SENT, LAST_EVERY_S = 20, 0.1


class NdiSender:
    """An open source of one fixed size and rate. name: under which other programs list it.

    Everybody in the network can watch: NDI knows no password, and its pictures are not encrypted.
    Raises MachineError where cyndilib is missing, or the source cannot be opened.
    """

    def __init__(self, name: str, width_px: int, height_px: int, rate_hz: int) -> None:
        self._name = printable(name)
        self._last: Pixels | None = None
        try:
            from cyndilib.audio_frame import AudioSendFrame
            from cyndilib.sender import Sender
            from cyndilib.video_frame import VideoSendFrame
            from cyndilib.wrapper.ndi_structs import FourCC
        except ImportError:
            raise MachineError(
                f"ndi:{self._name}: cyndilib is missing; `./kiosk doctor` names the command."
            ) from None
        frame = VideoSendFrame()
        frame.set_resolution(width_px, height_px)
        frame.set_frame_rate(Fraction(rate_hz))
        frame.set_fourcc(FourCC.RGBX)
        # Whoever plays sets the pace: with its own clock NDI would hold up the picture after next.
        self._sender: Any = Sender(name, clock_video=False, clock_audio=False)
        self._sender.set_video_frame(frame)
        # Nothing is sent of it, but without one cyndilib 0.1.3 crashes where a name is taken.
        self._sender.set_audio_frame(AudioSendFrame())
        try:
            with redirect_stdout(StringIO()):  # cyndilib prints its error before it raises it
                self._sender.open()
        except MemoryError:  # as cyndilib says it
            raise MachineError(
                f"ndi:{self._name}: cannot be opened. Another program on this machine may have this name: "
                "give ndi:NAME with another one."
            ) from None

    def __str__(self) -> str:
        return f"ndi:{self._name}: choose {printable(self._sender.name)} in programs that receive NDI."

    def show(self, picture: Pixels) -> None:
        """Sends a picture, uint8 (H, W, 3) RGB. Raises MachineError where that fails."""
        if not self._sender.write_video(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA).reshape(-1)):
            raise MachineError(f"ndi:{self._name}: takes no more pictures. Start again.")
        self._last = picture

    @property
    def watchers(self) -> int:
        """How many programs receive it now."""
        return int(self._sender.get_num_connections(0))

    def close(self) -> None:
        """Closes it, once the last picture has arrived: whoever watches may go on seeing it. May be repeated.

        Raises MachineError where the last picture cannot be sent; it is closed in that case, too.
        """
        try:
            if self._last is not None and self.watchers:
                for _ in range(LAST_SENT):
                    self.show(self._last)
                    time.sleep(LAST_EVERY_S)
        finally:
            self._last = None  # cyndilib crashes where watchers of a closed source are counted
            self._sender.close()
