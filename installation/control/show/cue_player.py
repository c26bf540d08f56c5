"""Plays the cue list: applies its messages when their time of day or their phase comes."""

import logging
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from engine.common.errors import UsageError
from installation.control.protocol.packets import Message
from installation.control.show.cues import WEEK, CueList, load_cues
from installation.control.show.dispatcher import Dispatcher
from installation.control.show.replies import Replies
from installation.control.transports.inbox import Peer, Received
from installation.settings.parameters import printable
from installation.settings.phase import Phase

log = logging.getLogger(__name__)

LOAD, SAVE = "/preset/load", "/preset/save"
CLOCK_CHECK_S = 0.5  # between two looks at the wall clock


class _CueListPeer:
    """The sender of what the cue list sends. Answers go nowhere; refusals are counted in the log."""

    host = "the cue list"
    alive = True

    def send(self, packet: bytes) -> bool:
        return False

    def at_port(self, port: int) -> "_CueListPeer":
        return self


CUE_LIST_PEER = _CueListPeer()


class CuePlayer:
    """Plays the cue list in `path`. `wall_clock` gives the local time.

    `resolve` turns a message to an address pattern into messages to the addresses that it matches.
    `preset_names` reads from the disk which presets there are.
    """

    def __init__(
        self,
        path: Path,
        wall_clock: Callable[[], datetime],
        resolve: Callable[[Message], list[Message]],
        dispatcher: Dispatcher,
        replies: Replies,
        preset_names: Callable[[], Collection[str]],
    ) -> None:
        self._path = path
        self._preset_names = preset_names
        self._wall_clock = wall_clock
        self._resolve = resolve
        self._dispatcher = dispatcher
        self._replies = replies
        self._cues = CueList()
        # Before the first frame the clock cues of a whole week count.
        self._played_until = wall_clock() - WEEK
        self._checked_s = -math.inf

    def load_at_start(self) -> None:
        """Reads the list. Faults are logged, entries without faults count: nobody can mend it now."""
        try:
            self._cues = load_cues(self._path)
        except UsageError as error:
            log.warning("%s", error)
        for line in self._faults(self._cues):
            log.warning("%s", line)

    def reload(self, peer: Peer, now_s: float) -> None:
        """`/cue/load`: reads the list anew. A list with a fault is refused, and the present one stays."""

        def read() -> CueList:
            cues = load_cues(self._path)
            for line in self._faults(cues):
                raise UsageError(line)
            return cues

        def replace(cues: CueList, now_s: float) -> str:
            self._cues = cues
            return f"{len(cues.cue)} cues"

        self._replies.after_disk_task(read, peer, "/cue/load", replace)

    def advance(self, now_s: float) -> None:
        """Plays what the wall clock has brought since the last look at it."""
        if now_s - self._checked_s < CLOCK_CHECK_S:
            return
        self._checked_s = now_s
        after, self._played_until = self._played_until, self._wall_clock()
        self._play(self._cues.between(after, self._played_until), now_s)

    def phase_began(self, phase: Phase, visit: int, now_s: float) -> None:
        """Plays the cues of a phase; `visit` counts the visits since the start."""
        self._play(self._cues.at_phase(phase, visit), now_s)

    def _play(self, messages: Iterable[Message], now_s: float) -> None:
        resolved = tuple(each for message in messages for each in self._resolve(message))
        self._dispatcher.apply(Received(CUE_LIST_PEER, resolved), now_s)

    def _faults(self, cues: CueList) -> Iterator[str]:
        """A line for each message in the list that would be refused when its time comes.

        A preset that is not there is no fault where the list saves it.
        """
        messages = [message for cue in cues.cue for message in cue.messages]
        presets: set[object] = {*self._preset_names()}
        presets.update(argument for each in messages if each.address == SAVE for argument in each.arguments)
        for number, cue in enumerate(cues.cue):
            for place, message in enumerate(cue.messages):
                faults = (
                    self._dispatcher.fault(each) or _missing_preset(each, presets)
                    for each in self._resolve(message)
                )
                if fault := next(filter(None, faults), ""):
                    entry = f"cue.{number}.send.{place}: {printable(message.address)}"
                    yield f"{self._path}: {entry}: {fault} Mend it, then send /cue/load."


def _missing_preset(message: Message, presets: Collection[object]) -> str:
    """Why a message that loads a preset would be refused; empty: it would not."""
    if message.address != LOAD or message.arguments[0] in presets:
        return ""
    return f"there is no preset {message.arguments[0]!r}: save it first."
