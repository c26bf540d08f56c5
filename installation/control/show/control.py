"""The control of the show, on the stage's thread: `drain` applies what came in, `publish` reports a frame."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from installation.control.protocol.address_space import reached_by_patterns
from installation.control.protocol.oscquery import Tree
from installation.control.protocol.packets import encode
from installation.control.show.cue_player import CuePlayer
from installation.control.show.disk_tasks import DiskTasks
from installation.control.show.dispatcher import Action, Dispatcher, publish_parameters
from installation.control.show.fades import Fades
from installation.control.show.feedback import Feedback
from installation.control.show.frame_status import FrameStatus
from installation.control.show.history import History
from installation.control.show.log_tail import LogTail
from installation.control.show.parameter_commands import ParameterCommands
from installation.control.show.preset_commands import PresetCommands
from installation.control.show.presets import Presets
from installation.control.show.replies import CommandRefused, Replies
from installation.control.show.schedule import Schedule
from installation.control.show.show_commands import SHOW_COMMANDS, visit_events
from installation.control.show.status_publisher import StatusPublisher
from installation.control.transports.advertisement import Advertisement
from installation.control.transports.inbox import Inbox, ListenRequest, Peer, Received
from installation.control.transports.tcp import TcpServer
from installation.control.transports.udp import UdpPeer, UdpServer
from installation.control.transports.web import WebServer
from installation.settings.configuration import ControlSettings
from installation.settings.parameters import Value
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.storage import save_with_backups
from installation.visit.events import Event
from installation.workers.error_log_throttle import ErrorLogThrottle
from installation.workers.supervision import ResilientService

log = logging.getLogger(__name__)

# Time in a frame for what came in. At least one thing is always done, so that nothing waits for ever.
DRAIN_BUDGET_S = 0.004
MOST_SCHEDULED = 256
FURTHEST_AHEAD_S = 600.0


class Control:
    """Joins the network to the registry and the show. All but `services` belongs to the stage's thread.

    `folder` holds `presets/`, `parameters.toml` and `cues.toml`. `clock` gives monotonic seconds, the
    stage's; `wall_clock` the local time. `interface` is the one to advertise at, if any is
    named. `restart` starts a service of this name again, at this moment; it returns at once, and raises
    CommandRefused where there is no such service.
    """

    def __init__(
        self,
        registry: Registry,
        settings: ControlSettings,
        folder: Path,
        interface: str = "",
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = datetime.now,
        restart: Callable[[str, float], None] | None = None,
    ) -> None:
        began_s = clock()
        self._registry = registry
        self._saved_parameters = folder / "parameters.toml"
        self._error_log = ErrorLogThrottle("osc")
        self._inbox = Inbox(settings.allow, reached_by_patterns(registry), self._error_log, clock)
        self._feedback = Feedback()
        self._fades = Fades(registry)
        self._schedule: Schedule[Received] = Schedule(MOST_SCHEDULED)
        self._disk_tasks = DiskTasks()
        self._replies = Replies(self._error_log, self._disk_tasks, clock)
        self._publisher = StatusPublisher(self._feedback, self._error_log, began_s)
        self._restart = restart
        self._log_tail = LogTail()
        logging.getLogger().addHandler(self._log_tail)
        self._events: list[Event] = []  # for the visit, since the last drain
        self._status: FrameStatus | None = None
        self._visits = 0  # begun since the start

        udp = UdpServer(settings.address, settings.osc_port, self._inbox)
        tcp = TcpServer(settings.address, settings.osc_port, self._inbox, self._error_log)
        web = WebServer(
            settings.address,
            settings.http_port,
            settings.password,
            self._inbox,
            Tree(registry, self._feedback.values),
            self._error_log,
            osc_port=lambda: udp.port,
        )
        advertisement = Advertisement(
            settings.advertise, settings.address, interface, ports=lambda: (udp.port, web.port)
        )
        self.services: tuple[ResilientService, ...] = (udp, tcp, web, advertisement)
        for target in settings.send_to:
            host, _, port = target.rpartition(":")
            peer = UdpPeer(udp, host, int(port))
            self._feedback.subscribe(peer, peer, began_s, math.inf)

        history = History()
        parameters = ParameterCommands(registry, self._feedback, self._fades, history)
        preset_files = Presets(folder / "presets")
        presets = PresetCommands(
            preset_files,
            registry,
            self._feedback,
            self._fades,
            self._replies,
            self._error_log,
            history,
            names_changed=lambda: web.path_changed("/preset/load"),
        )
        actions: dict[str, Action] = {
            **{f"/show/{name}": partial(self._show, name) for name in SHOW_COMMANDS},
            "/preset/save": presets.save,
            "/preset/load": presets.load,
            "/preset/list": presets.list,
            "/config/save": self._save_config,
            "/config/reset": parameters.reset,
            "/config/undo": parameters.undo,
            "/cue/load": self._load_cues,
            "/cue/go": self._go_to_cue,
            "/service/restart": self._restart_service,
            "/subscribe": self._subscribe,
            "/unsubscribe": self._unsubscribe,
            "/ping": self._ping,
        }
        self._dispatcher = Dispatcher(registry, self._feedback, self._fades, actions, self._replies, history)
        self._cue_player = CuePlayer(
            folder / "cues.toml",
            wall_clock,
            self._inbox.resolve,
            self._dispatcher,
            self._feedback,
            self._replies,
            preset_files.names,
        )

        for line in registry.load(self._saved_parameters):
            log.warning("%s", line)
        registry.begin_scene()
        publish_parameters(registry, self._feedback, registry.parameters, began_s)
        presets.load_at_start(began_s)
        self._cue_player.load_at_start(began_s)

    def drain(self, now_s: float) -> list[Event]:
        """Applies what came in since the last frame, within a budget of time, and advances fades.

        Returns events for the visit. Once a frame, before the frame's own events.
        """
        self._disk_tasks.finish()
        self._cue_player.advance(now_s)
        ends_s = time.perf_counter() + DRAIN_BUDGET_S
        for received in self._incoming(now_s):
            if isinstance(received, ListenRequest):
                self._feedback.listen(received.peer, received.address, received.on)
            elif received.due_s is not None and received.due_s > now_s:
                self._postpone(received, now_s)
            else:
                self._dispatcher.apply(received, now_s)
            if time.perf_counter() > ends_s:
                break
        publish_parameters(self._registry, self._feedback, self._fades.advance(now_s), now_s)
        events, self._events = self._events, []
        return events

    def publish(self, status: FrameStatus, now_s: float) -> None:
        """Sends subscribers what is new. Once a frame, after it is drawn."""
        before, self._status = self._status, status
        if before and before.visit != status.visit:
            self._visits += 1
        if before and before.phase is not status.phase:
            self._cue_player.phase_began(status.phase, self._visits, now_s)
        self._publisher.publish(status, before, self._visits, now_s)
        self._log_tail.publish(self._feedback, now_s)
        self._feedback.flush(now_s)
        self._error_log.report(now_s)

    def close(self) -> None:
        """Waits until what is being saved is saved. Call it after the services have stopped."""
        logging.getLogger().removeHandler(self._log_tail)
        self._disk_tasks.close()

    def _incoming(self, now_s: float) -> Iterator[Received | ListenRequest]:
        while (due := self._schedule.due(now_s)) is not None:
            yield due
        while (received := self._inbox.take()) is not None:
            yield received

    def _postpone(self, received: Received, now_s: float) -> None:
        """Schedules a bundle that is dated ahead, or refuses it."""
        assert received.due_s is not None
        ahead_s = received.due_s - now_s
        if ahead_s > FURTHEST_AHEAD_S:
            reason = f"dated {ahead_s:.0f} s ahead, more than {FURTHEST_AHEAD_S:.0f} s. Compare the clocks."
        elif not self._schedule.add(received.due_s, received):
            reason = f"{MOST_SCHEDULED} bundles wait already."
        else:
            return
        self._replies.refuse(received.peer, "#bundle", "bundle not scheduled", reason)

    # --- commands ---

    def _show(self, name: str, peer: Peer, now_s: float, *arguments: Value) -> str:
        self._events += visit_events(name, arguments, self._status.phase if self._status else Phase.ATTRACT)
        if name == "panic":
            self._fades.clear()
            self._schedule.clear()
        return " ".join([name, *map(str, arguments)])

    def _load_cues(self, peer: Peer, now_s: float) -> None:
        self._cue_player.reload(peer, now_s)

    def _go_to_cue(self, peer: Peer, now_s: float, number: int) -> str:
        return self._cue_player.go(peer, now_s, number)

    def _restart_service(self, peer: Peer, now_s: float, name: str) -> str:
        if self._restart is None:
            raise CommandRefused("nothing can be restarted here")
        log.info("%s: started again, asked for by %s", name, peer.host)
        self._restart(name, now_s)
        return name

    def _save_config(self, peer: Peer, now_s: float) -> None:
        changes = self._registry.changes()

        def work() -> None:
            save_with_backups(self._saved_parameters, changes)

        self._replies.after_disk_task(work, peer, "/config/save", lambda *_: "saved")

    def _subscribe(self, peer: Peer, now_s: float, lease_s: float, port: int) -> str:
        target = peer.at_port(port) if port else peer
        if not self._feedback.subscribe(peer, target, now_s, now_s + lease_s):
            raise CommandRefused(f"{len(self._feedback)} subscribers are all there can be")
        return f"for {lease_s:g} s"

    def _unsubscribe(self, peer: Peer, now_s: float) -> str:
        self._feedback.unsubscribe(peer)
        return "ended"

    def _ping(self, peer: Peer, now_s: float) -> None:
        peer.send(encode("/pong"))
