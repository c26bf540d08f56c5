"""A group portrait as scenes show it and files keep it: what is published, and nothing of an original.

This module needs numpy alone; `engine.pipeline.group` makes these of a photograph.
"""

from dataclasses import dataclass

from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict
from engine.live.crowd.decision import Decision
from engine.live.frame import Array


@dataclass(frozen=True, eq=False)
class PublishedFace:
    """One face of the group portrait.

    choice: its owner's. appears: as what it is in the picture; None: not at all. note: why it is not what was
    chosen, or why no judge was asked. outline: where it is, float32 (N, 2); None where it is not. verdicts:
    of each judge by name, on the published face against the original. same: whether a binding judge among
    them takes it for the original; None where none was asked. likeness: of both faces alone, on black.
    """

    choice: Decision
    appears: Decision | None
    outline: Array | None = None
    note: str | None = None
    verdicts: dict[str, Verdict] | None = None
    same: bool | None = None
    likeness: dict[str, float] | None = None


@dataclass(frozen=True, eq=False)
class GroupPortrait:
    """picture, origin: uint8 (H, W, 3) RGB, as large as the photograph. The origin has the median face in the
    place of each doppelgänger and each nobody, and is black elsewhere. faces: from the left to the right."""

    picture: Pixels
    origin: Pixels
    faces: tuple[PublishedFace, ...]
