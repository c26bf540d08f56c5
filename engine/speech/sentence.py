"""A sentence that is said once by a face that follows somebody: when, and what its mouth does meanwhile.

The mouth is its own while it speaks; head, eyes and brows go on following.
"""

from dataclasses import dataclass, field, replace

from engine.live.motion import Motion
from engine.speech.articulation import TRAIL_S, Articulation, articulate
from engine.speech.phonemes import Speech

FOLLOWED_S = 4.0  # how long the face has followed without a break before it speaks
EASE_S = 0.4  # from somebody's mouth to its own before the first sound, and back after the last
WRITTEN_S = 5.0  # how long the words can be read, at least

MOUTH = ("jaw", "mouth_width", "smile", "pucker")


@dataclass
class Sentence:
    """One sentence. Has no clock of its own; `now_s` never falls.

    text: its words. speech: its sound and phonemes; None: it is only written. begun_s: when it began, None
    before. broken: the face could not go on following, so that the sentence was broken off.
    """

    text: str
    speech: Speech | None = None
    begun_s: float | None = None
    broken: bool = False
    _followed_since_s: float | None = None
    _articulation: Articulation = field(init=False)

    def __post_init__(self) -> None:
        self._articulation = articulate(self.speech.phonemes if self.speech is not None else ())

    def step(self, motion: Motion, follows: bool, now_s: float) -> Motion:
        """What the face is to do at `now_s`. motion: of whom it follows. follows: whether it does."""
        if not follows:
            self._followed_since_s = None
            self.broken = self.broken or self.is_said(now_s)
        elif self._followed_since_s is None:
            self._followed_since_s = now_s
        elif self.begun_s is None and now_s - self._followed_since_s >= FOLLOWED_S:
            self.begun_s = now_s
        return self._with_own_mouth(motion, now_s)

    @property
    def heard_s(self) -> float | None:
        """When its sound begins; None before it is known, and where it has none."""
        return None if self.begun_s is None or self.speech is None else self.begun_s + EASE_S

    def is_said(self, now_s: float) -> bool:
        """Whether its words are to be read at `now_s`."""
        if self.begun_s is None or self.broken:
            return False
        return 0 <= now_s - self.begun_s < max(WRITTEN_S, EASE_S + self._spoken_s + EASE_S)

    @property
    def _spoken_s(self) -> float:
        """From the first sound until the mouth is at rest."""
        return self.speech.duration_s + TRAIL_S if self.speech is not None else 0.0

    def _with_own_mouth(self, motion: Motion, now_s: float) -> Motion:
        heard_s = self.heard_s
        if heard_s is None or self.broken:
            return motion
        spoken_s = now_s - heard_s
        share = _smooth(min(1 + spoken_s / EASE_S, 1 + (self._spoken_s - spoken_s) / EASE_S))
        if share == 0:
            return motion
        own = self._articulation.at(spoken_s)
        mixed = {name: (1 - share) * getattr(motion, name) + share * getattr(own, name) for name in MOUTH}
        return replace(motion, **mixed)


def _smooth(share: float) -> float:
    """0 up to 0, 1 from 1 on, with zero slope at both."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
