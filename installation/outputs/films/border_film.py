"""The film of a visit: the border scene, without a screen.

It is the scene that visitors see, with its default parameters and without what needs a visitor present: no
stop button and no invitation to turn the head.
"""

from collections.abc import Iterator

from engine.common.arrays import Pixels
from engine.pipeline.result import PortrayalResult
from installation.outputs.films.scene_film import FPS, film_canvas, play
from installation.outputs.films.soundtrack import Soundtrack
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import Canvas
from installation.stage.scene import Scene, scene_of
from installation.stage.sound import SoundParameters
from installation.stage.theme import StageParameters
from installation.stage.view import ParticipantView, View
from installation.visit.participants import Participant, Sitter
from installation.visit.state import State

DURATION_S = 19.6


def frames(
    result: PortrayalResult,
    text: Texts | None = None,
    *,
    soundtrack: Soundtrack | None = None,
    synthetic: bool = False,
    duration_s: float = DURATION_S,
    fps: int = FPS,
    scene: Scene | None = None,
    canvas: Canvas | None = None,
) -> Iterator[Pixels]:
    """Draws the frames of the film, uint8 (1350, 1080, 3) RGB each; `write_film` takes them.

    result: whose crossing is shown. text: the language; English by default. soundtrack: takes up the sounds
    of each frame as it is drawn. synthetic: whether the sitter is a synthetic person. scene and
    canvas: what is played and drawn on, by default the border scene and `film_canvas`.
    """
    scene = scene or scene_of(Phase.BORDER)()
    canvas = canvas or film_canvas()
    result = result.crossing_alone()
    views = _views(result, text or Texts.load(FALLBACK), scene, synthetic, duration_s, fps)
    yield from play(scene, canvas, views, soundtrack)


def _views(
    result: PortrayalResult, text: Texts, scene: Scene, synthetic: bool, duration_s: float, fps: int
) -> Iterator[View]:
    parameters = Registry(StageParameters, SoundParameters, scene.parameters).snapshot()
    sitter = Participant(sitter=Sitter.SYNTHETIC if synthetic else Sitter.CAMERA)
    for frame in range(round(duration_s * fps)):
        yield View(
            now_s=frame / fps,
            visit=State(phase=Phase.BORDER, participants=(sitter,)),
            parameters=parameters,
            text=text,
            entered_s=0.0,
            duration_s=duration_s,
            participants=(ParticipantView(result=result),),
            interactive=False,
        )
