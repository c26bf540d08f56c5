"""The commands `/config/undo` and `/config/reset`."""

from collections.abc import Mapping

from installation.control.protocol.address_space import parameter_address
from installation.control.show.dispatcher import publish_parameters
from installation.control.show.fades import Fades
from installation.control.show.feedback import Feedback
from installation.control.show.history import History
from installation.control.show.replies import CommandRefused
from installation.control.transports.inbox import Peer
from installation.settings.parameters import Refusal, Value
from installation.settings.registry import Registry

PREFIX = parameter_address("")


class ParameterCommands:
    """Sets parameters back: to what they were before the last change, or to their defaults."""

    def __init__(self, registry: Registry, feedback: Feedback, fades: Fades, history: History) -> None:
        self._registry = registry
        self._feedback = feedback
        self._fades = fades
        self._history = history

    def undo(self, peer: Peer, now_s: float) -> str:
        """`/config/undo`: takes the last change back; again, the one before it."""
        before = self._history.take_back()
        if not before:
            raise CommandRefused("there is nothing to undo since the start")
        self._set(before, now_s)
        return _named(before)

    def reset(self, peer: Peer, now_s: float, name: str) -> str:
        """`/config/reset`: sets one parameter, or all of a scene, to its default."""
        name = name.removeprefix(PREFIX)
        defaults = {
            address: each.default
            for address, each in self._registry.parameters.items()
            if name in (address, address.partition("/")[0])
        }
        if not defaults:
            raise CommandRefused("there is no such parameter. `./kiosk osc` lists them all.")
        self._history.record(changed_by(self._registry, defaults))
        self._set(defaults, now_s)
        return name

    def _set(self, values: Mapping[str, Value], now_s: float) -> None:
        """Sets these values; fades of them stop.

        Raises:
            CommandRefused: one is refused beside the others; those are set all the same.
        """
        refused: list[Refusal] = []
        # Two may have to keep an order: what is refused before its neighbour is set gets a second try.
        for _ in range(2):
            refused = []
            for address, value in values.items():
                self._fades.cancel(address)
                outcome = self._registry.set(address, value)
                refused += [outcome] if isinstance(outcome, Refusal) else []
        publish_parameters(self._registry, self._feedback, values, now_s)
        if refused:
            raise CommandRefused(str(refused[0]))


def changed_by(registry: Registry, wanted: Mapping[str, Value]) -> dict[str, Value]:
    """The present values of those parameters that `wanted` would change."""
    found: dict[str, Value] = {}
    for address, value in wanted.items():
        present = registry.get(address)
        if not isinstance(present, Refusal) and present != value:
            found[address] = present
    return found


def _named(values: Mapping[str, Value]) -> str:
    first, *others = values
    return f"{first} and {len(others)} more" if others else first
