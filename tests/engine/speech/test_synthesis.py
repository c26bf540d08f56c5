"""eSpeak NG, as it is installed: sound with phonemes, and what it refuses."""

import numpy as np
import pytest

from engine.common.errors import MachineError, UsageError
from engine.speech import recognition, synthesis
from engine.speech.phonemes import Phoneme
from engine.speech.recognition import recognise
from engine.speech.synthesis import speak
from engine.speech.visemes import Viseme, visemes_of


def test_phonemes_have_times_in_the_sound() -> None:
    speech = speak("Papa, mama.", "de")
    sounds = [phoneme.sound for phoneme in speech.phonemes]
    assert sounds[0] == "p" and sounds[4] == "m"
    times = [time for p in speech.phonemes for time in (p.begin_s, p.end_s)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= speech.duration_s
    assert speech.samples.dtype == np.int16
    # An a is loud, and the pause at the comma is not.
    begin, end = (round(t * speech.rate_hz) for t in (speech.phonemes[1].begin_s, speech.phonemes[1].end_s))
    pause = round((speech.phonemes[3].end_s + 0.05) * speech.rate_hz)
    assert np.abs(speech.samples[begin:end]).max() > 2000
    assert np.abs(speech.samples[pause : pause + 200]).max() < 20


def test_what_was_said_before_changes_nothing() -> None:
    first = speak("Come nearer.", "en").phonemes
    speak("Bleib weg.", "de")
    again = speak("Come nearer.", "en").phonemes
    assert [p.sound for p in again] == [p.sound for p in first]
    assert [p.begin_s for p in again] == pytest.approx([p.begin_s for p in first], abs=0.005)


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("Hello", "xx", "'xx'"),
        ("Hello", "", "does not speak"),
        ("", "en", "nothing to say"),
        (" \n\0", "en", "nothing to say"),
    ],
)
def test_what_cannot_be_said_is_refused(text: str, language: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        speak(text, language)


def test_without_the_packages_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (synthesis, recognition):
        monkeypatch.setattr(module, "PACKAGE", "not_installed_here")
    with pytest.raises(MachineError, match="doctor"):
        speak("Hello")
    with pytest.raises(MachineError, match="doctor"):
        recognise(np.zeros(16000, np.int16), 16000)


def test_open_vowels_are_heard_in_a_sound_without_its_words() -> None:
    """Of the vowels that eSpeak NG says most are heard at their time, and hardly any where none is."""
    speech = speak("Papa put the lamp on top of the piano. Nobody smiles like Bob from Montana.", "en")
    heard = recognise(speech.samples, speech.rate_hz)

    def opened(phonemes: tuple[Phoneme, ...]) -> list[float]:
        wide = {Viseme.OPEN, Viseme.ROUND, Viseme.HALF_OPEN}
        return [p.begin_s for p in phonemes if wide & set(visemes_of(p.sound))]

    said, found = opened(speech.phonemes), opened(heard)
    assert np.mean([min(abs(t - other) for other in found) < 0.06 for t in said]) > 0.6
    assert np.mean([min(abs(t - other) for other in said) < 0.06 for t in found]) > 0.8


def test_in_silence_nobody_speaks() -> None:
    assert recognise(np.zeros(32000, np.int16), 16000) == ()
