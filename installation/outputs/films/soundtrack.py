"""The sound of a film, mixed frame by frame: mono, int16, `RATE_HZ` samples a second."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from installation.stage.sound import RATE_HZ, StartedSound, samples

Samples = NDArray[np.int16]


class SoundSource(Protocol):
    """What a film takes its sound from."""

    def take(self, until_s: float) -> Samples:
        """The samples (N,) from the end of the last `take` to a time; silence where nothing sounds."""


class SampledSound:
    """A sound that is there as a whole, given out in order."""

    def __init__(self, samples: Samples) -> None:
        """samples: int16 (N,), mono, `RATE_HZ` a second."""
        self._samples, self._given = samples, 0

    def take(self, until_s: float) -> Samples:
        """The samples (N,) from the end of the last `take` to a time; silence after the sound's end."""
        begin, end = self._given, max(round(until_s * RATE_HZ), self._given)
        self._given = end
        taken = self._samples[begin:end]
        return np.pad(taken, (0, end - begin - len(taken)))


class Soundtrack:
    """Takes up sounds at their times on the film's clock, and gives out their mix in order."""

    def __init__(self) -> None:
        self._given = 0  # samples that have been taken
        self._pending = np.zeros(0, np.int32)  # what sounds from there on, wider than int16 so that sums fit

    def start(self, sounds: Sequence[StartedSound], volume: float = 1.0) -> None:
        """Mixes in sounds at a volume from 0 to 1; what would lie before the last `take` begins there."""
        for started in sounds:
            wave = np.rint(volume * samples(started.sound)).astype(np.int32)
            first = max(round(started.at_s * RATE_HZ) - self._given, 0)
            missing = first + len(wave) - len(self._pending)
            self._pending = np.pad(self._pending, (0, max(missing, 0)))
            self._pending[first : first + len(wave)] += wave

    def take(self, until_s: float) -> Samples:
        """The samples (N,) from the end of the last `take` to a time; silence where nothing sounds."""
        count = max(round(until_s * RATE_HZ) - self._given, 0)
        taken, self._pending = self._pending[:count], self._pending[count:]
        self._given += count
        whole = np.pad(taken, (0, count - len(taken)))
        return np.clip(whole, -32768, 32767).astype(np.int16)
