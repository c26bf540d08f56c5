"""What the engine's process prepares while no request waits: people who do not exist.

For attract, and as sitters without a camera, ways to some of them; for the live picture of several people,
nobodies in all their poses, once these are asked for.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.inversion.projection import Place
from engine.judges.base import Judge
from engine.live.crowd.bank import Poses
from engine.pipeline.people import Person, find_person, person_strip
from engine.pipeline.settings import PortrayalSettings
from engine.runtime.messages import NobodyReady, PeopleReady
from engine.stylegan2.network import Generator

PEOPLE = 6  # ways to people that are prepared at once; after that, one every RENEWAL_S
RENEWAL_S = 300.0


class Interrupted(Exception):
    """The work at hand is not wanted any more, or has to wait."""


class Models(Protocol):
    """What people are prepared with. The first of the judges is the leading one."""

    @property
    def generator(self) -> Generator: ...

    @property
    def judges(self) -> Sequence[Judge]: ...

    @property
    def people(self) -> Sequence[Place] | None:
        """Where people who do not exist lie; None: random ones are looked for."""

    @property
    def settings(self) -> PortrayalSettings: ...

    def draw_nobody(self, number: int, check: Callable[[], None]) -> Poses:
        """A nobody in every pose. check: raises where the drawing has to wait; what was drawn so far is
        kept."""


class Preparation:
    """Prepares people until a request comes. In lock step that depends on the requests only, not on time.

    waits: whether a request waits. send: takes what is ready.
    """

    def __init__(
        self,
        models: Models,
        first_person: int,
        lock_step: bool,
        waits: Callable[[], bool],
        send: Callable[[PeopleReady | NobodyReady], None],
    ) -> None:
        self._models, self._lock_step = models, lock_step
        self._waits, self._send = waits, send
        self._next_number = first_person
        self._next_person: Person | None = None
        self._people_made, self._person_made_s = 0, 0.0
        self._sitters: deque[Pixels] = deque(maxlen=PEOPLE)  # photographs of people who do not exist
        self._nobodies_due: list[int] = []

    def ask_for_nobodies(self, numbers: Sequence[int]) -> None:
        """These are drawn next."""
        self._nobodies_due += [number for number in numbers if number not in self._nobodies_due]

    def rest_s(self) -> float | None:
        """Seconds until something else is to be prepared; None: only after a request."""
        if self._nobodies_due:
            return 0.0
        if self._lock_step:
            return None if self._people_made else 0.0
        if self._people_made < PEOPLE:
            return 0.0
        return max(self._person_made_s + RENEWAL_S - time.monotonic(), 0.0)

    def prepare(self) -> None:
        """Prepares what is due, until a request comes."""
        while self.rest_s() == 0:
            try:
                self._send(self._draw_nobody() if self._nobodies_due else self._make_people())
            except Interrupted:
                return

    def synthetic_sitter(self, visit_id: int, see: Callable[[], None]) -> Pixels:
        """A photograph of one of the people who have been prepared, each in turn."""
        if not self._sitters:
            return self._person(lambda _: see()).photograph
        return self._sitters[visit_id % len(self._sitters)]

    def _draw_nobody(self) -> NobodyReady:
        number = self._nobodies_due[0]
        try:
            poses = self._models.draw_nobody(number, self._give_way)
        except (Interrupted, torch.AcceleratorError):
            raise
        except Exception:  # their place stays black
            poses = {}
        self._nobodies_due.remove(number)
        return NobodyReady(number, poses)

    def _make_people(self) -> PeopleReady:
        try:
            strips: tuple[Strip, ...] = (self._make_strip(),)
        except (Interrupted, torch.AcceleratorError):
            raise
        except Exception:  # a generator that makes no faces is no reason to portray nobody
            strips = ()
        self._people_made, self._person_made_s = self._people_made + 1, time.monotonic()
        return PeopleReady(strips)

    def _make_strip(self) -> Strip:
        models, give_way = self._models, lambda _: self._give_way()
        person = self._person(give_way)
        strip = person_strip(person, models.judges[0], models.settings, give_way)
        self._next_number, self._next_person = person.number + 1, None
        self._sitters.append(person.photograph)
        return strip

    def _person(self, see: Callable[[Pixels], None]) -> Person:
        """The person whose strip is made next; found only once, however often that is interrupted."""
        if self._next_person is None:
            models = self._models
            self._next_person = find_person(
                models.generator, models.judges[0], self._next_number, models.settings, see, models.people
            )
        return self._next_person

    def _give_way(self) -> None:
        """Raises Interrupted where a request waits. In lock step what is due is made in any case, so that
        there is one order of events."""
        if not self._lock_step and self._waits():
            raise Interrupted
