"""The stage: one window, one loop, one scene at a time. Whatever else breaks, the picture goes on."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from hardware.display import Display
from installation import visit
from installation.clock import Clock
from installation.host import Host
from installation.view import Shown, View
from installation.visit import Phase
from scenes.canvas import Canvas
from scenes.scene import Scene

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Looks at each finished frame: the recorder, the curators' control."""

    def frame(self, canvas: Canvas, view: View, shown: Shown | None) -> None: ...


class Stage:
    """Plays the scene of the phase the visit is in, frame by frame, until `over`."""

    def __init__(
        self,
        host: Host,
        scenes: Mapping[Phase, Scene],
        display: Display,
        canvas: Canvas,
        clock: Clock,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.host, self.display, self.canvas, self.clock = host, display, canvas, clock
        self.over = False
        self._scenes, self._observers = scenes, observers
        self._phase: Phase | None = None
        self._fault = ""

    def run(self) -> None:
        """The main loop."""
        while not self.over:
            now_s = self.clock.now_s
            for event in self._inputs(now_s):
                self.host.handle(event, now_s)
            self.host.collect(now_s)
            view = self.host.view(self._text(), now_s)
            shown = self._play(view)
            self.display.show(self.canvas.surface)
            for observer in self._observers:
                observer.frame(self.canvas, view, shown)
            self.clock.tick()

    def _play(self, view: View) -> Shown | None:
        """Draws the scene. One that fails ends the visit; the picture is black then, and the log says why."""
        try:
            scene = self._scene(view)
            scene.update(view)
            self.canvas.clear()
            scene.draw(self.canvas, view)
            self._fault = ""
            return scene.shown()
        except Exception as fault:
            self._report(view.visit.phase, fault)
            self.canvas.clear()
            self.host.handle(visit.Halted(), view.now_s)
            return None
