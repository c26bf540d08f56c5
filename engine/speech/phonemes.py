"""Speech as a list of sounds with their times. Whatever hears or makes speech gives it in this form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Phoneme:
    """One sound of speech, in letters of the International Phonetic Alphabet, from a time to a time.

    It may have several letters, such as `aɪ` or `pf`, and marks of stress and length.
    """

    sound: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Speech:
    """What is heard, and what it consists of.

    samples: int16 (N,), mono, `rate_hz` a second. phonemes: in the order of time; between them is silence.
    """

    samples: Samples
    rate_hz: int
    phonemes: tuple[Phoneme, ...]

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate_hz
