"""The commands `/preset/...`. Presets are kept in memory as they were last read from the disk."""

from collections.abc import Callable

from installation.control.protocol.packets import encode
from installation.control.show.dispatcher import publish_parameters
from installation.control.show.fades import Fades
from installation.control.show.feedback import Feedback
from installation.control.show.history import History
from installation.control.show.parameter_commands import changed_by
from installation.control.show.presets import Preset, Presets
from installation.control.show.replies import CommandRefused, Replies
from installation.control.transports.inbox import Peer
from installation.settings.registry import Registry
from installation.workers.error_log_throttle import ErrorLogThrottle


class PresetCommands:
    """Saves, loads and lists presets. `names_changed` is called when other presets can be loaded."""

    def __init__(
        self,
        presets: Presets,
        registry: Registry,
        feedback: Feedback,
        fades: Fades,
        replies: Replies,
        error_log: ErrorLogThrottle,
        history: History,
        names_changed: Callable[[], None],
    ) -> None:
        self._presets = presets
        self._registry = registry
        self._feedback = feedback
        self._fades = fades
        self._replies = replies
        self._error_log = error_log
        self._history = history
        self._names_changed = names_changed
        self._known: dict[str, Preset] = {}

    def load_at_start(self, now_s: float) -> None:
        """Reads all presets; waits for the disk."""
        self._remember(self._presets.read(), now_s)

    def save(self, peer: Peer, now_s: float, name: str) -> None:
        """`/preset/save`: keeps what differs from the defaults."""
        changes = self._registry.changes()

        def work() -> dict[str, Preset]:
            self._presets.save(name, changes)
            return self._presets.read()

        def saved(presets: dict[str, Preset], now_s: float) -> str:
            self._remember(presets, now_s)
            return name

        self._replies.after_disk_task(work, peer, "/preset/save", saved)

    def load(self, peer: Peer, now_s: float, name: str, fade_s: float) -> str:
        """`/preset/load`: sets everything as the preset says, over `fade_s` seconds."""
        # From memory, hence at once: what is sent after it, a panic above all, must not be applied before it.
        preset = self._known.get(name)
        if preset is None:
            raise CommandRefused("there is no such preset. /preset/list names them.")
        wanted, faults = self._registry.validate(preset.content, name)
        for line in preset.faults + faults:
            self._error_log.note("preset", line)
            peer.send(encode("/error", "/preset/load", line))
        self._history.record(changed_by(self._registry, wanted))
        changed = self._fades.start(wanted, fade_s, now_s)
        publish_parameters(self._registry, self._feedback, changed, now_s)
        self._feedback.publish("/preset/load", name, fade_s, now_s=now_s)
        return name

    def list(self, peer: Peer, now_s: float) -> None:
        """`/preset/list`: reads all presets anew, and answers with their names."""

        def found(presets: dict[str, Preset], now_s: float) -> None:
            self._remember(presets, now_s)
            peer.send(encode("/preset/list", *presets))

        self._replies.after_disk_task(self._presets.read, peer, "/preset/list", found)

    def _remember(self, presets: dict[str, Preset], now_s: float) -> None:
        self._known = presets
        if self._feedback.values.get("/preset/list") != tuple(presets):
            self._feedback.publish("/preset/list", *presets, now_s=now_s)
            self._names_changed()
