"""What somebody decides about their own face in a picture that others see."""

from enum import StrEnum


class Decision(StrEnum):
    """How somebody appears: as they are, as their doppelgänger, or as a person who does not exist."""

    REAL = "real"
    DOPPELGANGER = "doppelganger"
    ANONYMOUS = "anonymous"
