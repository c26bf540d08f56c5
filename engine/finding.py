"""What a portrayal comes to, as far as it is shown: pictures and verdicts, no photograph of the sitter."""

from dataclasses import dataclass

from engine.arrays import Pixels
from engine.strip import Strip, WithoutBorder


@dataclass(frozen=True)
class Opinion:
    """What one judge says along the way from the median face (t = 0) to the closest match (t = 1).

    Distances are in the judge's own metric; smaller is more alike, up to `threshold` means *same*.
    curve: rising t, each with its distance. border_t: None where there is none; `without_border` says why.
    fmr: the share of strangers it takes for the sitter, where somebody measured it.
    """

    judge: str
    binding: bool
    threshold: float
    fmr: float | None
    curve: tuple[tuple[float, float], ...]
    border_t: float | None
    without_border: WithoutBorder | None


@dataclass(frozen=True, eq=False)
class Finding:
    """Everything the scenes from border to doppelganger show.

    median: the way from the median face to the closest match. nearest: the way from the nearest picture that
    every binding judge calls someone else (t = 0) to the closest match (t = 1), where there is one.
    opinions: of all judges about the way through the median, the leading one first.
    doppelganger: the picture given to the sitter, uint8 (R, R, 3) RGB, or None where none holds.
    """

    median: Strip
    nearest: Strip | None
    opinions: tuple[Opinion, ...]
    doppelganger: Pixels | None
