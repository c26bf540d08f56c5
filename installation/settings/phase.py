"""The phases of a visit. They are declared here because the configuration names a scene for each of them."""

from enum import StrEnum


class Phase(StrEnum):
    """A phase of a visit. Its value also names its time limit (`border_s`) and its default scene."""

    ATTRACT = "attract"
    CONSENT = "consent"
    PORTRAIT = "portrait"
    SEARCH = "search"
    BORDER = "border"
    JURY = "jury"
    MEETING = "meeting"
    DOPPELGANGER = "doppelganger"
    FAREWELL = "farewell"
