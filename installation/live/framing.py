"""The pictures that outputs show: a square face in a wide frame, and the card while there is none."""

import cv2
import numpy as np

from engine.common.arrays import Pixels
from installation.live.output import HEIGHT_PX, WIDTH_PX
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import Align, Canvas, grey

# What lies beside the face: the picture itself, enlarged, out of focus, and darker.
_BLUR_PX, _DARKER = 60.0, 0.45
_COARSER = 8  # so much smaller it is put out of focus: in 10 ms, and not in a second
_FADE_PX = 48  # how far the edges of the face's picture fade into it
_TITLE_PX, _TITLE_GREY = 72, grey(170)


class Frame:
    """Sets one sitter's pictures into 1280 x 720.

    at_rest: the picture whose edges continue to the sides, uint8 (R, R, 3) RGB.
    """

    def __init__(self, at_rest: Pixels) -> None:
        width, height = WIDTH_PX // _COARSER, HEIGHT_PX // _COARSER
        wide = cv2.resize(at_rest, (width, width), interpolation=cv2.INTER_AREA)
        top = (width - height) // 2
        soft = cv2.GaussianBlur(wide[top : top + height], (0, 0), _BLUR_PX / _COARSER)
        sides = cv2.resize(soft, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
        self._sides = np.asarray(_DARKER * sides, np.uint8)
        self._left_px = (WIDTH_PX - HEIGHT_PX) // 2
        rising = np.linspace(0, 1, _FADE_PX, dtype=np.float32)[None, :, None]
        self._edges = ((slice(0, _FADE_PX), rising), (slice(HEIGHT_PX - _FADE_PX, HEIGHT_PX), 1 - rising))

    def around(self, picture: Pixels) -> Pixels:
        """A picture of the sitter, uint8 (R, R, 3) RGB, in the middle of the frame, uint8 (720, 1280, 3)."""
        scaling = cv2.INTER_AREA if len(picture) > HEIGHT_PX else cv2.INTER_CUBIC
        face = np.asarray(cv2.resize(picture, (HEIGHT_PX, HEIGHT_PX), interpolation=scaling))
        framed = self._sides.copy()
        middle = framed[:, self._left_px : self._left_px + HEIGHT_PX]
        for columns, share in self._edges:
            face[:, columns] = share * face[:, columns] + (1 - share) * middle[:, columns]
        middle[:] = face
        return framed


def draw_card() -> Pixels:
    """What is shown while there is nobody: the title on black, uint8 (720, 1280, 3) RGB."""
    canvas = Canvas(WIDTH_PX, HEIGHT_PX)
    middle = (WIDTH_PX / 2, HEIGHT_PX / 2 + 0.35 * _TITLE_PX)
    title = Texts.load(FALLBACK)("attract.title")
    canvas.text(title, middle, _TITLE_PX, 600, _TITLE_GREY, align=Align.MIDDLE)
    return canvas.rgb
