"""Everybody in a film, known from its first to its last frame before anything is written.

All of each frame is searched, and then about where people were just before; who appears is looked for
backwards, too. The heads are linked to tracks; what is still missing is filled in from both sides, and for a
moment before the first and after the last time that somebody was found.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead
from engine.live.crowd.head import distance_in_widths, width_ratio
from engine.live.crowd.lookout import Lookout
from engine.live.smoothing import smoothed

# From one frame to the next, so many widths more for each second in between, and never more than the third.
REACH_WIDTHS, REACH_WIDTHS_PER_S, MOST_REACH_WIDTHS = 0.8, 6.0, 2.5
REACH_RATIO = 1.5
# How far back somebody who appears is looked for.
BACKWARDS_FRAMES = 8
# Longer gaps end a track.
LONGEST_GAP_S = 1.5
# Before and after somebody was found they are taken to be there, too.
LINGER_S = 0.3
# The noise of boxes and points is smoothed over so many seconds (standard deviation).
SMOOTH_S = 0.06


@dataclass
class Person:
    """A track of a film. number: from 1 in the order of appearance. heads: frame -> head, without gaps."""

    number: int
    heads: dict[int, DetectedHead] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return min(self.heads)

    @property
    def last(self) -> int:
        return max(self.heads)


def observe(
    lookout: Lookout,
    pictures: Callable[[int], Pixels],
    frames: int,
    notify: Callable[[float], None] = lambda _: None,
) -> list[list[DetectedHead]]:
    """The heads of each frame: all of it is searched, then about where they were just before; and whoever
    appears is looked for backwards, too, as long as they are found.

    pictures: number -> uint8 (H, W, 3) RGB, called in ascending order.
    """
    found: list[list[DetectedHead]] = []
    earlier: deque[Pixels] = deque(maxlen=BACKWARDS_FRAMES)
    for frame in range(frames):
        picture = pictures(frame)
        near = [head.box_px for heads in found[-3:] for head in heads]
        found.append(lookout.search(picture, _apart(near)))
        for head in found[frame]:
            _look_backwards(lookout, head, found, list(earlier))
        earlier.append(picture)
        notify((frame + 1) / frames)
    return found


def _look_backwards(
    lookout: Lookout, head: DetectedHead, found: list[list[DetectedHead]], earlier: list[Pixels]
) -> None:
    """Adds a head of the last frame to those before it, from the last one backwards."""
    for back, picture in enumerate(reversed(earlier), start=2):
        if any(_can_follow(other, head, 0.0) for other in found[-back]):
            return
        before = next(
            (each for each in lookout.about(picture, head.box_px) if _can_follow(each, head, 0.0)), None
        )
        if before is None:
            return
        found[-back].append(before)
        head = before


def people_of(found: Sequence[Sequence[DetectedHead]], rate_hz: float) -> list[Person]:
    """The tracks of a film with these heads in each frame, smoothed, without gaps, and lingering."""
    tracks: list[dict[int, DetectedHead]] = []  # frame -> head, in ascending order
    free: list[dict[int, DetectedHead]] = []  # those that may go on
    for frame, heads in enumerate(found):
        free = [track for track in free if frame - _newest(track)[0] <= max(1, LONGEST_GAP_S * rate_hz)]
        pairs = sorted(
            (distance_in_widths(before.box_px, head.box_px), i, j)
            for i, (seen, before) in enumerate(map(_newest, free))
            for j, head in enumerate(heads)
            if _can_follow(before, head, (frame - seen) / rate_hz)
        )
        taken_tracks: set[int] = set()
        taken_heads: set[int] = set()
        for _, i, j in pairs:
            if i not in taken_tracks and j not in taken_heads:
                free[i][frame] = heads[j]
                taken_tracks.add(i)
                taken_heads.add(j)
        begun = [{frame: head} for j, head in enumerate(heads) if j not in taken_heads]
        tracks += begun
        free += begun
    return [
        Person(number, _completed(track, len(found), rate_hz)) for number, track in enumerate(tracks, start=1)
    ]


def _newest(track: dict[int, DetectedHead]) -> tuple[int, DetectedHead]:
    """The last frame of a track, and the head in it: as quick after an hour as after a second."""
    frame = next(reversed(track))
    return frame, track[frame]


def _can_follow(before: DetectedHead, after: DetectedHead, passed_s: float) -> bool:
    reach = min(REACH_WIDTHS + REACH_WIDTHS_PER_S * passed_s, MOST_REACH_WIDTHS)
    near = distance_in_widths(before.box_px, after.box_px) < reach
    return near and width_ratio(before.box_px, after.box_px) < REACH_RATIO + passed_s


def _completed(track: dict[int, DetectedHead], frames: int, rate_hz: float) -> dict[int, DetectedHead]:
    """In every frame from the first to the last, and `LINGER_S` beyond."""
    known = np.array(sorted(track))
    numbers = np.array([[*track[frame].box_px, *track[frame].points_px.ravel()] for frame in known.tolist()])
    linger = round(LINGER_S * rate_hz)
    at = np.arange(max(0, known[0] - linger), min(frames, known[-1] + linger + 1))
    filled = np.column_stack([np.interp(at, known, column) for column in numbers.T])
    smooth = smoothed(filled, SMOOTH_S * rate_hz)
    return {
        frame: DetectedHead(
            track[frame].score if frame in track else 0.0, tuple(row[:4].tolist()), row[4:].reshape(6, 2)
        )
        for frame, row in zip(at.tolist(), smooth, strict=True)
    }


def _apart(boxes: Sequence[Box]) -> list[Box]:
    """Of boxes at nearly the same place the first."""
    kept: list[Box] = []
    for box in boxes:
        if all(distance_in_widths(box, other) > 0.5 for other in kept):
            kept.append(box)
    return kept
