"""A rig: everything that moves one sitter's picture. `engine.live.rigs.rigging` makes it."""

from dataclasses import dataclass, field

from engine.common.arrays import Pixels
from engine.live.expression import Expression
from engine.live.frame import Array
from engine.live.rigs.eyes import Eye
from engine.live.rigs.flows import Flows
from engine.live.rigs.mouth import Mouth

# The head is turned from rest by so much at most, and with the sitter's own turn by so much in all: beyond
# either the far cheek is squashed.
MOST_TURN_DEG, MOST_YAW_DEG = 12.0, 15.0
# The side of the pictures that flows are found on, and of the maps that say from where pixels come: these are
# smooth, and half as fine they cost a quarter.
FLOW_PX, MAP_PX = 256, 128


@dataclass(frozen=True, eq=False)
class Rig:
    """One sitter, ready to be moved. All lengths are in pixels of `picture`, of side R.

    picture: uint8 (R, R, 3) RGB, at rest. rest: its measurements. yaw, pitch: flows by degrees from rest,
    (K, S, S, 2) with S = `MAP_PX`. fields: what one unit of a motion's number adds to each pixel's
    place, (S, S, 2). head: (S, S), how far each pixel goes along with the head, 0 to 1. gains: by which a
    number is multiplied for this sitter, so that what is measured in the drawn picture is what was asked.
    """

    picture: Pixels
    rest: Expression
    yaw: Flows
    pitch: Flows
    fields: dict[str, Array]
    head: Array
    eyes: tuple[Eye, Eye]
    mouth: Mouth
    gains: dict[str, float] = field(default_factory=dict)

    @property
    def yaw_range_deg(self) -> tuple[float, float]:
        """How far the picture turns from rest, to the left (negative) and to the right."""
        low, high = self.yaw.range
        own = self.rest.yaw_deg
        return (
            max(low, -MOST_TURN_DEG, min(-MOST_YAW_DEG - own, 0.0)),
            min(high, MOST_TURN_DEG, max(MOST_YAW_DEG - own, 0.0)),
        )
