"""What the kiosk shows on outputs for live pictures: the doppelgänger while it moves, else the card."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack

from engine.common.arrays import Pixels
from installation.live.framing import Frame, draw_card
from installation.live.output import Output
from installation.live.outputs import opened
from installation.live.playing import play
from installation.stage.canvas import Canvas
from installation.stage.view import ShownPicture, View
from installation.workers.supervision import ResilientService

log = logging.getLogger(__name__)

SILENT_S = 1.0  # a face that is older is not shown any more


class MeetingOutputs(ResilientService):
    """A service that holds the outputs of these names; see `installation.live.outputs`.

    It shows the card until the next meeting as soon as one is over, the visitor is away, or the main loop is
    silent for `SILENT_S`.
    """

    advice = "Check the outputs that --to names."

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("outputs")
        self._names, self._card = names, draw_card()
        self._newest: tuple[Pixels, float] | None = None  # the face as it moves, and when it was given
        self._open = ExitStack()
        self._outputs: Sequence[Output] = ()

    # --- for the main loop

    def frame(self, canvas: Canvas, view: View, shown: Sequence[ShownPicture]) -> None:
        """Takes the face from a finished frame; returns at once."""
        meeting = view.participant.meeting
        is_shown = meeting is not None and canvas.picture_light > 0
        self._newest = (meeting.picture, self.clock()) if meeting is not None and is_shown else None

    # --- the service's thread

    def setup(self) -> None:
        """Opens the outputs, each with the card."""
        self._outputs = self._open.enter_context(opened(self._names, self._card))
        for output in self._outputs:
            log.info("outputs: %s", output)

    def run(self) -> None:
        """Plays until it is to stop."""
        player = _Player(self._card)

        def picture_at(now_s: float) -> Pixels:
            self.beat()
            newest = self._newest
            return player.picture(newest[0] if newest and now_s - newest[1] <= SILENT_S else None)

        play(picture_at, self._outputs, self.stopping.is_set, self.clock)

    def teardown(self) -> None:
        """Shows the card, and closes the outputs."""
        self._open.close()


class _Player:
    """Sets the faces of one meeting after the other into their frames; each is set once."""

    def __init__(self, card: Pixels) -> None:
        self._card = card
        self._frame: Frame | None = None
        self._face: Pixels | None = None
        self._framed = card

    def picture(self, face: Pixels | None) -> Pixels:
        """What is shown of a face uint8 (R, R, 3) RGB, or of none."""
        if face is None:
            self._frame = self._face = None
            self._framed = self._card
        elif face is not self._face:
            # A meeting begins with the face at rest, whose edges stay.
            self._frame = self._frame or Frame(face)
            self._face, self._framed = face, self._frame.around(face)
        return self._framed
