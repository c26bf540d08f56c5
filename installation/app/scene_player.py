"""Plays the scene of each phase: enters it, draws its frames, leaves it, and survives its faults."""

import logging
from collections.abc import Mapping, Sequence

from engine.common.errors import exception_summary
from installation.app.interfaces import TouchAreas
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from installation.stage.scene import Scene
from installation.stage.sound import StartedSound
from installation.stage.theme import StageParameters, screen_light
from installation.stage.view import ShownPicture, View
from installation.visit.participants import Sitter
from installation.visit.phases import TRAITS
from installation.visit.state import State
from installation.workers.supervision import Condition, Health

log = logging.getLogger(__name__)


FADE_OUT_S, FADE_IN_S = 1.0, 0.5  # of a visitor's pictures, when they have gone and when they are back


class ScenePlayer:
    """Draws one scene at a time onto `canvas`.

    areas: where a touch on the current scene means what. sounds: those that begin with the last frame.
    fault: type and place of the last exception that a scene raised. failing_since_s: since when no frame
    could be drawn, None while all is well.
    """

    def __init__(
        self,
        scenes: Mapping[Phase, Scene],
        size_px: tuple[int, int],
        gathering: Scene | None = None,
        decoders: Scene | None = None,
    ) -> None:
        """gathering: shows portrait and search in the visit of several people. decoders: shows attract while
        two decoders learn."""
        self.canvas = Canvas(*size_px)
        self.areas: TouchAreas = {}
        self.sounds: Sequence[StartedSound] = ()
        self.fault = ""
        self.failing_since_s: float | None = None
        self._scenes, self._gathering, self._decoders = scenes, gathering, decoders
        self._scene: Scene | None = None
        self._drawn_s = 0.0  # when the last frame was drawn
        self._faults: dict[Phase, str] = {}  # of the scenes that failed when they were last played

    @property
    def health(self) -> Health:
        """Which scenes fail."""
        if not self._faults:
            return Health(Condition.OK, "every scene is drawn.")
        faults = "; ".join(f"scene of {phase}: {fault}" for phase, fault in self._faults.items())
        return Health(Condition.FAILED, f"{faults}.", "Take back what was last changed in it; report it.")

    def will_enter(self, state: State, is_learning: bool = False) -> bool:
        """Whether the next frame in this state begins another scene. is_learning: there is a training to
        show."""
        return not state.show.is_black and self._scene_of(state, is_learning) is not self._scene

    def _scene_of(self, state: State, is_learning: bool) -> Scene:
        if is_learning and self._decoders and state.phase is Phase.ATTRACT:
            return self._decoders
        if state.with_others and self._gathering and state.phase in (Phase.PORTRAIT, Phase.SEARCH):
            return self._gathering
        return self._scenes[state.phase]

    def play(self, view: View) -> Sequence[ShownPicture] | None:
        """Draws the frame; returns the verdicts it shows, or None where the scene failed and it is black."""
        self.sounds = ()
        if view.visit.show.is_black:
            self.leave()
            self.canvas.clear()
            self.failing_since_s = None
            return ()
        try:
            scene = self._enter(view)
            scene.update(view)
            self.canvas.clear()
            self.canvas.language = view.text.language
            self._fade_pictures(view)
            scene.draw(self.canvas, view)
            self.canvas.dim(screen_light(view))
            self.areas, self.sounds = scene.areas(), scene.sounds()
            self.failing_since_s = None
            self._faults.pop(view.visit.phase, None)
            return scene.shown()
        except Exception as error:
            self._report(view, error)
            if self.failing_since_s is None:
                self.failing_since_s = view.now_s
            self.canvas.clear()
            self.leave()
            return None

    def leave(self) -> None:
        """Leaves the current scene, which drops its pictures."""
        scene, self._scene, self.areas = self._scene, None, {}
        if scene is not None:
            scene.leave()

    def _fade_pictures(self, view: View) -> None:
        """Lets the pictures fade while nobody is there to whom they belong, and return with them."""
        passed_s, self._drawn_s = max(view.now_s - self._drawn_s, 0.0), view.now_s
        step = passed_s / FADE_IN_S if is_owner_present(view) else -passed_s / FADE_OUT_S
        self.canvas.picture_light = min(max(self.canvas.picture_light + step, 0.0), 1.0)

    def _enter(self, view: View) -> Scene:
        """The scene of the phase, entered."""
        scene = self._scene_of(view.visit, view.training is not None)
        if scene is not self._scene:
            self.leave()
            scene.enter(view)
            self._scene = scene
        return scene

    def _report(self, view: View, error: Exception) -> None:
        """Logs a new fault in one line, not once a frame, and without the values of a picture."""
        fault = exception_summary(error)
        if fault != self.fault:
            log.error("scene of %s: %s. The visit is ended.", view.visit.phase, fault)
        self.fault = self._faults[view.visit.phase] = fault


def is_owner_present(view: View) -> bool:
    """Whether whoever the scene's pictures belong to has been seen lately; nobody's need no owner.

    The mirror of the portrait shows who is there now, so it does not fade.
    """
    if not TRAITS[view.visit.phase].watched or view.visit.phase is Phase.PORTRAIT:
        return True
    owners = [each for each in view.visit.participants if each.sitter is Sitter.CAMERA]
    away_s = view.parameters.of(StageParameters).away_s
    return not owners or any(view.now_s - each.last_seen_s < away_s for each in owners)
