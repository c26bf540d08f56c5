"""A scene as part of a film: drawn frame by frame on a virtual clock, without a screen."""

from collections.abc import Iterable, Iterator

from engine.common.arrays import Pixels
from installation.outputs.films.soundtrack import Soundtrack
from installation.stage.canvas import Canvas
from installation.stage.layout import Layout
from installation.stage.scene import Scene
from installation.stage.sound import SoundParameters
from installation.stage.view import View

WIDTH_PX, HEIGHT_PX = 1080, 1350
FPS = 30


def film_canvas(face_share: float = 0.65) -> Canvas:
    """A canvas of the film's size. The face takes more room than on a screen with a stop button."""
    return Canvas(WIDTH_PX, HEIGHT_PX, Layout(WIDTH_PX, HEIGHT_PX, face_share=face_share, stop_button=False))


def play(
    scene: Scene, canvas: Canvas, views: Iterable[View], soundtrack: Soundtrack | None = None
) -> Iterator[Pixels]:
    """The frames of a scene that is given these views, uint8 (H, W, 3) RGB each.

    soundtrack: takes up the sounds of each frame as it is drawn.
    """
    entered = False
    for view in views:
        if not entered:
            scene.enter(view)
            entered = True
        scene.update(view)
        canvas.clear()
        canvas.language = view.text.language
        scene.draw(canvas, view)
        if soundtrack is not None:
            volume = view.parameters.of(SoundParameters).volume_percent / 100
            soundtrack.start(scene.sounds(), volume=volume)
        yield canvas.rgb
    scene.leave()
