"""A low-pass filter for what trembles at rest and must be followed at once in motion.

Source: Casiez, Roussel and Vogel, *1 € Filter*, CHI 2012: the cutoff frequency rises with speed.
"""

import math
from dataclasses import dataclass

_SPEED_CUTOFF_HZ = 1.0


@dataclass
class OneEuro:
    """The filter for one value.

    cutoff_hz: the cutoff frequency at rest. slope: its increase with speed, in Hz per unit/s.
    """

    cutoff_hz: float = 1.0
    slope: float = 0.02
    value: float | None = None
    _speed: float = 0.0
    _last_s: float = 0.0

    def step(self, value: float, now_s: float) -> float:
        """The smoothed value. Without elapsed time nothing changes."""
        if self.value is None:
            self.value, self._last_s = value, now_s
            return value
        passed_s = now_s - self._last_s
        if passed_s <= 0:
            return self.value
        self._last_s = now_s
        speed = (value - self.value) / passed_s
        self._speed += _weight(_SPEED_CUTOFF_HZ, passed_s) * (speed - self._speed)
        cutoff_hz = self.cutoff_hz + self.slope * abs(self._speed)
        self.value += _weight(cutoff_hz, passed_s) * (value - self.value)
        return self.value


def _weight(cutoff_hz: float, passed_s: float) -> float:
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * passed_s))
