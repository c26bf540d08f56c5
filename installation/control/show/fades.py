"""Parameters on their way to a preset."""

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
    """Floats glide in a straight line; everything else changes when the next scene begins."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._running: dict[str, _Fade] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, targets: Mapping[str, Value], fade_s: float, now_s: float) -> list[str]:
        """Sends parameters on their way, off the one they were on. Returns what changed at once."""
        changed = []
        for address, target in targets.items():
            self._running.pop(address, None)
            parameter, current = self._registry.parameters[address], self._registry.get(address)
            if current == target:
                # What waits for the next scene, after a fade, waits no longer.
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
        """Leaves a parameter where it is: a hand on the fader wins."""
        self._running.pop(address, None)

    def clear(self) -> None:
        """Leaves everything where it is."""
        self._running.clear()

    def advance(self, now_s: float) -> list[str]:
        """Moves everything on. Returns the addresses whose value changed."""
        changed = []
        for address, fade in list(self._running.items()):
            value = six_digits(fade.at(now_s))
            if value != self._registry.get(address):
                self._registry.set(address, value)
                changed.append(address)
            if now_s >= fade.ends_s:
                del self._running[address]
        return changed
