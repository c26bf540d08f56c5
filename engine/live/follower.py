"""Follows one face from picture to picture: a mesh in, a calm `Motion` out.

It finds the neutral by itself, filters the numbers (not the 478 points: points so smoothed halve a blink),
takes lids as events, and eases to rest where there is no face, or one turned too far to be measured.
"""

from dataclasses import dataclass, field

import numpy as np

from engine.common.one_euro import OneEuro
from engine.live.expression import Expression, Mesh, measure, motion_between, neutral
from engine.live.motion import NAMES, REST, Motion, limited

# The first second in which the head hardly turns gives the neutral, at the latest what was seen by then.
STILL_S, STILL_DEG = 1.0, 3.0
LATEST_S = 3.0
# After so long without a face it may be somebody else's: the next one has a neutral of its own.
FORGOTTEN_AFTER_S = 1.0
# How long a face may be missing before the picture begins to rest, and how long easing takes.
MISSED_S, EASE_S = 0.15, 0.6
# Beyond these yaws, relative to the neutral, the mesh guesses: the motion fades out between them.
FADING_DEG = (32.0, 45.0)
# A lid is shut from the first on, and open again below the second; it takes so long to close and to open.
SHUT_FROM, OPEN_BELOW = 0.5, 0.3
CLOSING_S, OPENING_S = 0.07, 0.14

_LIDS = ("left_lid", "right_lid")
# Cutoff at rest in Hz, its slope in Hz per unit/s, measured on a still driver and on a moving one.
_ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")


def _filter(name: str) -> OneEuro:
    return OneEuro(0.3, 0.15) if name in _ANGLES else OneEuro(0.5, 20.0)


@dataclass
class Lid:
    """One lid as an event with hysteresis: shut or open, and how far it has got on its way."""

    shut: bool = False
    closed: float = 0.0

    def step(self, measured: float, passed_s: float) -> float:
        """How far it is drawn, 0 to 1, `passed_s` later."""
        self.shut = measured > (OPEN_BELOW if self.shut else SHUT_FROM)
        if self.shut:
            self.closed = min(1.0, self.closed + passed_s / CLOSING_S)
        else:
            self.closed = max(0.0, self.closed - passed_s / OPENING_S)
        return self.closed


@dataclass
class Follower:
    """Follows one face; has no clock of its own.

    rest: the face's neutral where it is known beforehand; else it is found.
    """

    rest: Expression | None = None
    _since: list[tuple[float, Expression]] = field(default_factory=list)
    _filters: dict[str, OneEuro] = field(default_factory=dict)
    _lids: dict[str, Lid] = field(default_factory=lambda: {name: Lid() for name in _LIDS})
    _motion: Motion = REST
    _presence: float = 0.0
    _seen_s: float | None = None
    _now_s: float | None = None

    def step(self, mesh: Mesh | None, now_s: float) -> Motion:
        """The motion at `now_s`, which never falls. mesh: of the face, (478, 3) in pixels; None: no face."""
        passed_s = 0.0 if self._now_s is None else max(0.0, now_s - self._now_s)
        self._now_s = now_s
        if mesh is not None:
            if self._seen_s is not None and now_s - self._seen_s > FORGOTTEN_AFTER_S:
                self._forget()
            self._seen_s = now_s
            self._see(measure(mesh), now_s, passed_s)
        present = self.rest is not None and self._seen_s is not None and now_s - self._seen_s <= MISSED_S
        step = passed_s / EASE_S
        self._presence = min(max(self._presence + (step if present else -step), 0.0), 1.0)
        share = self._presence * self._presence * (3 - 2 * self._presence) * self._trust()
        return limited(self._motion.eased(share)) if share else REST

    def _see(self, expression: Expression, now_s: float, passed_s: float) -> None:
        if self.rest is None:
            self._since.append((now_s, expression))
            self.rest = _still_second(self._since)
            if self.rest is None:
                return
            self._since.clear()
        moved = motion_between(self.rest, expression)
        numbers = []
        for name, value in zip(NAMES, moved.array(), strict=True):
            if name in _LIDS:
                numbers.append(self._lids[name].step(float(value), passed_s))
            else:
                numbers.append(self._filters.setdefault(name, _filter(name)).step(float(value), now_s))
        self._motion = Motion.from_array(np.array(numbers))

    def _trust(self) -> float:
        """1 for a face that can be measured, 0 for one turned too far, between them a fading share."""
        fading, lost = FADING_DEG
        return float(np.clip((lost - abs(self._motion.yaw_deg)) / (lost - fading), 0.0, 1.0))

    def _forget(self) -> None:
        if self._presence == 0:
            self.rest, self._motion = None, REST
            self._since.clear()
            self._filters.clear()
            self._lids = {name: Lid() for name in _LIDS}


def _still_second(measured: list[tuple[float, Expression]]) -> Expression | None:
    """The neutral of a face measured at these times, None where it has not been still for long enough."""
    now_s = measured[-1][0]
    recent = [expression for at_s, expression in measured if now_s - at_s <= STILL_S]
    if now_s - measured[0][0] < STILL_S:
        return None
    yaws = [expression.yaw_deg for expression in recent]
    if max(yaws) - min(yaws) <= STILL_DEG or now_s - measured[0][0] >= LATEST_S:
        return neutral(recent)
    return None
