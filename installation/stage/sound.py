"""The piece's sounds, synthesised: what kiosk and film play, and what a scene says of them.

There are two: the low tone at the moment the verdict flips, and the voice in the meeting. No recording.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from installation.settings.parameters import Parameters

RATE_HZ = 48_000

# The flip: a tone that sinks by a whole tone, with overtones that small loudspeakers can play.
_FLIP_S = 1.8
_FLIP_HZ = 73.4, 65.4
_OVERTONES = {1: 1.0, 2: 0.55, 3: 0.22, 4: 0.1}
_ATTACK_S, _DECAY_S, _RELEASE_S = 0.09, 0.6, 0.3
_PEAK = 0.8


class SoundParameters(Parameters):
    """What is heard."""

    scene: ClassVar[str] = "sound"

    volume_percent: float = Field(
        60, ge=0, le=100, description="of the tone at the border and the voice in the meeting; 0: no sound"
    )


class Sound(StrEnum):
    """A sound by name; `sound.<value>` is the key of its caption for who cannot hear it."""

    FLIP = "flip"


@dataclass(frozen=True, eq=False)
class Voice:
    """Something that is spoken, at full volume: int16 (N,), mono, `RATE_HZ` samples a second."""

    samples: NDArray[np.int16]


@dataclass(frozen=True)
class StartedSound:
    """A sound that begins in the frame just drawn, at `at_s` of the view's clock."""

    sound: Sound | Voice
    at_s: float


def samples(sound: Sound | Voice) -> NDArray[np.int16]:
    """A sound at full volume: int16 (N,), mono, `RATE_HZ` samples a second, silent at both ends."""
    return sound.samples if isinstance(sound, Voice) else _flip()


@cache
def _flip() -> NDArray[np.int16]:
    time_s = np.arange(round(_FLIP_S * RATE_HZ)) / RATE_HZ
    frequency_hz = _FLIP_HZ[1] + (_FLIP_HZ[0] - _FLIP_HZ[1]) * np.exp(-time_s / 0.25)
    phase = 2 * np.pi * np.cumsum(frequency_hz) / RATE_HZ
    tone = np.sum([gain * np.sin(number * phase) for number, gain in _OVERTONES.items()], axis=0)
    attack = _raised_cosine(time_s / _ATTACK_S)
    release = _raised_cosine((_FLIP_S - time_s) / _RELEASE_S)
    tone *= attack * np.exp(-time_s / _DECAY_S) * release
    wave: NDArray[np.int16] = np.rint(_PEAK * 32767 * tone / np.abs(tone).max()).astype(np.int16)
    wave.flags.writeable = False
    return wave


def duration_s(sound: Sound) -> float:
    """How long it sounds."""
    return len(samples(sound)) / RATE_HZ


def _raised_cosine(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 up to 0, 1 from 1 on, with zero slope at both."""
    return (1 - np.cos(np.pi * np.clip(share, 0, 1))) / 2
