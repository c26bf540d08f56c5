"""Speaks a text: sound, and phonemes with their times, by eSpeak NG.

eSpeak NG comes with the optional package espeakng-loader. It is called through its C interface, as documented
in its header `speak_lib.h`; the library has one state for the whole process, so that one text is spoken at
a time.
"""

import ctypes
import importlib.util
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from engine.common.errors import MachineError, UsageError, printable
from engine.speech.phonemes import Phoneme, Speech

PACKAGE = "espeakng_loader"
# Of `speak_lib.h`: sound is given to the callback and not played; phoneme events, in IPA; no exit on errors.
_SYNCHRONOUS, _PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 2, 1, 2, 0x8000
_UTF8, _CHARACTERS = 1, 1
_LAST_EVENT, _PHONEME_EVENT, _END_EVENT = 0, 7, 5

_one_at_a_time = Lock()


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def can_speak() -> bool:
    """Whether eSpeak NG is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def speak(text: str, language: str = "en") -> Speech:
    """Speaks a text in a language by its code, such as `en` or `de`.

    Raises MachineError where eSpeak NG is not installed, UsageError for a language that it does not speak,
    and for a text in which there is nothing to say.
    """
    if not can_speak():
        raise MachineError("Speech needs eSpeak NG, which is not installed. `kiosk doctor` says how.")
    sound: list[int] = []
    marks: list[tuple[int, str]] = []  # number of a sample, and the phoneme that begins there or ""

    def take(samples: Any, count: int, events: Any) -> int:
        if count > 0:
            sound.extend(samples[:count])
        index = 0
        while events[index].type != _LAST_EVENT:
            event = events[index]
            if event.type == _PHONEME_EVENT:
                marks.append((event.sample, event.id.string.decode("utf-8", "ignore")))
            elif event.type == _END_EVENT:
                marks.append((event.sample, ""))
            index += 1
        return 0

    words = "".join(c if c.isprintable() else " " for c in text).encode()
    with _one_at_a_time:
        library, rate_hz = _library()
        if not language or library.espeak_SetVoiceByName(language.encode()):
            raise UsageError(f"eSpeak NG does not speak {printable(language)!r}. Give a code like en or de.")
        callback = _Callback(take)
        library.espeak_SetSynthCallback(callback)
        library.espeak_Synth(words, len(words) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
    phonemes = tuple(
        Phoneme(mark, first / rate_hz, after / rate_hz)
        for (first, mark), (after, _) in zip(marks, [*marks[1:], (len(sound), "")], strict=True)
        if mark and after > first
    )
    if not phonemes:
        raise UsageError("There is nothing to say in the text. Give words.")
    return Speech(np.array(sound, np.int16), rate_hz, phonemes)


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """The library, ready to speak, and the samples a second that it gives.

    A process must not make it ready twice: the second time frees what the first voice goes on reading.
    """
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path()
    rate_hz = library.espeak_Initialize(
        _SYNCHRONOUS, 0, data.encode(), _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
    )
    if rate_hz <= 0:
        raise MachineError(f"eSpeak NG cannot read its data in {data}. Install espeakng-loader anew.")
    return library, rate_hz
