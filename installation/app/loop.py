"""The stage: one window, one loop, one scene at a time. Whatever else breaks, the picture goes on."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pygame import Rect

from engine.common.errors import MachineError, exception_summary
from hardware.display import Display
from installation.app.clock import Clock
from installation.app.session import Session
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from installation.stage.scene import Scene
from installation.stage.theme import screen_light
from installation.stage.view import Action, ShownPicture, View
from installation.visit.events import Event, Halted
from installation.workers.supervision import Condition, Health

log = logging.getLogger(__name__)

# A stage that has drawn nothing but black for so long is of no use: whoever supervises it starts it again.
GIVES_UP_AFTER_S = 10.0

TouchAreas = Mapping[Action, Rect]


class EventSource(Protocol):
    """Where events come from: buttons, curators, simulated visitors. `stop_requested` ends the program."""

    @property
    def stop_requested(self) -> bool: ...

    def events(self, session: Session, areas: TouchAreas, now_s: float, /) -> Iterable[Event]: ...


class FrameObserver(Protocol):
    """Looks at each finished frame: the recorder, the curators' control, the watchdog."""

    def frame(self, canvas: Canvas, view: View, shown: Sequence[ShownPicture]) -> None: ...


class MainLoop:
    """Plays the scene of the phase the visit is in, frame by frame, until a source says that it is over."""

    def __init__(
        self,
        session: Session,
        scenes: Mapping[Phase, Scene],
        display: Display,
        clock: Clock,
        sources: Sequence[EventSource],
        observers: Sequence[FrameObserver] = (),
    ) -> None:
        self.session, self.display, self.clock = session, display, clock
        self.canvas = Canvas(*display.size_px)
        self._scenes, self._sources, self._observers = scenes, sources, observers
        self._scene: Scene | None = None
        self._areas: TouchAreas = {}
        self._fault = ""  # what was logged last
        self._broken: dict[Phase, str] = {}  # scenes that failed when they were last played, and how
        self._failing_s: float | None = None  # since when no scene has been drawn

    def run(self) -> None:
        """The main loop. Raises MachineError where no scene can be drawn any more."""
        while not any(source.stop_requested for source in self._sources):
            self.frame()
            if self._failing_s is not None and self.clock.now_s - self._failing_s > GIVES_UP_AFTER_S:
                raise MachineError(
                    f"nothing can be drawn any more ({self._fault}): it has to be started again."
                )
        self._leave()

    @property
    def health(self) -> Health:
        """Which scenes fail."""
        if not self._broken:
            return Health(Condition.OK, "every scene is drawn.")
        told = "; ".join(f"scene of {phase}: {fault}" for phase, fault in self._broken.items())
        return Health(Condition.FAILED, f"{told}.", "Take back what was last changed in it; report it.")

    def frame(self) -> None:
        """One frame: what has happened, what there is to see, who looks at it."""
        now_s = self.clock.now_s
        for source in self._sources:
            for event in source.events(self.session, self._areas, now_s):
                self.session.handle(event, now_s)
        self.session.update(now_s)
        phase, show = self.session.state.phase, self.session.state.show
        if self._scenes[phase] is not self._scene and not show.is_black:
            self.session.registry.begin_scene()
        view = self.session.view(now_s)
        shown = self._play(view)
        self.display.show(self.canvas.surface)
        for observer in self._observers:
            observer.frame(self.canvas, view, shown)
        self.clock.tick()

    def _play(self, view: View) -> Sequence[ShownPicture]:
        """Draws the frame. A scene that fails ends the visit: the frame is black, and the log says why."""
        if view.visit.show.is_black:
            self._leave()
            self.canvas.clear()
            self._failing_s = None
            return ()
        try:
            scene = self._scene_of(view)
            scene.update(view)
            self.canvas.clear()
            scene.draw(self.canvas, view)
            self.canvas.dim(screen_light(view))
            self._areas = scene.areas()
            self._failing_s = None
            self._broken.pop(view.visit.phase, None)
            return scene.shown()
        except Exception as fault:
            self._report(view, fault)
            if self._failing_s is None:
                self._failing_s = view.now_s
            self.canvas.clear()
            self._leave()
            self.session.handle(Halted(), view.now_s)
            return ()

    def _scene_of(self, view: View) -> Scene:
        """The scene of the phase, entered."""
        scene = self._scenes[view.visit.phase]
        if scene is not self._scene:
            self._leave()
            scene.enter(view)
            self._scene = scene
        return scene

    def _report(self, view: View, fault: Exception) -> None:
        """One line when something else is the matter, not one a frame; never a picture's numbers."""
        line = exception_summary(fault)
        if line != self._fault:
            log.error("scene of %s: %s. The visit is ended.", view.visit.phase, line)
        self._fault = self._broken[view.visit.phase] = line

    def _leave(self) -> None:
        scene, self._scene, self._areas = self._scene, None, {}
        if scene is not None:
            scene.leave()
