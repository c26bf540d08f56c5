"""Two people before one camera, each of whom moves the other's picture.

Each has to have decided so, about their own face: a decision belongs to a track and ends with it
(`engine.live.crowd.tracks`). Who comes afterwards is a new track with a new number, and moves nobody; who
leaves, is hidden, or takes the decision back moves nobody any more, and that picture eases to rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.faces.detector import Box, box_centre
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.tracks import Crowd, follow
from engine.live.expression import Mesh
from engine.live.follower import Follower
from engine.live.motion import Motion

# Two people count as the two once they have been the only ones for so long.
TOGETHER_S = 0.4


@dataclass
class Exchange:
    """The two, by the numbers of their tracks, from the picture's left; for ever these two."""

    left: int
    right: int
    _followers: tuple[Follower, Follower] = field(default_factory=lambda: (Follower(), Follower()))
    _has_left: set[int] = field(default_factory=set)

    def step(
        self, crowd: Crowd, mesh_in: Callable[[Box], Mesh | None], now_s: float
    ) -> tuple[Motion, Motion]:
        """What moves the picture of the left person, and that of the right one, at `now_s`.

        crowd: after the newest frame. mesh_in: of the face in a box of it.
        """
        by_left, by_right = (
            follower.step(self._mesh(number, crowd, mesh_in, now_s), now_s)
            for number, follower in zip((self.left, self.right), self._followers, strict=True)
        )
        return by_right, by_left

    def _mesh(
        self, number: int, crowd: Crowd, mesh_in: Callable[[Box], Mesh | None], now_s: float
    ) -> Mesh | None:
        track = next((each for each in crowd.tracks if each.number == number), None)
        if track is None or track.decision is None:
            self._has_left.add(number)
        if number in self._has_left or track is None or track.found_s != now_s:
            return None
        return mesh_in(track.head.box_px)


class ExchangeDriver:
    """Finds the first two people who are there together, and follows both. Not to be shared between threads.

    Whoever uses it says with that that both have agreed.
    """

    def __init__(self, lookout: Lookout, analyser: FaceAnalyser) -> None:
        self._lookout, self._analyser = lookout, analyser
        self._crowd, self._glances = Crowd(), 0
        self._together_s: float | None = None  # since when the same two are the only ones
        self._numbers: tuple[int, ...] = ()
        self.exchange: Exchange | None = None

    def step(self, picture: Pixels, now_s: float) -> tuple[Motion, Motion]:
        """What moves the left person's picture and the right one's; picture: uint8 (H, W, 3) RGB."""
        expected = [track.expected(now_s) for track in self._crowd.tracks]
        heads = self._lookout.glance(picture, self._glances, expected)
        self._glances += 1
        self._crowd = follow(self._crowd, heads, picture, now_s)
        if self.exchange is None:
            self._look_for_two(picture, now_s)
        if self.exchange is None:
            return Motion(), Motion()
        return self.exchange.step(self._crowd, lambda box: self._analyser.mesh(picture, box), now_s)

    def _look_for_two(self, picture: Pixels, now_s: float) -> None:
        tracks = sorted(self._crowd.tracks, key=lambda track: box_centre(track.head.box_px)[0])
        numbers = tuple(track.number for track in tracks)
        if len(numbers) != 2 or numbers != self._numbers:
            self._numbers, self._together_s = numbers, now_s
            return
        # Who is not found in this frame would decide nothing, and could never move a picture.
        both_found = all(track.found_s == now_s for track in tracks)
        if self._together_s is not None and now_s - self._together_s >= TOGETHER_S and both_found:
            for number in numbers:
                self._crowd = self._crowd.decide(number, Decision.DOPPELGANGER, picture)
            self.exchange = Exchange(*numbers)
