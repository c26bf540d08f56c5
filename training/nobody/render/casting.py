"""Chooses people by their looks, so that what is rare in the pictures can be added to them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from engine.common.errors import UsageError
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import draw_person

SEARCHED_PER_PERSON = 20_000  # seeds tried before a restriction counts as impossible


@dataclass(frozen=True)
class Restrictions:
    """Which people are wanted; `None` is anybody."""

    age: tuple[float, float] | None = None
    tone: tuple[float, float] | None = None
    styles: frozenset[str] | None = None
    beards: frozenset[str] | None = None

    def admit(self, person: Person) -> bool:
        return (
            (self.age is None or self.age[0] <= person.age <= self.age[1])
            and (self.tone is None or self.tone[0] <= person.tone <= self.tone[1])
            and (self.styles is None or person.hair.style in self.styles)
            and (self.beards is None or person.beard.kind in self.beards)
        )


def matching_people(first_seed: int, count: int, wanted: Restrictions) -> Iterator[Person]:
    """The first `count` people from a seed on whom the restrictions admit; the others' seeds are passed over.

    Raises:
        UsageError: nobody, or hardly anybody, is like that.
    """
    found = 0
    for tried in itertools.count():
        if found == count:
            return
        if tried >= SEARCHED_PER_PERSON * (found + 1):
            raise UsageError(f"only {found} of {tried} people are like that: widen the restrictions")
        person = draw_person(first_seed + tried)
        if wanted.admit(person):
            found += 1
            yield person
