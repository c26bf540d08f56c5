"""Which digital source type the files of a group portrait state."""

from collections.abc import Iterable
from typing import Protocol

from engine.live.crowd.decision import Decision
from installation.outputs.marks import COMPOSITE_MEDIA, TRAINED_ALGORITHMIC_MEDIA


class _Face(Protocol):
    @property
    def appears(self) -> Decision | None: ...


def source_type_of(faces: Iterable[_Face]) -> str | None:
    """For `installation.outputs.marks`: composite where a photographed face is among generated ones, and None
    where all that are shown are photographed."""
    shown = {face.appears for face in faces} - {None}
    if shown == {Decision.REAL}:
        return None
    return COMPOSITE_MEDIA if Decision.REAL in shown else TRAINED_ALGORITHMIC_MEDIA
