"""How unlike their originals the replaced faces of a group portrait are: a table, and which are most so.

The measures are those by which *My Face My Choice* (arXiv:2211.01361) compares generators: the Fréchet
distance of both sets, RMSE, PSNR, SSIM, and each judge's embedding distance. Nothing of an original is drawn.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pygame import Rect

from engine.common.arrays import Pixels
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from installation.outputs.report import MaybeDistance, Number, Part
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import Canvas, grey
from installation.stage.typesetting import fitting_size

_ENGLISH = Texts.load(FALLBACK)
_GREY = grey(165)
_PICTURE_PX, _GAP_PX, _MARGIN_PX, _TOP_PX, _WORDS_PX, _COLUMNS = 320, 40, 60, 130, 130, 4
# A face is shown with so much of its extent around it.
_AROUND_SHARE = 0.1


class GroupTable(Part):
    """Medians over the faces that are not their owners' own and of which judges were asked, each alone on
    black at 256 px against the original: RMSE in grey levels, PSNR, SSIM, and each judge's distance, null
    where it saw no face. frechet: of both sets, by the features of the embedded encoder; null of fewer than
    three faces."""

    faces: int
    frechet: Number | None
    rmse: Number | None
    psnr_db: Number | None
    ssim: Number | None
    distances: dict[str, MaybeDistance]


@dataclass(frozen=True, eq=False)
class MostUnlike:
    """The face that a measure finds most unlike its original. number: from the left, from 1. words: measure
    and figure."""

    number: int
    face: PublishedFace
    words: str


def replaced_faces(portrait: GroupPortrait) -> dict[int, PublishedFace]:
    """The faces that are not their owners' own, and were measured, by their number from the left."""
    return {
        number: face
        for number, face in enumerate(portrait.faces, start=1)
        if face.appears in (Decision.DOPPELGANGER, Decision.ANONYMOUS) and face.likeness and face.verdicts
    }


def table_of(portrait: GroupPortrait, frechet: float | None) -> GroupTable:
    """The table. frechet: the distance of both sets."""
    faces = replaced_faces(portrait).values()

    def median(figures: Iterable[float]) -> float | None:
        values = list(figures)
        return float(np.median(values)) if values else None

    judges = [name for face in faces for name in face.verdicts or {}]
    return GroupTable(
        faces=len(faces),
        frechet=frechet,
        rmse=median((face.likeness or {})["rmse"] for face in faces),
        psnr_db=median((face.likeness or {})["psnr_db"] for face in faces),
        ssim=median((face.likeness or {})["ssim"] for face in faces),
        distances={
            name: median((face.verdicts or {})[name].distance for face in faces)
            for name in dict.fromkeys(judges)
        },
    )


def most_unlike(portrait: GroupPortrait) -> list[MostUnlike]:
    """For each measure the face that is most unlike its original; none where nobody was replaced."""
    faces = replaced_faces(portrait)
    figures = {number: _figures(face) for number, face in faces.items()}
    found = []
    for measure in next(iter(figures.values()), {}):
        number = max(figures, key=lambda number: figures[number][measure][0])
        found.append(MostUnlike(number, faces[number], f"{measure} {figures[number][measure][1]}"))
    return found


def _figures(face: PublishedFace) -> dict[str, tuple[float, str]]:
    """Of each measure how unlike its original a face is, more is more unlike, and the figure in words."""
    likeness, verdicts = face.likeness or {}, face.verdicts or {}
    figures = {
        "RMSE": (likeness["rmse"], f"{likeness['rmse']:.1f}"),
        "PSNR": (-likeness["psnr_db"], f"{likeness['psnr_db']:.1f} dB"),
        "SSIM": (-likeness["ssim"], f"{likeness['ssim']:.3f}"),
    }
    for judge, verdict in verdicts.items():
        words = "no face" if math.isinf(verdict.distance) else f"{verdict.distance:.3f}"
        figures[_ENGLISH.judge(judge)] = verdict.distance, words
    return figures


def unlike_sheet(portrait: GroupPortrait, most: Sequence[MostUnlike]) -> Pixels:
    """The published faces that are most unlike, uint8 (H, W, 3) RGB, below each by which measure."""
    width = 2 * _MARGIN_PX + _COLUMNS * _PICTURE_PX + (_COLUMNS - 1) * _GAP_PX
    rows = -(-len(most) // _COLUMNS)
    canvas = Canvas(width, _TOP_PX + rows * (_PICTURE_PX + _WORDS_PX))
    canvas.text("The most unlike their originals, by each measure", (_MARGIN_PX, 80), 48, 600)
    for index, each in enumerate(most):
        left = _MARGIN_PX + index % _COLUMNS * (_PICTURE_PX + _GAP_PX)
        top = _TOP_PX + index // _COLUMNS * (_PICTURE_PX + _WORDS_PX)
        place = Rect(left, top, _PICTURE_PX, _PICTURE_PX)
        canvas.picture(_cut(portrait.picture, each.face), place, fade_edges=False, antialias=True)
        size = fitting_size((each.words,), 30, 600, _PICTURE_PX)
        canvas.text(each.words, (left, place.bottom + 40), size, 600)
        appears = "a doppelgänger" if each.face.appears is Decision.DOPPELGANGER else "nobody"
        canvas.text(f"face {each.number}, {appears}", (left, place.bottom + 78), 26, 400, _GREY)
    return canvas.rgb


def _cut(picture: Pixels, face: PublishedFace) -> Pixels:
    """A square about a face, black beyond the picture."""
    assert face.outline is not None
    x, y, width, height = cv2.boundingRect(face.outline)
    side = max(2, round((1 + _AROUND_SHARE) * max(width, height)))
    place = np.array([[1.0, 0, side / 2 - x - width / 2], [0, 1.0, side / 2 - y - height / 2]])
    return np.asarray(cv2.warpAffine(picture, place, (side, side)), np.uint8)
