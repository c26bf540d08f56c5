"""The flip's tone: low, soft at its beginning, silent at both ends, the same every time."""

import numpy as np
import pytest

from installation.stage.sound import RATE_HZ, Sound, duration_s, samples


@pytest.mark.parametrize("sound", Sound)
def test_a_sound_is_low_and_soft(sound: Sound) -> None:
    wave = samples(sound).astype(float) / 32767
    assert 1.0 <= duration_s(sound) <= 2.0
    assert wave[0] == 0 and abs(wave[-1]) < 1e-3
    assert 0.75 < np.abs(wave).max() < 0.85
    power = np.abs(np.fft.rfft(wave)) ** 2
    frequency_hz = np.fft.rfftfreq(len(wave), 1 / RATE_HZ)
    assert power[frequency_hz < 400].sum() > 0.99 * power.sum()
    # Soft: it takes 40 ms at least to reach half of its loudness; no click has one sample jump.
    loud = int(np.argmax(np.abs(wave) > 0.4))
    assert loud > 0.04 * RATE_HZ
    assert np.abs(np.diff(wave)).max() < 0.05


def test_a_hard_attack_would_be_noticed() -> None:
    wave = samples(Sound.FLIP).astype(float)[round(0.1 * RATE_HZ) :] / 32767
    assert int(np.argmax(np.abs(wave) > 0.4)) < 0.04 * RATE_HZ
