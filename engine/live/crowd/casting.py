"""Which nobody stands for which track: the same as long as the track lives, and each for one track only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Cast:
    """parts: track -> nobody; None: for this track there is none any more, nothing stands in its place.
    struck: nobodies that stand for nobody, because they look like somebody who agreed, or like a
    doppelgänger of today. last: the nobody that was given last."""

    parts: Mapping[int, int | None] = field(default_factory=dict)
    struck: frozenset[int] = frozenset()
    last: int = 0


def recast(cast: Cast, tracks: Sequence[int], nobodies: Collection[int]) -> Cast:
    """The cast after a frame with these tracks, in their order: those that ended are forgotten, new ones get
    the nobody that has been free longest, as far as there are any. A track that got none is given one when
    one becomes free."""
    parts = {track: cast.parts[track] for track in tracks if track in cast.parts}
    last = cast.last
    for track in tracks:
        if track in parts:
            continue
        free = set(nobodies) - cast.struck - set(parts.values())
        chosen = min(free, key=lambda nobody: (nobody <= last, nobody), default=None)
        if chosen is not None:
            parts[track], last = chosen, chosen
    return replace(cast, parts=parts, last=last)


def strike(cast: Cast, nobodies: Collection[int]) -> Cast:
    """From now on these stand for nobody; whom they stood for has nobody, not another one."""
    struck = cast.struck | set(nobodies)
    parts = {track: None if nobody in struck else nobody for track, nobody in cast.parts.items()}
    return replace(cast, parts=parts, struck=struck)
