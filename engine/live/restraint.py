"""How much of a driver's motion a face may follow: all of it only while it is known to stay someone else.

At rest the picture is known to hold. So whatever is not known leads there: motion that comes late, a judge
that is silent, a face that it does not find. So does *same*; and after it the face reaches less far. And no
motion is followed further than poses that were judged beforehand allow (`engine.live.safe_motion`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.judges.verdict import Verdict
from engine.live.motion import REST, Motion

LATE_S = 0.3  # motion older than this is not followed
SILENT_S = 2.0  # a verdict older than this says nothing any more
EASE_S = 0.5  # from all of a motion to rest, and back
REST_S = 1.5  # how long the face rests after *same*
LESS = 0.7  # of its reach after each *same*


def same_person(verdict: Verdict | None) -> bool:
    """Whether what was judged must not be shown on: the sitter, or no face that could be judged."""
    return verdict is None or verdict.same


@dataclass
class Restraint:
    """Follows a motion as far as it may. Has no clock of its own; `now_s` never falls.

    safe_share: of a motion, up to which it is known to be someone else, 0 to 1. reach: the share of every
    motion that is followed at most, 0 to 1.
    """

    safe_share: Callable[[Motion], float] = lambda _: 1.0
    reach: float = 1.0
    share: float = 0.0  # that is followed just now; 0 is rest
    _stepped_s: float | None = None
    _judged_s: float | None = None  # when the pictures were shown that were judged last
    _resting_until_s: float = 0.0

    def judged(self, verdict: Verdict | None, shown_s: float, now_s: float) -> None:
        """A verdict on the face as it was shown at `shown_s`; None: no face was found in it."""
        self._judged_s = shown_s
        if same_person(verdict):
            self.reach *= LESS
            self._resting_until_s = now_s + REST_S

    def step(self, motion: Motion, moved_s: float | None, now_s: float) -> Motion:
        """What is to be drawn at `now_s` of the newest motion, which was measured at `moved_s`."""
        passed_s = 0.0 if self._stepped_s is None else max(0.0, now_s - self._stepped_s)
        self._stepped_s = now_s
        late = moved_s is None or now_s - moved_s > LATE_S
        silent = self._judged_s is None or now_s - self._judged_s > SILENT_S
        follows = not late and not silent and now_s >= self._resting_until_s
        target = min(self.reach, self.safe_share(motion)) if follows else 0.0
        step = passed_s / EASE_S
        self.share = min(self.share + step, target) if follows else max(self.share - step, target)
        return motion.eased(self.share) if self.share else REST
