"""Who takes part in a visit, and what each of them has decided about their own face."""

from dataclasses import dataclass
from enum import StrEnum

from engine.live.crowd.decision import Decision

FIRST_ID = 0


class Sitter(StrEnum):
    """Whose portrait is searched for: the visitor's, who has agreed, or that of a synthetic person."""

    CAMERA = "camera"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Participant:
    """One participant of a visit. Holds nothing of a face.

    participant_id: unique within the visit. last_seen_s: when the participant's face was last in a frame, in
    seconds of the visit's clock; without meaning for a synthetic sitter.
    """

    participant_id: int = FIRST_ID
    decision: Decision = Decision.DOPPELGANGER
    sitter: Sitter = Sitter.CAMERA
    last_seen_s: float = 0.0
