"""The film of a group portrait: all faces but real ones come from the median face.

First there is the median face in the place of every doppelgänger and of everybody who is nobody; from it each
becomes who they are, while those who are real come out of the dark, and the signs appear. No picture of it is
of anybody's own face but of those who decided so.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from pygame import Rect

from engine.common.arrays import Pixels
from installation.outputs.films.scene_film import FPS, HEIGHT_PX, WIDTH_PX, film_canvas
from installation.settings.texts import Texts
from installation.stage.canvas import WHITE, Anchor, TextBlock
from installation.stage.theme import ease
from installation.stage.view import GroupView

# Out of the dark, as the median face, becoming who they are, and as they are.
DARK_S, MEDIAN_S, BECOMING_S, HELD_S = 1.0, 1.0, 3.0, 3.0
DURATION_S = DARK_S + MEDIAN_S + BECOMING_S + HELD_S
_MARGIN_PX, _WORDS_PX = 72, 46


def frames(group: GroupView, text: Texts) -> Iterator[Pixels]:
    """The frames, uint8 (1350, 1080, 3) RGB each, with what the signs mean."""
    canvas = film_canvas()
    canvas.language = text.language
    square = Rect(0, 0, WIDTH_PX, WIDTH_PX)
    words = Rect(_MARGIN_PX, WIDTH_PX, WIDTH_PX - 2 * _MARGIN_PX, HEIGHT_PX - WIDTH_PX - _MARGIN_PX)
    for frame in range(round(DURATION_S * FPS)):
        at_s = frame / FPS
        become = ease(at_s - DARK_S - MEDIAN_S, BECOMING_S)
        light = ease(at_s, DARK_S) * (1 - become)
        shown = cv2.addWeighted(group.origin, light, group.picture, become, 0)
        canvas.clear()
        canvas.picture(np.asarray(shown, np.uint8), square, antialias=True)
        if become > 0:
            block = TextBlock(text("phone.group_signs"), _WORDS_PX, 400, WHITE, become)
            canvas.column([block], words, Anchor.TOP)
        yield canvas.rgb
