"""Plays the cue list: applies its messages when their time of day or their phase comes."""

import logging
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from engine.common.errors import UsageError
from installation.control.protocol.address_space import NEXT_CUE
from installation.control.protocol.packets import Message
from installation.control.show.cues import WEEK, CueList, load_cues, next_cue
from installation.control.show.dispatcher import Dispatcher
from installation.control.show.feedback import Feedback
from installation.control.show.replies import CommandRefused, Replies
from installation.control.transports.inbox import Peer, Received
from installation.settings.parameters import printable
from installation.settings.phase import Phase

log = logging.getLogger(__name__)

LOAD, SAVE, GO = "/preset/load", "/preset/save", "/cue/go"
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
        feedback: Feedback,
        replies: Replies,
        preset_names: Callable[[], Collection[str]],
    ) -> None:
        self._path = path
        self._preset_names = preset_names
        self._wall_clock = wall_clock
        self._resolve = resolve
        self._dispatcher = dispatcher
        self._feedback = feedback
        self._replies = replies
        self._cues = CueList()
        # Before the first frame the clock cues of a whole week count.
        self._played_until = wall_clock() - WEEK
        self._checked_s = -math.inf
        self._next: tuple[datetime, int] | None = None
        self._next_from = datetime.min  # the wall clock when `_next` was looked for

    def load_at_start(self, now_s: float) -> None:
        """Reads the list. Faults are logged, entries without faults count: nobody can mend it now."""
        try:
            self._cues = load_cues(self._path)
        except UsageError as error:
            log.warning("%s", error)
        for line in self._faults(self._cues):
            log.warning("%s", line)
        self._publish_list(now_s)

    def reload(self, peer: Peer, now_s: float) -> None:
        """`/cue/load`: reads the list anew. A list with a fault is refused, and the present one stays."""

        def read() -> CueList:
            cues = load_cues(self._path)
            for line in self._faults(cues):
                raise UsageError(line)
            return cues

        def replace(cues: CueList, now_s: float) -> str:
            self._cues = cues
            self._publish_list(now_s)
            return f"{len(cues.cue)} cues"

        self._replies.after_disk_task(read, peer, "/cue/load", replace)

    def advance(self, now_s: float) -> None:
        """Plays what the wall clock has brought since the last look at it."""
        if now_s - self._checked_s < CLOCK_CHECK_S:
            return
        self._checked_s = now_s
        after, self._played_until = self._played_until, self._wall_clock()
        self._play(self._cues.between(after, self._played_until), now_s)
        self._publish_next(now_s)

    def go(self, peer: Peer, now_s: float, number: int) -> str:
        """`/cue/go`: plays one cue now, without regard to its time or phase."""
        if peer == CUE_LIST_PEER:
            raise CommandRefused("a cue starts no other cue")
        if number == NEXT_CUE:
            if self._next is None:
                raise CommandRefused("no cue has a time of day")
            number = self._next[1]
        if number >= len(self._cues.cue):
            raise CommandRefused(f"the list has {len(self._cues.cue)} cues, counted from 0")
        cue = self._cues.cue[number]
        self._play(cue.messages, now_s)
        return f"{number}: {cue.what}"

    def phase_began(self, phase: Phase, visit: int, now_s: float) -> None:
        """Plays the cues of a phase; `visit` counts the visits since the start."""
        self._play(self._cues.at_phase(phase, visit), now_s)

    def _play(self, messages: Iterable[Message], now_s: float) -> None:
        resolved = tuple(each for message in messages for each in self._resolve(message))
        self._dispatcher.apply(Received(CUE_LIST_PEER, resolved), now_s)

    def _publish_list(self, now_s: float) -> None:
        self._feedback.forget("/cue/entry")
        self._feedback.publish("/cue/count", len(self._cues.cue), now_s=now_s)
        for number, cue in enumerate(self._cues.cue):
            self._feedback.publish("/cue/entry", number, cue.when, cue.what, now_s=now_s, name=str(number))
        self._next_from = datetime.min
        self._publish_next(now_s)

    def _publish_next(self, now_s: float) -> None:
        """Reports the cue that is next; it is looked for once a minute, and where one has been played."""
        now = self._wall_clock()
        has_passed = self._next is not None and self._next[0] <= now
        if has_passed or not timedelta() <= now - self._next_from < timedelta(minutes=1):
            self._next, self._next_from = next_cue(self._cues, now), now
        if self._next is None:
            self._feedback.update("/cue/next", NEXT_CUE, "", "", now_s=now_s)
            return
        moment, number = self._next
        what = self._cues.cue[number].what
        self._feedback.update("/cue/next", number, f"{moment:%a %H:%M:%S}", what, now_s=now_s)

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
                    self._dispatcher.fault(each) or _missing_preset(each, presets) or _starts_a_cue(each)
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


def _starts_a_cue(message: Message) -> str:
    """Why a cue may not send this; empty: it may."""
    return "a cue starts no other cue." if message.address == GO else ""
