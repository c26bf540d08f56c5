"""The sound of a clip, sample by sample at its times."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.common.errors import UsageError
from installation.outputs.films.clip_sound import ClipSound, has_sound, read_sound
from installation.stage.sound import RATE_HZ

BLOCK = 4800


def write_sound(path: Path, blocks: dict[int, int]) -> None:
    """A clip whose sound has a level (values) in each of these blocks of a tenth of a second (keys)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        for number, level in blocks.items():
            samples = np.full((1, BLOCK), level, np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, number * BLOCK, Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_every_sample_keeps_its_time_and_gaps_are_silent(tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    write_sound(path, {0: 100, 1: 200, 8: 300, 9: 400})
    expected = np.zeros(12 * BLOCK, np.int16)
    for number, level in {0: 100, 1: 200, 8: 300, 9: 400}.items():
        expected[number * BLOCK : (number + 1) * BLOCK] = level
    with ClipSound(path, 0.0) as sound:
        assert np.array_equal(sound.take(1.2), expected)
    with ClipSound(path, 0.0) as sound:
        parts = [sound.take(frame / 30) for frame in range(1, 37)]
    assert np.array_equal(np.concatenate(parts), expected)
    with ClipSound(path, 0.15) as sound:
        assert np.array_equal(sound.take(0.5), expected[round(0.15 * RATE_HZ) :][: round(0.5 * RATE_HZ)])


def test_a_clip_without_sound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    write_sound(path, {0: 1})
    assert has_sound(path)
    (tmp_path / "none.mkv").write_bytes(b"nothing")
    assert not has_sound(tmp_path / "none.mkv")


def test_a_whole_sound_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    write_sound(path, {0: 100, 1: 200})
    assert np.array_equal(read_sound(path, 1.0), np.repeat([100, 200], BLOCK))
    with pytest.raises(UsageError, match=r"sound\.wav: lasts .* at most 0"):
        read_sound(path, 0.1)
    (tmp_path / "none.wav").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="no sound that can be read"):
        read_sound(tmp_path / "none.wav", 1.0)
