"""When the engine is told to train two decoders, and on whom."""

from typing import Any

from installation.app.learning import Learning
from installation.visit.parameters import DecodersParameters


class Engine:
    """Keeps what it is told."""

    training = "the newest moment"

    def __init__(self) -> None:
        self.told: list[int | None] = []

    def train(self, number: int | None) -> None:
        self.told.append(number)


def test_it_learns_while_nobody_takes_part_and_two_others_after_a_time() -> None:
    engine: Any = Engine()
    learning, values = Learning(engine), DecodersParameters(shown=True, people_s=100)
    for now_s, is_idle in ((10, False), (20, True), (30, True), (40, False), (50, True), (115, True)):
        learning.update(now_s, values, is_idle)
        assert (learning.frame is not None) == is_idle
    assert engine.told == [0, None, 0, 1]
    learning.update(120, DecodersParameters(people_s=100), True)
    assert engine.told[-1] is None and learning.frame is None
    learning.update(500, values, True)
    assert engine.told[-1] == 0  # switched on again, it begins with the first pair


def test_it_never_learns_unless_it_is_asked_for() -> None:
    engine: Any = Engine()
    learning = Learning(engine)
    for now_s in range(1000):
        learning.update(float(now_s), DecodersParameters(), True)
    assert engine.told == []
