"""Motion of somebody who does not exist: they look about, speak, smile and blink."""

import numpy as np
from numpy.typing import NDArray

from engine.live.motion import REST, Motion, limited

# Of each number how far it goes, and how often in a second: the sum of three oscillations about these values.
_DRIFTS = {
    "yaw_deg": (9.0, 0.13),
    "pitch_deg": (4.0, 0.17),
    "roll_deg": (3.0, 0.11),
    "x": (0.04, 0.09),
    "y": (0.03, 0.12),
    "brows": (0.02, 0.21),
    "gaze": (0.05, 0.3),
    "smile": (0.04, 0.15),
    "mouth_width": (0.03, 0.35),
}
# Syllables a second, how far they open the mouth, and how often speech begins and pauses.
_SYLLABLES_HZ, _OPEN, _SPEECH_HZ = 3.1, 0.13, 0.16
_BLINK_EVERY_S, _BLINK_S = 2.7, 0.22
# At first the face rests, so that its neutral can be found.
STILL_S, BEGIN_S = 1.2, 0.8


class Act:
    """One person's motion over time, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        dice = np.random.default_rng(seed)
        self._waves = {
            name: (amount, rate_hz * dice.uniform(0.7, 1.6, 3), dice.uniform(0, 2 * np.pi, 3))
            for name, (amount, rate_hz) in _DRIFTS.items()
        }
        self._speech_phase, self._syllable_phase = dice.uniform(0, 2 * np.pi, 2)
        self._blinks_s: NDArray[np.float64] = np.cumsum(_BLINK_EVERY_S * dice.uniform(0.5, 1.5, 4000))

    def at(self, now_s: float) -> Motion:
        """The motion at a time from 0 on; it rests for `STILL_S` first."""
        share = float(np.clip((now_s - STILL_S) / BEGIN_S, 0, 1))
        if share == 0:
            return REST
        numbers = {
            name: float(amount * np.sin(2 * np.pi * rates_hz * now_s + phases).sum() / 1.7)
            for name, (amount, rates_hz, phases) in self._waves.items()
        }
        speaks = np.clip(2 * np.sin(2 * np.pi * _SPEECH_HZ * now_s + self._speech_phase) + 0.6, 0, 1)
        syllable = np.sin(np.pi * _SYLLABLES_HZ * now_s + self._syllable_phase) ** 2
        numbers["jaw"] = float(_OPEN * speaks * syllable * (0.6 + 0.4 * np.sin(1.7 * now_s)))
        lid = float(np.clip(1.2 - np.abs(self._blinks_s - now_s).min() / (_BLINK_S / 2), 0, 1))
        return limited(Motion(**numbers, left_lid=lid, right_lid=lid).eased(share))
