"""How a sitter is portrayed: everything about it that a configuration can say."""

from dataclasses import dataclass, field
from typing import Literal

from engine.faces.acceptance import FaceLimits
from engine.faces.detectors import DetectorChoice
from engine.finders.base import Finder
from engine.finders.registry import make_finders
from engine.inversion.projection import SearchSettings
from engine.judges.judging import K

Tuning = Literal["auto", "always", "never"]


@dataclass(frozen=True)
class PortrayalSettings:
    """How a sitter is portrayed.

    Attributes:
        search: of the projection.
        finders: the ways to a doppelgänger, in the order in which they are asked.
        all_finders: whether the others are asked, too, once one has found a doppelgänger that may be given
            (those of the last resort never are). Of several, the one with the least visible change is given.
        most_visible_change: how much a doppelgänger that was searched for freely may change the face, in
            just-noticeable differences; docs/search.md says what the figure rests on.
        for_report: whether verdicts are taken that only a report has: those on the recorded search, and those
            of other judges than the leading one along a doppelgänger's own continuum.
        limits: which faces are accepted.
        detector: the face detector.
        price_list: whether it is found what it costs until each judge of the panel lets go
            (`engine.pipeline.prices`); a search for every judge, and more.
        tuning: whether the generator's weights are tuned for this visit; `auto` does it where a binding
            judge's distance at the match is above `tuning_target` times its threshold.
        k, seed: how many perturbations make a verdict, and which.
        margin: how far beyond the threshold a doppelgänger has to stay in the worst case, as a share of it.
        meeting_margin: how much further beyond it a doppelgänger has to stay that is going to move: moving
            brings it nearer to the sitter, by 0.03 of dlib's 0.6 (docs/live.md).
        recorded: how many pictures of the search are kept, at most.
        strip, nearest_strip: how many pictures the strip of each continuum holds, besides those judged to
            find the border; the ends of the second one look alike, so it needs fewer.
        portrait_px: side of the sitter's portrait.
    """

    search: SearchSettings = field(default_factory=SearchSettings)
    finders: tuple[Finder, ...] = field(default_factory=make_finders)
    all_finders: bool = True
    most_visible_change: float = 12.0
    price_list: bool = False
    for_report: bool = True
    limits: FaceLimits = field(default_factory=FaceLimits)
    detector: DetectorChoice = field(default_factory=DetectorChoice)
    tuning: Tuning = "auto"
    tuning_target: float = 0.6
    k: int = K
    seed: int = 0
    margin: float = 0.01
    meeting_margin: float = 0.05
    recorded: int = 300
    strip: int = 36
    nearest_strip: int = 12
    portrait_px: int = 512
