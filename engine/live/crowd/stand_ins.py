"""Draws a nobody in the place of everybody who does not want to be seen, or has not said so yet.

Of a head its box and six points are used: no pixel of it, no mesh, no embedding.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.detector import DetectedHead
from engine.live.crowd.bank import Bank, PoseNumber, draw_pose, pose_nearest
from engine.live.crowd.head import Turn, box_width, turn_of
from engine.live.crowd.tracks import Track

# How much of the newest points counts where they moved by less than the first of these, in widths of the box
# and as a mean: the detector's networks differ by that much. From the second on all of it does.
REST_SHARE, REST_WIDTHS, FAST_WIDTHS = 0.06, 0.06, 0.2
# How much of the newest turn counts: a head that turns moves its points by no more than they tremble.
TURN_SHARE = 0.12


@dataclass(frozen=True)
class Cast:
    """Which nobody stands for which track. parts: track -> nobody. last: the nobody that was given last."""

    parts: Mapping[int, int] = field(default_factory=dict)
    last: int = 0


def recast(cast: Cast, tracks: Sequence[int], nobodies: Collection[int]) -> Cast:
    """The cast after a frame with these tracks, in their order.

    A track keeps its nobody as long as it lives, even one that is no longer among the nobodies. New tracks
    get the one that has been free longest; who gets none, because there are too few, is given one when one
    becomes free.
    """
    parts = {track: cast.parts[track] for track in tracks if track in cast.parts}
    last = cast.last
    for track in tracks:
        if track in parts:
            continue
        free = set(nobodies) - set(parts.values())
        chosen = min(free, key=lambda nobody: (nobody <= last, nobody), default=None)
        if chosen is not None:
            parts[track] = last = chosen
    return Cast(parts, last)


@dataclass(frozen=True, eq=False)
class _Placed:
    """How a nobody was drawn last. head, turn: the track's, without the detector's tremble."""

    pose: PoseNumber
    head: DetectedHead
    turn: Turn


class StandIns:
    """Draws frame after frame. Not to be shared between threads.

    bank: may be replaced at any time. For whom a nobody stands that is no longer in it, nothing is drawn from
    then on: nobody's face changes into another one.
    """

    def __init__(self, bank: Bank | None = None) -> None:
        self.bank = bank or Bank()
        self._cast = Cast()
        self._placed: dict[int, _Placed] = {}

    def forget(self) -> None:
        """Forgets all tracks."""
        self._cast, self._placed = Cast(last=self._cast.last), {}

    def draw(self, tracks: Sequence[Track], onto: Pixels) -> None:
        """Draws a nobody for each of these tracks, the nearest people last, onto uint8 (H, W, 3) RGB."""
        self._cast = recast(self._cast, [track.number for track in tracks], self.bank.poses)
        self._placed = {track.number: self._place(track) for track in tracks}
        for track in sorted(tracks, key=lambda track: box_width(track.head.box_px)):
            nobody = self._cast.parts.get(track.number)
            if nobody is not None and nobody in self.bank.poses:
                placed = self._placed[track.number]
                draw_pose(self.bank.poses[nobody][placed.pose], placed.head.points_px, onto)

    def _place(self, track: Track) -> _Placed:
        before = self._placed.get(track.number)
        turn = turn_of(track.head)
        if before is None:
            return _Placed(pose_nearest(turn), track.head, turn)
        turn = Turn(*(was + TURN_SHARE * (now - was) for was, now in zip(before.turn, turn, strict=True)))
        return _Placed(pose_nearest(turn, before.pose), _calmed(before.head, track.head), turn)


def _calmed(before: DetectedHead, head: DetectedHead) -> DetectedHead:
    """Where a head is, given where it was taken to be before: it stands still for small motions."""
    moved = head.points_px - before.points_px
    widths = float(np.hypot(*moved.T).mean()) / box_width(head.box_px)
    motion = np.clip((widths - REST_WIDTHS) / (FAST_WIDTHS - REST_WIDTHS), 0, 1)
    share = float(REST_SHARE + (1 - REST_SHARE) * motion)
    x0, y0, x1, y1 = (was + share * (now - was) for was, now in zip(before.box_px, head.box_px, strict=True))
    return DetectedHead(head.score, (x0, y0, x1, y1), before.points_px + share * moved)
