"""What the stage holds: `drain` applies what came in, `publish` tells what is seen."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from engine.common.errors import DoppelgangerError, UsageError
from installation.control.protocol.commands import (
    COMMANDS,
    OUTPUTS,
    Command,
    parameter_address,
    reached_by_patterns,
    understand,
)
from installation.control.protocol.oscquery import Tree
from installation.control.protocol.packets import Message, encode
from installation.control.show.cues import WEEK, CueList
from installation.control.show.cues import load as load_cues
from installation.control.show.disk_tasks import DiskTasks
from installation.control.show.fades import Fades
from installation.control.show.feedback import Feedback
from installation.control.show.messages import (
    SHOW_COMMANDS,
    FrameStatus,
    Refused,
    app_commands,
    output_messages,
)
from installation.control.show.presets import Preset, Presets
from installation.control.show.schedule import Schedule
from installation.control.transports.advertisement import Advertisement
from installation.control.transports.error_log_throttle import ErrorLogThrottle
from installation.control.transports.inbox import Inbox, Listening, Peer, Received
from installation.control.transports.tcp import TcpServer
from installation.control.transports.udp import UdpPeer, UdpServer
from installation.control.transports.web import WebServer
from installation.settings.configuration import ControlSettings
from installation.settings.parameters import Refusal, Value, printable
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.storage import save_with_backups
from installation.visit.events import Event
from installation.workers.supervision import ResilientService

log = logging.getLogger(__name__)

# Time of a frame that what comes in may take. Something is always done, so that nothing waits for ever.
BUDGET_S = 0.004
LONGEST_SCHEDULE = 256
FURTHEST_AHEAD_S = 600.0
HEARTBEAT_S = 1.0
CUES_S = 0.5  # from one look at the clock to the next
UNKNOWN = "unknown address. `./kiosk osc` lists them all."
CAN_ONLY_BE_READ = "can only be read."
TAKES_ONE_VALUE = "takes one value."


class _CueListPeer:
    """Who sends what happens by itself. Refusals are counted, and there is nobody to answer."""

    host = "the cue list"
    alive = True

    def send(self, packet: bytes) -> bool:
        return False

    def at_port(self, port: int) -> "_CueListPeer":
        return self


CUE_LIST_PEER = _CueListPeer()


class Control:
    """Joins the network to the registry and the show. Everything but the services is the stage's thread's.

    `folder` holds `presets/`, `parameters.toml` and `cues.toml`. `clock` gives monotonic seconds, the
    stage's; `wall_clock` the local time.
    """

    def __init__(
        self,
        registry: Registry,
        settings: ControlSettings,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._began_s = clock()
        self._wall_clock = wall_clock
        self._saved = folder / "parameters.toml"
        self._cue_file = folder / "cues.toml"
        self._presets = Presets(folder / "presets")
        self._known: dict[str, Preset] = {}  # as they were read last
        self._error_log = ErrorLogThrottle()
        self._inbox = Inbox(settings.allow, reached_by_patterns(registry), self._error_log, clock)
        self._feedback = Feedback()
        self._fades = Fades(registry)
        self._schedule: Schedule[Received] = Schedule(LONGEST_SCHEDULE)
        self._parameters = {parameter_address(address): address for address in registry.parameters}
        self._commands = {command.address: command for command in COMMANDS}
        self._outputs = {output.address for output in OUTPUTS}
        self._actions: dict[str, Callable[..., str | None]] = {
            **{f"/show/{verb}": partial(self._show, verb) for verb in SHOW_COMMANDS},
            "/preset/save": self._save_preset,
            "/preset/load": self._load_preset,
            "/preset/list": self._list_presets,
            "/config/save": self._save_config,
            "/cue/load": self._load_cues,
            "/subscribe": self._subscribe,
            "/unsubscribe": self._unsubscribe,
            "/ping": self._ping,
        }
        self._app_commands: list[Event] = []
        self._status: FrameStatus | None = None
        self._visits = 0  # begun since the start
        self._heartbeat_s = -math.inf
        self._slowest_ms = 0.0  # frame since the last heartbeat
        self._cues = CueList()
        # Before the first frame the clock cues of a whole week count.
        self._cued_until = wall_clock() - WEEK
        self._cued_s = -math.inf
        self._disk_tasks = DiskTasks()
        udp = UdpServer(settings.address, settings.osc_port, self._inbox)
        self._web = WebServer(
            settings.address,
            settings.http_port,
            settings.password,
            self._inbox,
            Tree(registry, self._feedback.values),
            self._error_log,
            osc_port=lambda: udp.port,
        )
        tcp = TcpServer(settings.address, settings.osc_port, self._inbox, self._error_log)
        advertisement = Advertisement(
            settings.advertise, settings.address, ports=lambda: (udp.port, self._web.port)
        )
        self.services: tuple[ResilientService, ...] = (udp, tcp, self._web, advertisement)
        for target in settings.send_to:
            host, _, port = target.rpartition(":")
            peer = UdpPeer(udp, host, int(port))
            self._feedback.subscribe(peer, peer, self._began_s, math.inf)
        for line in registry.load(self._saved):
            log.warning("%s", line)
        registry.begin_scene()
        self._tell_parameters(registry.parameters, self._began_s)
        self._know_presets(self._presets.read(), self._began_s)
        try:
            self._cues = load_cues(self._cue_file)
        except UsageError as fault:
            log.warning("%s", fault)
        # Nobody is there to mend it now: what is right in it goes on.
        for line in self._cue_faults(self._cues):
            log.warning("%s", line)

    def drain(self, now_s: float) -> list[Event]:
        """Applies what came in since the last frame, within a budget of time, and moves fades on.

        Returns the commands to the show, as events of the visit. Once a frame, before all other events.
        """
        self._disk_tasks.finish()
        self._cue_by_clock(now_s)
        ends_s = time.perf_counter() + BUDGET_S
        for received in self._incoming(now_s):
            if isinstance(received, Listening):
                self._feedback.listen(received.peer, received.address, received.on)
            elif received.due_s is not None and received.due_s > now_s:
                self._postpone(received, now_s)
            else:
                self._apply(received, now_s)
            if time.perf_counter() > ends_s:
                break
        self._tell_parameters(self._fades.advance(now_s), now_s)
        happened, self._app_commands = self._app_commands, []
        return happened

    def publish(self, status: FrameStatus, now_s: float) -> None:
        """Tells the subscribers what is new. Once a frame, after it is drawn."""
        before, self._status = self._status, status
        if before and before.visit != status.visit:
            self._visits += 1
        if before and before.phase is not status.phase:
            self._cue(self._cues.at_phase(status.phase, self._visits), now_s)
        for address, name, arguments in output_messages(status, self._visits):
            self._feedback.tell(address, *arguments, now_s=now_s, name=name)
        if before and before.verdict and status.verdict and before.verdict.same != status.verdict.same:
            t = -1.0 if status.t is None else float(status.t)
            self._feedback.announce("/border/crossed", int(status.verdict.same), t)
        self._forget_what_is_over(status)
        self._slowest_ms = max(self._slowest_ms, status.frame_ms)
        if now_s - self._heartbeat_s >= HEARTBEAT_S:
            self._heartbeat_s = now_s
            dropped = sum(self._error_log.counts.values())
            self._feedback.tell("/health/frame", self._slowest_ms, now_s=now_s)
            self._feedback.tell("/health/dropped", dropped, now_s=now_s)
            self._slowest_ms = 0.0
            self._feedback.tell("/heartbeat", int(now_s - self._began_s), now_s=now_s)
        self._feedback.flush(now_s)
        self._error_log.report(now_s)

    def close(self) -> None:
        """Waits until what is being saved is saved. After the services have stopped."""
        self._disk_tasks.close()

    def _forget_what_is_over(self, status: FrameStatus) -> None:
        """Who asks later hears nothing of a visit that has been erased."""
        if status.verdict is None:
            self._feedback.forget("/border/verdict")
        if not status.jury:
            self._feedback.forget("/jury/verdict")
        if status.phase is Phase.ATTRACT:
            self._feedback.forget("/border/crossed")

    # --- what happens by itself ---

    def _cue_by_clock(self, now_s: float) -> None:
        if now_s - self._cued_s < CUES_S:
            return
        self._cued_s = now_s
        after, self._cued_until = self._cued_until, self._wall_clock()
        self._cue(self._cues.between(after, self._cued_until), now_s)

    def _cue(self, messages: Iterable[Message], now_s: float) -> None:
        resolved = (each for message in messages for each in self._inbox.resolve(message))
        self._apply(Received(CUE_LIST_PEER, tuple(resolved)), now_s)

    def _cue_faults(self, cues: CueList) -> Iterator[str]:
        """A line for each entry of the list that would be refused when its time comes.

        A preset that is not there yet is no fault: it may be saved before.
        """
        for number, cue in enumerate(cues.cue):
            for place, message in enumerate(cue.messages):
                faults = (self._wrong_with(each) for each in self._inbox.resolve(message))
                if fault := next(filter(None, faults), ""):
                    entry = f"cue.{number}.send.{place}: {printable(message.address)}"
                    yield f"{self._cue_file}: {entry}: {fault} Mend it, then send /cue/load."

    def _wrong_with(self, message: Message) -> str:
        """Why a message would be refused, as far as that is known without the visit; empty: it would not."""
        address, arguments = message.address, message.arguments
        if address in self._commands:
            given = understand(self._commands[address], _pressed(self._commands[address], arguments) or ())
            return f"{given}." if isinstance(given, str) else ""
        if address not in self._parameters:
            return CAN_ONLY_BE_READ if address in self._outputs else UNKNOWN
        if len(arguments) != 1:
            return TAKES_ONE_VALUE
        outcome = self._registry.parameters[self._parameters[address]].accept(arguments[0])
        return f"{outcome.reason}. {outcome.detail}" if isinstance(outcome, Refusal) else ""

    def _load_cues(self, peer: Peer, now_s: float) -> None:
        def work() -> CueList:
            cues = load_cues(self._cue_file)
            for line in self._cue_faults(cues):
                raise UsageError(line)
            return cues

        def found(cues: CueList, now_s: float) -> str:
            self._cues = cues
            return f"{len(cues.cue)} cues"

        self._later(work, peer, "/cue/load", found)

    # --- what came in ---

    def _incoming(self, now_s: float) -> Iterator[Received | Listening]:
        while (due := self._schedule.due(now_s)) is not None:
            yield due
        while (received := self._inbox.take()) is not None:
            yield received

    def _postpone(self, received: Received, now_s: float) -> None:
        assert received.due_s is not None
        ahead_s = received.due_s - now_s
        if ahead_s > FURTHEST_AHEAD_S:
            reason = f"dated {ahead_s:.0f} s ahead, more than {FURTHEST_AHEAD_S:.0f} s. Compare the clocks."
        elif not self._schedule.add(received.due_s, received):
            reason = f"{LONGEST_SCHEDULE} bundles wait already."
        else:
            return
        self._refuse(received.peer, "#bundle", "bundle not scheduled", reason)

    def _apply(self, received: Received, now_s: float) -> None:
        for message in received.messages:
            address, peer = message.address, received.peer
            if address in self._parameters:
                self._set_or_read(message, peer, now_s)
            elif address in self._commands:
                self._command(self._commands[address], message.arguments, peer, now_s)
            elif address not in self._outputs:
                self._refuse(peer, address, "unknown address", UNKNOWN)
            elif message.arguments:
                self._refuse(peer, address, "refused value", CAN_ONLY_BE_READ)
            else:
                self._read(address, peer)

    def _read(self, address: str, peer: Peer) -> None:
        known = self._feedback.known(address)
        for arguments in known:
            peer.send(encode(address, *arguments))
        if not known:
            peer.send(encode("/error", address, "nothing is known yet."))

    def _set_or_read(self, message: Message, peer: Peer, now_s: float) -> None:
        address = self._parameters[message.address]
        if not message.arguments:
            self._read(message.address, peer)
            return
        if len(message.arguments) > 1:
            self._refuse(peer, message.address, "refused value", TAKES_ONE_VALUE)
            return
        outcome = self._registry.set(address, message.arguments[0])
        if isinstance(outcome, Refusal):
            self._refuse(peer, message.address, "refused value", f"{outcome.reason}. {outcome.detail}")
            return
        self._fades.cancel(address)
        self._feedback.note(message.address, outcome, now_s=now_s, source=peer)

    def _command(self, command: Command, arguments: tuple[object, ...], peer: Peer, now_s: float) -> None:
        address = command.address
        pressed = _pressed(command, arguments)
        if pressed is None:
            return
        if command.needs and not arguments and self._feedback.known(address):
            self._read(address, peer)
            return
        given = understand(command, pressed)
        if isinstance(given, str):
            self._refuse(peer, address, "refused command", given)
            return
        try:
            self._done(peer, address, self._actions[address](peer, now_s, *given))
        except Refused as reason:
            self._refuse(peer, address, "refused command", str(reason))

    def _done(self, peer: Peer, address: str, detail: str | None) -> None:
        """Says that a command is carried out, unless it has said so itself or will."""
        if detail is not None:
            peer.send(encode("/done", address, detail))

    def _refuse(self, peer: Peer, address: str, kind: str, reason: str) -> None:
        self._error_log.note(kind, f"{printable(address)}: {reason} From {peer.host}")
        peer.send(encode("/error", printable(address), reason))

    def _tell_parameters(self, changed: Iterable[str], now_s: float) -> None:
        for address in changed:
            value = self._registry.get(address)
            assert not isinstance(value, Refusal)
            self._feedback.note(parameter_address(address), value, now_s=now_s)

    # --- the show ---

    def _show(self, verb: str, peer: Peer, now_s: float, *given: Value) -> str:
        self._app_commands += app_commands(verb, given, self._status.phase if self._status else Phase.ATTRACT)
        if verb == "panic":
            self._fades.clear()
            self._schedule.clear()
        return " ".join([verb, *map(str, given)])

    # --- presets ---

    def _save_preset(self, peer: Peer, now_s: float, name: str) -> None:
        changes = self._registry.changes()

        def work() -> dict[str, Preset]:
            self._presets.save(name, changes)
            return self._presets.read()

        def saved(presets: dict[str, Preset], now_s: float) -> str:
            self._know_presets(presets, now_s)
            return name

        self._later(work, peer, "/preset/save", saved)

    def _load_preset(self, peer: Peer, now_s: float, name: str, fade_s: float) -> str:
        # From memory: what is sent after it, a panic above all, must not come before it.
        preset = self._known.get(name)
        if preset is None:
            raise Refused("there is no such preset. /preset/list names them.")
        wanted, faults = self._registry.validate(preset.content, name)
        for line in preset.faults + faults:
            self._error_log.note("preset", line)
            peer.send(encode("/error", "/preset/load", line))
        self._tell_parameters(self._fades.start(wanted, fade_s, now_s), now_s)
        self._feedback.note("/preset/load", name, fade_s, now_s=now_s)
        return name

    def _list_presets(self, peer: Peer, now_s: float) -> None:
        def found(presets: dict[str, Preset], now_s: float) -> None:
            self._know_presets(presets, now_s)
            peer.send(encode("/preset/list", *presets))

        self._later(self._presets.read, peer, "/preset/list", found)

    def _know_presets(self, presets: dict[str, Preset], now_s: float) -> None:
        self._known = presets
        if self._feedback.values.get("/preset/list") != tuple(presets):
            self._feedback.note("/preset/list", *presets, now_s=now_s)
            self._web.path_changed("/preset/load")

    def _save_config(self, peer: Peer, now_s: float) -> None:
        changes = self._registry.changes()
        self._later(lambda: save_with_backups(self._saved, changes), peer, "/config/save", lambda *_: "saved")

    def _later(
        self, work: Callable[[], Any], peer: Peer, address: str, then: Callable[[Any, float], str | None]
    ) -> None:
        """Does what waits for the disk elsewhere, then `then(its result, now_s)` here."""

        def finish(future: Future[Any]) -> None:
            try:
                self._done(peer, address, then(future.result(), self._clock()))
            except (DoppelgangerError, OSError) as fault:
                self._refuse(peer, address, "refused command", str(fault))

        if not self._disk_tasks.run(work, finish):
            raise Refused("still busy with what was asked before")

    # --- who hears of it ---

    def _subscribe(self, peer: Peer, now_s: float, lease_s: float, port: int) -> str:
        target = peer.at_port(port) if port else peer
        if not self._feedback.subscribe(peer, target, now_s, now_s + lease_s):
            raise Refused(f"{len(self._feedback)} subscribers are all there can be")
        return f"for {lease_s:g} s"

    def _unsubscribe(self, peer: Peer, now_s: float) -> str:
        self._feedback.unsubscribe(peer)
        return "ended"

    def _ping(self, peer: Peer, now_s: float) -> None:
        peer.send(encode("/pong"))


def _pressed(command: Command, arguments: tuple[object, ...]) -> tuple[object, ...] | None:
    """What a command is really given; None: it is a button, and is let go."""
    if not command.takes and len(arguments) == 1 and isinstance(arguments[0], bool | int | float):
        return () if arguments[0] else None
    return arguments
