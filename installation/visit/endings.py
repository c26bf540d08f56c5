"""How a visit that has reached farewell has ended: each ending has its own words there, and its own count."""

from enum import StrEnum


class Ending(StrEnum):
    """The value is the key of the visitor's words (`farewell.<value>`) and the name of the count."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    NO_PORTRAIT = "no_portrait"
    NOT_FOUND = "not_found"
    ENGINE_FAILED = "engine_failed"
    CAMERA_FAILED = "camera_failed"
    ANOTHER_FACE = "another_face"
    CUT_SHORT = "cut_short"

    @property
    def is_failure(self) -> bool:
        """Whether the machine has ended the visit: farewell says why."""
        return self not in (Ending.COMPLETE, Ending.STOPPED)
