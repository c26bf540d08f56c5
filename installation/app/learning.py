"""Two decoders that learn while nobody takes part: when they do, and whom."""

from engine.live.decoders.training_frame import TrainingFrame
from installation.visit.parameters import DecodersParameters
from installation.workers.engine_client import EngineClient


class Learning:
    """Tells the engine when to train. Used by the main loop's thread."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._number: int | None = None  # of the pair of people that the engine has been told to learn
        self._since_s: float | None = None  # when the parameter was switched on

    @property
    def frame(self) -> TrainingFrame | None:
        """What a scene may show; None while nothing is learned, or nothing is known yet."""
        return None if self._number is None else self._engine.training

    def update(self, now_s: float, parameters: DecodersParameters, is_idle: bool) -> None:
        """Once a frame. is_idle: nobody takes part."""
        if not parameters.shown:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        number = None
        if is_idle and self._since_s is not None:
            number = int((now_s - self._since_s) / parameters.people_s)
        if number != self._number:
            self._number = number
            self._engine.train(number)
