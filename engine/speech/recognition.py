"""Hears which sounds are spoken, and when, without knowing the words: PocketSphinx, with its own model.

The optional package pocketsphinx brings an acoustic model of American English. What it hears of other
languages are the nearest sounds of English, which are the nearest shapes of a mouth as well, more or less.

Source: Huggins-Daines et al., *PocketSphinx*, 2006; its decoder of phones needs no dictionary.
"""

import importlib.util

import numpy as np
from scipy.signal import resample_poly

from engine.common.errors import MachineError
from engine.speech.phonemes import Phoneme, Samples

PACKAGE = "pocketsphinx"
RATE_HZ, FRAME_S = 16_000, 0.01
# The width of the search, and the weight of which sounds follow each other in English. With more weight fewer
# open vowels are heard: 71, 69 and 66 of 83 in eleven recordings at 0.5, 1 and 2.
BEAM, LANGUAGE_WEIGHT = 1e-20, 0.5

# The model's names of sounds (CMU's dictionary) in IPA. Its silence and noises are not among them.
IPA = {
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜ", "EY": "eɪ"},
    **{"IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u"},
    **{"B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k"},
    **{"L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t"},
    **{"TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ"},
}


def can_recognise() -> bool:
    """Whether PocketSphinx is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def recognise(samples: Samples, rate_hz: int) -> tuple[Phoneme, ...]:
    """The phonemes in a sound int16 (N,), mono, `rate_hz` samples a second; none where nobody speaks.

    Takes a twentieth of the sound's length on one core. Raises MachineError where PocketSphinx is not
    installed.
    """
    if not can_recognise():
        raise MachineError(
            "Hearing speech needs PocketSphinx, which is not installed. `kiosk doctor` says how."
        )
    from pocketsphinx import Decoder, get_model_path

    decoder = Decoder(
        hmm=get_model_path("en-us/en-us"),
        allphone=get_model_path("en-us/en-us-phone.lm.bin"),
        lm=None,
        dict=None,
        lw=LANGUAGE_WEIGHT,
        beam=BEAM,
        pbeam=BEAM,
        dither=True,  # digital silence has no logarithm
        seed=1,
        loglevel="FATAL",
    )
    heard = resample_poly(samples.astype(np.float32), RATE_HZ, rate_hz)
    decoder.start_utt()
    decoder.process_raw(np.clip(np.rint(heard), -32768, 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    return tuple(
        Phoneme(IPA[segment.word], segment.start_frame * FRAME_S, (segment.end_frame + 1) * FRAME_S)
        for segment in decoder.seg() or ()
        if segment.word in IPA
    )
