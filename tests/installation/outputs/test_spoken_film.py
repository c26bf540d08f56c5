"""The film of a picture that speaks: its sound is what is said, and its mouth moves when it is heard."""

from pathlib import Path

import av
import numpy as np
from scipy.signal import resample_poly

from engine.speech.synthesis import speak
from installation.outputs.films.spoken_film import PICTURES_HZ, write_spoken_film
from installation.outputs.marks import TRAINED_ALGORITHMIC_MEDIA, read_digital_source_type
from tests.support.puppet_kit import shared_rig


def test_the_film_says_the_words(tmp_path: Path) -> None:
    rig, speech = shared_rig(), speak("Papa. Ein Boot.", "de")
    seconds = write_spoken_film(tmp_path / "film.mp4", rig, speech)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert read_digital_source_type(tmp_path / "film.mp4") == TRAINED_ALGORITHMIC_MEDIA
    assert speech.duration_s < seconds < speech.duration_s + 0.3
    with av.open(str(tmp_path / "film.mp4")) as film:
        frames = [np.asarray(f.to_ndarray(format="rgb24"), int) for f in film.decode(video=0)]
    with av.open(str(tmp_path / "film.mp4")) as film:
        sound = np.concatenate([f.to_ndarray()[0] for f in film.decode(audio=0)])
    assert len(frames) == round(seconds * PICTURES_HZ)

    said = resample_poly(speech.samples / 32768, 48000, speech.rate_hz)
    assert np.corrcoef(said, sound[: len(said)])[0, 1] > 0.98

    moved = np.array([np.abs(frame - frames[-1]).mean() for frame in frames])
    opened, quiet = speech.phonemes[3], speech.phonemes[3].end_s + 0.2
    at_a, at_rest = (round(t * PICTURES_HZ) for t in ((opened.begin_s + opened.end_s) / 2, quiet))
    assert moved[at_a] > 3 * moved[at_rest] and moved[at_a] > 3 * moved[:2].max()
