"""The film's sound: what is mixed, and that the file plays it in the frame that it belongs to."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from installation.outputs.films import film
from installation.outputs.films.soundtrack import SampledSound, Soundtrack
from installation.stage.sound import RATE_HZ, Sound, StartedSound, samples
from tests.installation.outputs.test_film import index_precedes_pictures, ramp_frames

FPS, FLIP_FRAME = 30, 41
TONE = samples(Sound.FLIP)


def flip_at(at_s: float) -> list[StartedSound]:
    return [StartedSound(Sound.FLIP, at_s)]


def test_the_mix_is_the_same_however_it_is_taken() -> None:
    whole, parts = Soundtrack(), Soundtrack()
    for track in (whole, parts):
        track.start(flip_at(0.5))
        track.start(flip_at(1.0), volume=0.5)
    expected = np.zeros(4 * RATE_HZ, int)
    for first, volume in ((RATE_HZ // 2, 1.0), (RATE_HZ, 0.5)):
        expected[first : first + len(TONE)] += np.rint(volume * TONE).astype(int)
    mixed = whole.take(4.0)
    assert np.array_equal(mixed, np.clip(expected, -32768, 32767)) and mixed.dtype == np.int16
    assert np.array_equal(np.concatenate([parts.take((n + 1) / FPS) for n in range(4 * FPS)]), mixed)


def test_a_sound_that_comes_after_its_time_begins_now() -> None:
    track = Soundtrack()
    assert not track.take(1.0).any() and track.take(0.5).shape == (0,)
    track.start(flip_at(0.2))
    assert np.array_equal(track.take(2.0), TONE[:RATE_HZ])


def heard(path: Path) -> NDArray[np.float64]:
    """The file's sound as a player gives it out: at its times, -1 to 1."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.layout.name) == ("aac", RATE_HZ, "mono")
        played = np.zeros(10 * RATE_HZ)
        for frame in container.decode(stream):
            assert frame.pts is not None and frame.time_base is not None
            first = round(float(frame.pts * frame.time_base) * RATE_HZ)
            part = frame.to_ndarray()[0][max(-first, 0) :]
            played[max(first, 0) : max(first, 0) + len(part)] = part
    return played


def film_with_flip(path: Path, shift_s: float = 0.0) -> None:
    """A film of 120 frames whose flip sounds in frame 41, or `shift_s` away from it."""
    track = Soundtrack()

    def frames() -> Iterator[Pixels]:
        for number, picture in enumerate(ramp_frames(120)):
            if number == FLIP_FRAME:
                track.start(flip_at(number / FPS + shift_s), volume=0.6)
            yield picture

    film.write_film(path, frames(), FPS, soundtrack=track)


def delay_s(played: NDArray[np.float64]) -> float:
    """When the tone begins: where the sound correlates best with it."""
    tone = np.pad(TONE / 32768, (0, len(played) - len(TONE)))
    match = np.fft.irfft(np.fft.rfft(played) * np.fft.rfft(tone).conj())
    return int(match.argmax()) / RATE_HZ


def test_the_tone_sounds_in_its_frame_and_the_loudest_moment_is_the_tones_own(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film_with_flip(path)
    assert index_precedes_pictures(path)
    played = heard(path)
    assert abs(delay_s(played) - FLIP_FRAME / FPS) < 1 / FPS
    loudest_s = int(np.abs(played).argmax()) / RATE_HZ
    assert abs(loudest_s - FLIP_FRAME / FPS - int(np.abs(TONE).argmax()) / RATE_HZ) < 1 / FPS
    assert np.abs(played).max() == pytest.approx(0.6 * np.abs(TONE).max() / 32768, rel=0.1)
    before = played[: round((FLIP_FRAME / FPS - 0.05) * RATE_HZ)]
    assert np.abs(before).max() < 0.005
    with av.open(str(path)) as container:
        (picture,), (sound,) = container.streams.video, container.streams.audio
        assert picture.duration and picture.time_base and sound.duration and sound.time_base
        length_s = float(picture.duration * picture.time_base)
        assert length_s == 4.0 and abs(float(sound.duration * sound.time_base) - length_s) < 0.05
        assert not {"encoder", "creation_time"} & (container.metadata.keys() | sound.metadata.keys())


def test_a_tone_two_frames_off_would_be_noticed(tmp_path: Path) -> None:
    film_with_flip(tmp_path / "film.mp4", shift_s=2 / FPS)
    assert abs(delay_s(heard(tmp_path / "film.mp4")) - FLIP_FRAME / FPS) > 1 / FPS


def test_a_film_with_sound_is_the_same_file_each_time(tmp_path: Path) -> None:
    for name in ("first.mp4", "second.mp4"):
        film_with_flip(tmp_path / name)
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


def test_a_film_without_a_soundtrack_has_no_sound(tmp_path: Path) -> None:
    film.write_film(tmp_path / "film.mp4", ramp_frames(3))
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert not container.streams.audio


def test_a_sampled_sound_is_given_out_once_and_then_there_is_silence() -> None:
    wave = np.arange(1, 4801, dtype=np.int16)
    sound = SampledSound(wave)
    parts = [sound.take(time_s) for time_s in (0.03, 0.03, 0.09, 0.2)]
    assert [len(part) for part in parts] == [1440, 0, 2880, 5280]
    assert np.array_equal(np.concatenate(parts), np.pad(wave, (0, 4800)))
