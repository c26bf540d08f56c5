"""The film of a visit: the border scene, drawn frame by frame on a virtual clock, without a screen.

It is the scene that visitors see, with its default parameters and without what needs a visitor present: no
stop button and no invitation to turn the head.
"""

from collections.abc import Iterator

from engine.common.arrays import Pixels
from engine.pipeline.result import PortrayalResult
from installation.outputs.soundtrack import Soundtrack
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import Canvas
from installation.stage.layout import Layout
from installation.stage.scene import Scene, scene_of
from installation.stage.sound import SoundParameters
from installation.stage.theme import StageParameters
from installation.stage.view import ParticipantView, View
from installation.visit.participants import Participant, Sitter
from installation.visit.state import State

WIDTH_PX, HEIGHT_PX = 1080, 1350
FPS = 30
DURATION_S = 19.6


def film_canvas() -> Canvas:
    """A canvas of the film's size. The face takes more room than on a screen with a stop button."""
    return Canvas(WIDTH_PX, HEIGHT_PX, Layout(WIDTH_PX, HEIGHT_PX, face_share=0.65, stop_button=False))


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
    parameters = Registry(StageParameters, SoundParameters, scene.parameters).snapshot()
    sitter = Participant(sitter=Sitter.SYNTHETIC if synthetic else Sitter.CAMERA)
    for frame in range(round(duration_s * fps)):
        view = View(
            now_s=frame / fps,
            visit=State(phase=Phase.BORDER, participants=(sitter,)),
            parameters=parameters,
            text=text or Texts.load(FALLBACK),
            entered_s=0.0,
            duration_s=duration_s,
            participants=(ParticipantView(result=result),),
            interactive=False,
        )
        if frame == 0:
            scene.enter(view)
        scene.update(view)
        canvas.clear()
        canvas.language = view.text.language
        scene.draw(canvas, view)
        if soundtrack is not None:
            soundtrack.start(scene.sounds(), volume=parameters.of(SoundParameters).volume_percent / 100)
        yield canvas.rgb
    scene.leave()
