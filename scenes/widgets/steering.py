"""Steering a sweep with the head: the yaw, smoothed, and the hand-over between time and visitor."""

import math
from dataclasses import dataclass, field

from engine.common.one_euro import OneEuro

# The largest speed of the progress, per second, whatever the tracker measures.
FASTEST_PER_S = 2.0
STILL_DEG = 2.0  # a head that moves by less is still: the tracker's own noise is about one degree
RESTING_S = 6.0  # time constant of the resting yaw: longer than a turn, shorter than the scene


@dataclass
class Steering:
    """Hands over between the automatic sweep and the visitor's head without a jump.

    Yaw counts from the sitter's own resting yaw: few people look straight into the camera, and a portrait is
    accepted up to 25 degrees. The resting yaw is the first one measured, and follows slowly while the head
    does not steer. A turn of `range_deg` to either side covers the whole continuum, to the right towards the
    closest match. The head steers from the moment it is turned by more than `rest_deg` until it has not moved
    for `patience_s`, wherever it is turned to; taking over and giving back take `ease_s` each.
    """

    range_deg: float = 22.0
    rest_deg: float = 7.0
    patience_s: float = 2.5
    ease_s: float = 0.7
    filter: OneEuro = field(default_factory=OneEuro)
    share: float = 0.0  # the visitor's share of the control, 0 to 1
    _resting_deg: float = 0.0
    _held_deg: float | None = None  # where the head last moved to; None before the first yaw
    _moved_s: float = -math.inf  # when it last moved while turned
    _last_s: float | None = None
    _followed: float = 0.0

    def step(self, yaw_deg: float | None, progress: float, now_s: float) -> float:
        """The progress, 0 to 1: the automatic one, the visitor's, or between them while handing over."""
        passed_s = 0.0 if self._last_s is None else max(now_s - self._last_s, 0.0)
        self._last_s = now_s
        if yaw_deg is not None:
            self._follow(self.filter.step(yaw_deg, now_s), now_s)
        steers = now_s - self._moved_s < self.patience_s
        toward = 1.0 if steers else -1.0
        self.share = min(max(self.share + toward * passed_s / max(self.ease_s, 1e-6), 0.0), 1.0)
        if self.filter.value is None or self.share == 0:
            if self.filter.value is not None and passed_s > 0:
                weight = 1 - math.exp(-passed_s / RESTING_S)
                self._resting_deg += weight * (self.filter.value - self._resting_deg)
            self._followed = progress
            return progress
        turned_deg = self.filter.value - self._resting_deg
        asked = min(max(0.5 + turned_deg / (2 * self.range_deg), 0.0), 1.0)
        most = FASTEST_PER_S * passed_s
        self._followed += min(max(asked - self._followed, -most), most)
        weight = self.share * self.share * (3 - 2 * self.share)
        return progress + weight * (self._followed - progress)

    def _follow(self, yaw_deg: float, now_s: float) -> None:
        """Notes whether the head has moved, and whether it is turned."""
        if self._held_deg is None:
            self._held_deg = self._resting_deg = yaw_deg
        if abs(yaw_deg - self._held_deg) > STILL_DEG:
            self._held_deg = yaw_deg
            if abs(yaw_deg - self._resting_deg) > self.rest_deg:
                self._moved_s = now_s

    def release(self) -> None:
        """Gives the sweep back to time now, however the head is turned."""
        self._moved_s = -math.inf
