"""What the visit's state machine asks for: every effect that the session has to carry out."""

from dataclasses import dataclass

from installation.visit.participants import Sitter


@dataclass(frozen=True)
class StartCamera:
    """Switch the camera on and show its frames."""


@dataclass(frozen=True)
class StopCamera:
    """Switch the camera off; its light goes out."""


@dataclass(frozen=True)
class DetectFaces:
    """Look for faces in the frames and follow the next one that appears; or stop looking (`on` False).

    anybody: look only whether there is any face, and measure nothing.
    """

    on: bool
    anybody: bool = False


@dataclass(frozen=True)
class TakePortrait:
    """Keep the best of the next frames. Answered by PortraitTaken or PortraitRefused."""

    visit_id: int


@dataclass(frozen=True)
class StartSearch:
    """Send the portrait, or a synthetic one, to the engine.

    Answered by SearchProgress, SearchDone and ResultCompleted.
    """

    visit_id: int
    sitter: Sitter


@dataclass(frozen=True)
class CancelSearch:
    """The engine's results are no longer needed."""

    visit_id: int


@dataclass(frozen=True)
class CompleteResult:
    """Stop looking for a nearer picture: the visitor gets the best one found so far."""

    visit_id: int


@dataclass(frozen=True)
class BeginMeeting:
    """Follow the sitter's expression, and move the doppelgänger by it."""

    visit_id: int


@dataclass(frozen=True)
class EndMeeting:
    """Follow no expression any more, and drop what moves the doppelgänger, made or still being made."""

    visit_id: int


@dataclass(frozen=True)
class OfferDownload:
    """Hand the finished pictures to the delivery. Answered by LinkReady."""

    visit_id: int


@dataclass(frozen=True)
class RevokeDownload:
    """The visitor wants the finished pictures deleted, too: the link ends now."""

    visit_id: int


@dataclass(frozen=True)
class EraseVisit:
    """Overwrite the portrait and the engine's results; drop frames and everything measured on them.

    A link that has been shown stays valid in the delivery for its own time.
    """

    visit_id: int


Effect = (
    StartCamera | StopCamera | DetectFaces | TakePortrait | StartSearch | CancelSearch
    | CompleteResult | BeginMeeting | EndMeeting | OfferDownload | RevokeDownload | EraseVisit
)  # fmt: skip
