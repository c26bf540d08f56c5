"""What the engine is asked for between visits: nobodies for a live picture, and training of two decoders."""

from collections.abc import Sequence

from engine.live.decoders.training_frame import TrainingFrame
from engine.runtime.messages import DecodersTrained, DrawNobodies, NobodyReady, TrainDecoders


class BetweenVisits:
    """What is wanted, and what the present engine was told and has answered. Used under the client's lock.

    training: the newest moment of the training; None where nothing is learned, or nothing is known yet.
    """

    def __init__(self) -> None:
        self.training: TrainingFrame | None = None
        self._pair: int | None = None  # of people, whom decoders are to learn
        self._pair_told: int | None = None  # to the present engine
        self._nobodies_asked: tuple[int, ...] = ()  # not sent yet
        self._nobodies_due: set[int] = set()  # sent, not drawn yet
        self._nobodies_drawn: set[int] = set()  # by the present engine

    @property
    def waits_for_nobodies(self) -> bool:
        """Whether some are still to be drawn."""
        return bool(self._nobodies_due)

    def want_nobodies(self, numbers: Sequence[int]) -> None:
        """These are needed; those are not asked for again that the present engine has drawn or is drawing."""
        known = self._nobodies_due | self._nobodies_drawn
        self._nobodies_asked = tuple(number for number in numbers if number not in known)

    def want_training(self, number: int | None) -> None:
        """The pair of people of this number is to be learned; None: none."""
        self._pair, self.training = number, None

    def next_request(self) -> DrawNobodies | TrainDecoders | None:
        """What is to be sent to the engine next; it then counts as sent."""
        if self._nobodies_asked:
            numbers, self._nobodies_asked = self._nobodies_asked, ()
            self._nobodies_due |= set(numbers)
            return DrawNobodies(numbers)
        if self._pair != self._pair_told:
            self._pair_told = self._pair
            return TrainDecoders(self._pair)
        return None

    def take(self, answer: NobodyReady | DecodersTrained) -> None:
        """The engine has answered."""
        match answer:
            case NobodyReady(number, poses):
                self._nobodies_due.discard(number)
                if poses:
                    self._nobodies_drawn.add(number)
            case DecodersTrained(number, frame):
                self.training = frame if number == self._pair else None

    def forget_engine(self) -> list[NobodyReady]:
        """Another engine takes over, which knows nothing of all this.

        It could not compare a doppelgänger with nobodies that the former one has drawn. Returns what the
        stage is to be told: that these are not to be shown any more.
        """
        lost = [NobodyReady(number, {}) for number in sorted(self._nobodies_drawn)]
        self._nobodies_due, self._nobodies_drawn = set(), set()
        self._pair_told = self.training = None
        return lost
