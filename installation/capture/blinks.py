"""Blinks, told by the sitter's own eyes: nobody's lids are compared with anybody else's."""

from collections import deque
from dataclasses import dataclass, field

# How long the widest opening is remembered: longer than a blink (0.1 to 0.4 s), and shorter than the
# countdown. Whoever keeps their eyes shut, or has looked surprised, is portrayed as they are after so long.
REMEMBERED_S = 2.0
# Less open than this share of the sitter's own widest opening: a blink.
BLINK_SHARE = 0.5


@dataclass
class BlinkDetector:
    """Follows the opening of one sitter's eyes from frame to frame."""

    _recent: deque[tuple[float, float]] = field(default_factory=deque)

    def is_blink(self, eyes_open: float, at_s: float) -> bool:
        """Takes the opening in the frame at `at_s`; returns whether it is a blink.

        eyes_open: as in `engine.faces.measurement.Face`. at_s: on the camera's clock.
        """
        self._recent.append((at_s, eyes_open))
        while at_s - self._recent[0][0] > REMEMBERED_S:
            self._recent.popleft()
        return eyes_open < BLINK_SHARE * max(opening for _, opening in self._recent)
