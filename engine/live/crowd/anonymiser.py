"""Gives each person of a film or a photograph the head of a nobody, the same as long as the film lasts."""

from collections.abc import Collection, Sequence

from engine.common.arrays import Pixels
from engine.live.crowd.head import box_width, turn_of
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.recording import Person
from engine.live.crowd.replacement import Light, measure_light, replace_head

# How much of the light of each frame counts, so that it does not flicker.
LIGHT_SHARE = 0.15


class Anonymiser:
    """Draws frame after frame, in ascending order.

    people: everybody; each gets the nobody of their number. keep: the numbers of those who keep their own
    head.
    """

    def __init__(self, people: Sequence[Person], nobodies: Nobodies, keep: Collection[int] = ()) -> None:
        self._people = [person for person in people if person.number not in keep]
        self._nobodies = nobodies
        self._lights: dict[int, Light] = {}

    def draw(self, picture: Pixels, frame: int) -> Pixels:
        """A frame uint8 (H, W, 3) RGB with other heads, the nearest people before the others."""
        there = [(person.number, person.heads[frame]) for person in self._people if frame in person.heads]
        drawn = picture
        for number, head in sorted(there, key=lambda each: box_width(each[1].box_px)):
            light = measure_light(picture, head)
            if number in self._lights:
                light = self._lights[number].mixed(light, LIGHT_SHARE)
            self._lights[number] = light
            drawn = replace_head(drawn, head, self._nobodies.cutout(number, turn_of(head)), light)
        return drawn
