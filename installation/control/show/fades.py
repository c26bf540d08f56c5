"""Fades of parameters to the values of a preset."""

from collections.abc import Mapping
from dataclasses import dataclass

from installation.settings.parameters import Applies, Kind, Value, six_digits
from installation.settings.registry import Registry


@dataclass(frozen=True)
class _Fade:
    began_s: float
    ends_s: float
    origin: float
    target: float

    def at(self, now_s: float) -> float:
        share = min(max((now_s - self.began_s) / (self.ends_s - self.began_s), 0.0), 1.0)
        return self.origin + (self.target - self.origin) * share


class Fades:
    """Floats are interpolated linearly; everything else changes when the next scene begins."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._running: dict[str, _Fade] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, targets: Mapping[str, Value], fade_s: float, now_s: float) -> list[str]:
        """Starts fades, in place of those that run. Returns the addresses that changed at once."""
        changed = []
        for address, target in targets.items():
            self._running.pop(address, None)
            parameter, current = self._registry.parameters[address], self._registry.get(address)
            if current == target:
                # Without a fade, drop a change that an earlier one has postponed to the next scene.
                if fade_s == 0:
                    self._registry.set(address, target)
                continue
            if fade_s > 0 and parameter.kind is Kind.FLOAT and parameter.applies is Applies.AT_ONCE:
                assert isinstance(current, float) and isinstance(target, float)
                self._running[address] = _Fade(now_s, now_s + fade_s, current, target)
            else:
                self._registry.set(address, target, at_next_scene=fade_s > 0)
                changed.append(address)
        return changed

    def cancel(self, address: str) -> None:
        """Stops a parameter's fade where it is, because somebody has set the parameter."""
        self._running.pop(address, None)

    def clear(self) -> None:
        """Stops all fades where they are."""
        self._running.clear()

    def advance(self, now_s: float) -> list[str]:
        """Sets every fading parameter to its value at `now_s`. Returns the addresses that changed."""
        changed = []
        for address, fade in list(self._running.items()):
            value = six_digits(fade.at(now_s))
            if value != self._registry.get(address):
                self._registry.set(address, value)
                changed.append(address)
            if now_s >= fade.ends_s:
                del self._running[address]
        return changed
