"""The main loop: one window, one thread, one frame after the other. Nothing in it blocks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.common.errors import MachineError
from hardware.display.display import Display
from installation.app.clock import Clock
from installation.app.interfaces import EventSource, FrameObserver
from installation.app.scene_player import ScenePlayer
from installation.app.session import Session
from installation.app.speaker import Speaker
from installation.settings.phase import Phase
from installation.stage.scene import Scene
from installation.stage.view import Diagnostics
from installation.visit.events import Halted
from installation.workers.supervision import Health

# A screen that has been black for so long because scenes fail is of no use: whoever supervises the program
# starts it again.
GIVES_UP_AFTER_S = 10.0

COMPARED_EVERY = 4  # rows of the canvas, to tell whether anything moves


class MainLoop:
    """Each frame: events to the session, the session's view to the scene, the picture to the screen, and
    what sounds to the loudspeaker."""

    def __init__(
        self,
        session: Session,
        scenes: Mapping[Phase, Scene],
        display: Display,
        clock: Clock,
        sources: Sequence[EventSource],
        observers: Sequence[FrameObserver] = (),
        diagnostics: Callable[[], Diagnostics] | None = None,
        speaker: Speaker | None = None,
        gathering: Scene | None = None,
        decoders: Scene | None = None,
    ) -> None:
        self.session, self.display, self.clock = session, display, clock
        self.player = ScenePlayer(scenes, display.size_px, gathering, decoders)
        self._sources, self._observers, self._diagnostics = sources, observers, diagnostics
        self._speaker = speaker
        self._rows = np.copy(self._compared_rows)

    @property
    def health(self) -> Health:
        """Which scenes fail."""
        return self.player.health

    def run(self) -> None:
        """Until a source requests a stop. Raises MachineError where no scene can be drawn any more."""
        while not any(source.stop_requested for source in self._sources):
            self.frame()
            since_s = self.player.failing_since_s
            if since_s is not None and self.clock.now_s - since_s > GIVES_UP_AFTER_S:
                raise MachineError(
                    f"nothing can be drawn any more ({self.player.fault}): it has to be started again."
                )
        self.player.leave()

    def frame(self) -> None:
        """One frame."""
        now_s = self.clock.now_s
        for source in self._sources:
            for event in source.events(self.session, self.player.areas, now_s):
                self.session.handle(event, now_s)
        self.session.update(now_s)
        if self.player.will_enter(self.session.state, self.session.is_learning):
            self.session.registry.begin_scene()
        view = self.session.view(now_s)
        if self._diagnostics is not None:
            view = replace(view, diagnostics=self._diagnostics())
        shown = self.player.play(view)
        if shown is None:
            self.session.handle(Halted(), now_s)
        self.display.show(self.player.canvas.surface)
        if self._speaker is not None:
            self._speaker.play(self.player.sounds, view)
        for observer in self._observers:
            observer.frame(self.player.canvas, view, shown or ())
        self.clock.tick(every=2 if self._is_awaiting_border() or self._is_still() else 1)

    def _is_awaiting_border(self) -> bool:
        """Whether the screen shows the engine's own steps, fewer than 30 a second: the engine then gets the
        cores."""
        state = self.session.state
        return state.phase is Phase.SEARCH and state.border_known_s is None

    def _is_still(self) -> bool:
        """Whether this frame looks as the one before. A stroke may move unnoticed between the rows that are
        compared: then one frame comes 1/60 s late."""
        still = np.array_equal(self._rows, self._compared_rows)
        if not still:
            np.copyto(self._rows, self._compared_rows)
        return still

    @property
    def _compared_rows(self) -> NDArray[np.uint32]:
        return self.player.canvas.pixels[::COMPARED_EVERY].view(np.uint32)
