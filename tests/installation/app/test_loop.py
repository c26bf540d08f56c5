"""The main loop and its scene player: which scene is drawn, from which values, and what a fault does."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from hardware.display.display import Display
from hardware.display.settings import DisplaySettings
from installation.app.clock import LiveClock, VirtualClock
from installation.app.loop import MainLoop
from installation.app.scene_player import ScenePlayer
from installation.capture.camera import CameraParameters
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from installation.stage.scene import Scene
from installation.stage.view import ShownPicture, View
from installation.visit.events import BlackoutChanged, ChoseSynthetic, Event, SearchDone, WokeUp
from installation.visit.participants import Participant, Sitter
from installation.workers.supervision import Condition
from tests.installation.app.test_session import Visited
from tests.support import scene_views

WAITING = "camera/width_px"  # a parameter that applies at the next scene


class WhiteScene(Scene):
    """Fills the canvas with white, and remembers how it was called and with which value of WAITING."""

    parameters = CameraParameters

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.widths_px: list[int] = []
        self.fails = False
        self.brightness = 255

    def enter(self, view: View) -> None:
        self.calls.append("enter")

    def draw(self, canvas: Canvas, view: View) -> None:
        if self.fails:
            raise ValueError("a measured value of 0.123")
        self.widths_px.append(view.parameters.of(CameraParameters).width_px)
        canvas.fill(canvas.surface.get_rect(), (self.brightness,) * 3)

    def leave(self) -> None:
        self.calls.append("leave")


class Running:
    """A main loop on a small canvas, with a scene of its own for each phase; observes its own frames."""

    def __init__(self, display: Display) -> None:
        self.visited = Visited()
        self.scenes = {phase: WhiteScene() for phase in Phase}
        self.frames: list[tuple[int, Sequence[ShownPicture]]] = []
        self.loop = MainLoop(
            self.visited.session, self.scenes, display, VirtualClock(10), sources=(), observers=(self,)
        )

    def frame(self, canvas: Canvas, view: View, shown: Sequence[ShownPicture]) -> None:
        self.frames.append((int(canvas.pixels[..., :3].max()), shown))

    def do(self, *events: Event) -> None:
        """Events, and then a frame."""
        for event in events:
            self.visited.session.handle(event, self.loop.clock.now_s)
        self.loop.frame()

    @property
    def brightest(self) -> int:
        """Of the last frame, 0 to 255."""
        return self.frames[-1][0]


@pytest.fixture
def running() -> Iterator[Running]:
    with Display(DisplaySettings("headless:64x48")) as display:
        yield Running(display)


def test_parameters_that_wait_are_in_force_from_the_first_frame_of_the_next_scene(running: Running) -> None:
    attract, consent = running.scenes[Phase.ATTRACT], running.scenes[Phase.CONSENT]
    running.do()
    running.visited.registry.set(WAITING, 640)
    running.do()
    assert attract.widths_px == [1280, 1280]
    running.do(WokeUp())
    assert consent.widths_px == [640]


def test_what_is_set_while_a_frame_is_drawn_belongs_to_the_next_frame(running: Running) -> None:
    view = running.visited.session.view(0.0)
    running.visited.registry.set("camera/mirror", False)
    assert view.parameters.of(CameraParameters).mirror is True
    assert running.visited.session.view(0.0).parameters.of(CameraParameters).mirror is False


def test_a_scene_is_left_before_the_next_one_is_entered(running: Running) -> None:
    running.do()
    running.do(WokeUp())
    assert running.scenes[Phase.ATTRACT].calls == ["enter", "leave"]
    assert running.scenes[Phase.CONSENT].calls == ["enter"]


class NotingClock(VirtualClock):
    """Notes of each frame how long the next one may take."""

    def __init__(self) -> None:
        super().__init__(10)
        self.needed_every: list[int] = []

    def tick(self, every: int = 1) -> None:
        super().tick(every)
        self.needed_every.append(every)


def test_a_frame_is_still_where_nothing_has_moved_since_the_one_before(running: Running) -> None:
    running.loop.clock = clock = NotingClock()
    running.do()
    running.do()
    running.do(BlackoutChanged(True))
    running.do()
    assert clock.needed_every == [1, 2, 1, 2]


def test_until_the_border_is_known_half_of_the_frames_are_drawn(running: Running) -> None:
    running.loop.clock = clock = NotingClock()
    running.do()
    running.do(WokeUp())
    running.do(ChoseSynthetic())
    state = running.visited.session.state
    assert state.phase is Phase.SEARCH
    running.scenes[Phase.SEARCH].brightness = 100
    running.do()
    running.scenes[Phase.SEARCH].brightness = 50
    running.do(SearchDone(state.visit_id))
    assert running.visited.session.state.phase is Phase.SEARCH
    assert clock.needed_every[-2:] == [2, 1]


def test_while_nothing_moves_half_as_many_frames_are_drawn() -> None:
    clock = LiveClock(rate_hz=50)
    clock.tick()
    spans_s = []
    for every in (1, 2):
        began_s = clock.now_s
        for _ in range(5):
            clock.tick(every)
        spans_s.append(clock.now_s - began_s)
    assert spans_s[0] >= 0.09 and spans_s[1] >= 0.19


def test_a_black_show_draws_nothing_and_holds_no_scene(running: Running) -> None:
    running.do()
    assert running.brightest == 255
    running.do(BlackoutChanged(True))
    assert running.brightest == 0 and running.scenes[Phase.ATTRACT].calls == ["enter", "leave"]
    running.do(BlackoutChanged(False))
    assert running.brightest == 255 and running.scenes[Phase.ATTRACT].calls[-1] == "enter"


def test_a_scene_that_fails_ends_the_visit_and_the_next_one_is_drawn(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.scenes[Phase.CONSENT].fails = True
    running.do(WokeUp())
    assert running.frames[-1] == (0, ()) and running.visited.is_in(Phase.ATTRACT)
    health = running.loop.health
    assert health.condition is Condition.FAILED and "scene of consent: ValueError" in health.message
    assert "0.123" not in caplog.text and "scene of consent" in caplog.text
    running.do()
    assert running.brightest == 255
    running.scenes[Phase.CONSENT].fails = False
    running.do(WokeUp())
    health = running.loop.health
    assert health.condition is Condition.OK


class PictureScene(WhiteScene):
    """Draws a white picture."""

    picture = np.full((8, 8, 3), 255, np.uint8)

    def draw(self, canvas: Canvas, view: View) -> None:
        canvas.picture(self.picture, canvas.layout.face, fade_edges=False)


@pytest.mark.parametrize("phase", Phase)
def test_pictures_fade_when_their_owner_has_gone(phase: Phase) -> None:
    player = ScenePlayer({each: PictureScene() for each in Phase}, (64, 64))
    values = scene_views.registry()

    def brightness(now_s: float, last_seen_s: float, sitter: Sitter = Sitter.CAMERA) -> int:
        participants = (Participant(sitter=sitter, last_seen_s=last_seen_s),)
        view = scene_views.make_view(phase, now_s, values, participants=participants)
        player.play(view)
        return int(player.canvas.pixels[..., :3].max())

    began_s = scene_views.BEGAN_S
    shown = [brightness(at_s, began_s + min(at_s, 2.0)) for at_s in np.arange(0, 8, 0.1).tolist()]
    owned = phase in (Phase.SEARCH, Phase.BORDER, Phase.JURY, Phase.MEETING, Phase.DOPPELGANGER)
    assert shown[:40] == [255] * 40
    assert shown[52] == (0 if owned else 255)
    assert max(abs(np.diff(shown))) < 40  # no flash
    assert brightness(8.0, began_s + 8.0) < 255 or not owned
    assert brightness(8.5, began_s + 8.5) == 255
    assert brightness(30.0, began_s, Sitter.SYNTHETIC) == 255
