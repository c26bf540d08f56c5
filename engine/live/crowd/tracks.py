"""Follows everybody in the frame. A decision belongs to a track and is lost where it might pass to another.

Whoever overlaps with somebody, is away for a moment, jumps, changes in size, looks different for a moment, or
could be two people, becomes a new track, which has decided nothing. A head that does not look like that of
the frame before is not taken for its track's in that frame. Pure: `follow` makes the tracks of one frame from
those of the frame before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, box_centre
from engine.live.crowd.decision import Decision
from engine.live.crowd.head import are_near, distance_in_widths, width_ratio
from engine.live.crowd.likeness import Patch, likeness, patch_of

# A head is where its track expects it, give or take so many widths of its box, and so wide. People who walk
# by move by 0.2 widths in a thirtieth of a second; faster ones become new tracks.
REACH_WIDTHS, REACH_RATIO = 0.35, 1.4
# Without being found for longer, a track ends, whether frames came or not: one with a decision at once, one
# without it later, so that the same nobody stands for somebody who is overlooked for a moment. Of ten looks a
# second, which a camera gives a few milliseconds early or late, one may miss somebody who has decided.
LOST_AFTER_S, UNDECIDED_LOST_AFTER_S = 0.21, 0.5
# Of pictures of one head a thirteenth of a second apart, still, swaying or speaking, in all lights but one,
# 1 % or less are less alike. Of strangers in the same place and light 0 to 1 % are as alike, but 27 % of
# those who wear mask and sunglasses (docs/anonymising.md).
LEAST_LIKENESS = 0.65
# How much of the newest speed counts.
SPEED_WEIGHT = 0.4


@dataclass(frozen=True, eq=False)
class Track:
    """One person as long as it is certain that it is one.

    head: as it was found last, at `found_s`. speed: to the right and downwards, pixels a second. decision:
    None until this person decides. patch: how the head looked when it was found last; only with a decision.
    """

    number: int
    head: DetectedHead
    found_s: float
    speed: tuple[float, float] = (0.0, 0.0)
    decision: Decision | None = None
    patch: Patch | None = None

    def lives(self, at_s: float) -> bool:
        """Whether whoever is in its place at this time is still the same person."""
        limit_s = LOST_AFTER_S if self.decision is not None else UNDECIDED_LOST_AFTER_S
        return 0 <= at_s - self.found_s < limit_s

    def expected(self, at_s: float) -> Box:
        """Where its box is at a time."""
        (x0, y0, x1, y1), passed_s = self.head.box_px, at_s - self.found_s
        right, down = passed_s * self.speed[0], passed_s * self.speed[1]
        return x0 + right, y0 + down, x1 + right, y1 + down


@dataclass(frozen=True)
class Crowd:
    """Everybody, the number that the next newcomer gets, and the time of the newest frame."""

    tracks: tuple[Track, ...] = ()
    next_number: int = 1
    at_s: float = 0.0

    def decide(self, number: int, decision: Decision | None, picture: Pixels) -> "Crowd":
        """Somebody's decision about themselves; None takes it back. picture: the frame of `follow`.

        Who was not found in that frame decides nothing: somebody else may be in their place.
        """
        return replace(
            self,
            tracks=tuple(
                self._decided(track, decision, picture) if track.number == number else track
                for track in self.tracks
            ),
        )

    def _decided(self, track: Track, decision: Decision | None, picture: Pixels) -> Track:
        if decision is None:
            return replace(track, decision=None, patch=None)
        if track.found_s != self.at_s:
            return track
        # Of who stays anonymous nothing is kept: it would matter to nobody if that passed to somebody else.
        patch = None if decision is Decision.ANONYMOUS else patch_of(picture, track.head.box_px)
        return replace(track, decision=decision, patch=patch)


@dataclass
class _Family:
    """Tracks and heads of which each could belong to another: indices."""

    tracks: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)


def follow(crowd: Crowd, heads: Sequence[DetectedHead], picture: Pixels, now_s: float) -> Crowd:
    """The crowd after a frame, uint8 (H, W, 3) RGB, in which these heads were found."""
    tracks = [track for track in crowd.tracks if track.lives(now_s)]
    expected = [track.expected(now_s) for track in tracks]

    def can_be(track: int, head: int) -> bool:
        box = heads[head].box_px
        return (
            distance_in_widths(expected[track], box) < REACH_WIDTHS
            and width_ratio(expected[track], box) < REACH_RATIO
        )

    kept: list[Track] = []
    new: list[DetectedHead] = []
    for family in _families(len(tracks), len(heads), can_be):
        match family:
            case _Family([own], [found]):
                # Who looks different is overlooked rather than somebody else, if the next frame says so.
                kept.append(_moved(tracks[own], heads[found], picture, now_s) or tracks[own])
            case _Family([own], []):
                kept.append(tracks[own])
            case _:
                new += [heads[head] for head in family.heads]
    entangled = _entangled([*(track.expected(now_s) for track in kept), *(head.box_px for head in new)])
    known: list[Track] = []
    for index, track in enumerate(kept):
        if index not in entangled or track.decision is None:
            known.append(track)
        elif track.found_s == now_s:
            new.append(track.head)
    first = crowd.next_number
    newcomers = [Track(number, head, now_s) for number, head in enumerate(new, first)]
    return Crowd((*known, *newcomers), first + len(new), now_s)


def _moved(track: Track, head: DetectedHead, picture: Pixels, now_s: float) -> Track | None:
    """The track with its head in the new frame; None where that looks like somebody else."""
    patch = None
    if track.patch is not None:
        if likeness(track.patch, picture, head.box_px) < LEAST_LIKENESS:
            return None
        patch = patch_of(picture, head.box_px)
    passed_s = max(now_s - track.found_s, 1e-3)
    newest = np.subtract(box_centre(head.box_px), box_centre(track.head.box_px)) / passed_s
    right, down = ((1 - SPEED_WEIGHT) * np.array(track.speed) + SPEED_WEIGHT * newest).tolist()
    return replace(track, head=head, found_s=now_s, speed=(right, down), patch=patch)


def _families(tracks: int, heads: int, can_be: Callable[[int, int], bool]) -> list[_Family]:
    """Tracks and heads in groups without a possible pair between two groups."""
    families = [_Family(tracks=[track]) for track in range(tracks)]
    for head in range(heads):
        joined = _Family(heads=[head])
        apart: list[_Family] = []
        for family in families:
            if any(can_be(track, head) for track in family.tracks):
                joined.tracks += family.tracks
                joined.heads += family.heads
            else:
                apart.append(family)
        families = [*apart, joined]
    return families


def _entangled(boxes: Sequence[Box]) -> set[int]:
    """Indices of the boxes that are too near to another one."""
    return {
        index
        for pair in combinations(range(len(boxes)), 2)
        if are_near(boxes[pair[0]], boxes[pair[1]])
        for index in pair
    }
