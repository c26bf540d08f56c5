"""Speech at another rate."""

from dataclasses import replace

import numpy as np
from scipy.signal import resample_poly

from engine.speech.phonemes import Speech


def resampled(speech: Speech, rate_hz: int) -> Speech:
    """The same speech with `rate_hz` samples a second."""
    heard = resample_poly(speech.samples.astype(np.float32), rate_hz, speech.rate_hz)
    samples = np.clip(np.rint(heard), -32768, 32767).astype(np.int16)
    return replace(speech, samples=samples, rate_hz=rate_hz)
