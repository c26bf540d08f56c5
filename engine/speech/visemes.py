"""The shapes of a mouth that speaks: eight visemes, and which sound has which.

A viseme says only what its sound needs. The tongue makes a `t` behind lips of any shape, so that the lips
have the shape of the vowels about it.
"""

import unicodedata
from dataclasses import dataclass
from enum import Enum

STRESS = "ˈ"


@dataclass(frozen=True)
class Shape:
    """Numbers of `engine.live.motion.Motion`; None: as the sounds before and after it have it."""

    jaw: float
    mouth_width: float | None = None
    pucker: float | None = None


class Viseme(Enum):
    """The eight. `CLOSED` shuts a mouth that is open at rest, too."""

    CLOSED = Shape(jaw=-0.08)
    TEETH = Shape(jaw=0.005, mouth_width=0.0, pucker=0.0)
    OPEN = Shape(jaw=0.085, mouth_width=0.0, pucker=0.0)
    HALF_OPEN = Shape(jaw=0.05)
    SPREAD = Shape(jaw=0.025, mouth_width=0.03, pucker=0.0)
    ROUND = Shape(jaw=0.06, mouth_width=-0.05, pucker=0.05)
    PUCKERED = Shape(jaw=0.02, mouth_width=-0.08, pucker=0.1)
    TONGUE = Shape(jaw=0.015)


# Letters of the IPA; all others are made by the tongue.
LETTERS = {
    letter: viseme
    for viseme, letters in (
        (Viseme.CLOSED, "pbmɓ"),
        (Viseme.TEETH, "fvɱʋ"),
        (Viseme.OPEN, "aɑʌæ"),
        (Viseme.HALF_OPEN, "ɛəɜɐ"),
        (Viseme.SPREAD, "iɪejᵻɨ"),
        (Viseme.ROUND, "oɔɒøœɵ"),
        (Viseme.PUCKERED, "uʊyʏwɥʉʃʒ"),
    )
    for letter in letters
}


def visemes_of(sound: str) -> list[Viseme]:
    """The visemes of a sound in IPA, in order: two for `aɪ`, none for marks of stress, length and tone."""
    return [
        LETTERS.get(letter, Viseme.TONGUE)
        for letter in sound
        if letter.isalpha() and unicodedata.category(letter) != "Lm"
    ]
