"""The small changes over which every verdict is averaged, and the larger ones a doppelgänger must survive.

One embedding of one picture is noise: a mirror flip moves dlib's distance by up to 0.21, JPEG by 0.09, one
grey level by 0.04. So every picture of a visit is judged under the same list of perturbations.

Gain and JPEG happen to the 8-bit picture as it would be written; mirror, scale and shift happen in the warp
to the judge's crop.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Perturbation:
    """A change of a picture before it is judged.

    gain: factor on the grey levels. jpeg_quality: 1..100, or None for no JPEG. mirrored: left and right
    exchanged in the judge's crop. shift_px: right and down, in pixels of the judge's crop. scale: size of the
    face in the judge's crop, about its middle.
    """

    gain: float = 1.0
    jpeg_quality: int | None = None
    mirrored: bool = False
    shift_px: tuple[int, int] = (0, 0)
    scale: float = 1.0


SHIFTS_PX = (-2, -1, 1, 2)


def perturbations(seed: int = 0, count: int = 8) -> list[Perturbation]:
    """The fixed list of `count` perturbations that belongs to `seed`.

    Half of them are mirrored. Each half is balanced in itself, so that another seed hardly moves a verdict:
    its gains are the middles of equal parts of 0.95..1.05, its JPEG qualities those of 80..95, its shifts
    take each of SHIFTS_PX equally often in x and in y as far as their number allows, all in shuffled order.
    Plain and mirrored ones take turns, plain first. Drawn from numpy's RandomState, whose stream is frozen:
    for the plain half, then the mirrored one, in the order gains, qualities, x, y. Raises ValueError if
    `count` is below 1.
    """
    if count < 1:
        raise ValueError("a verdict needs at least one perturbation")
    random = np.random.RandomState(seed)
    found: dict[int, Perturbation] = {}
    for first in (0, 1):
        places = range(first, count, 2)
        middles = (np.arange(len(places)) + 0.5) / max(len(places), 1)
        gains = 0.95 + 0.10 * random.permutation(middles)
        qualities = np.rint(80 + 15 * random.permutation(middles)).astype(int)
        x, y = (random.permutation(np.resize(random.permutation(SHIFTS_PX), len(places))) for _ in range(2))
        for i, place in enumerate(places):
            shift_px = (int(x[i]), int(y[i]))
            found[place] = Perturbation(float(gains[i]), int(qualities[i]), first == 1, shift_px)
    return [found[place] for place in range(count)]


def diverse_perturbations(seed: int, count: int) -> list[Perturbation]:
    """Larger changes than a verdict's, drawn independently: for a search whose result shall convince judges
    that took no part in it (`engine.finders.beyond`)."""
    random = np.random.RandomState(seed)
    return [
        Perturbation(
            gain=float(random.uniform(0.8, 1.2)),
            jpeg_quality=int(random.randint(50, 96)),
            mirrored=bool(random.randint(2)),
            shift_px=(int(random.randint(-9, 10)), int(random.randint(-9, 10))),
            scale=float(random.uniform(0.8, 1.15)),
        )
        for _ in range(count)
    ]


WORST_CASE: tuple[Perturbation, ...] = (
    Perturbation(),
    Perturbation(jpeg_quality=95),
    Perturbation(jpeg_quality=80),
    Perturbation(mirrored=True),
    Perturbation(shift_px=(1, 0)),
    Perturbation(shift_px=(0, -1)),
    Perturbation(shift_px=(-2, 2)),
    Perturbation(shift_px=(3, 0)),
    Perturbation(shift_px=(0, 3)),
    Perturbation(shift_px=(-3, -3)),
    Perturbation(gain=0.9),
    Perturbation(gain=1.1),
    Perturbation(scale=0.9),
    Perturbation(scale=0.9, mirrored=True),
    Perturbation(jpeg_quality=80, mirrored=True, gain=1.1),
    Perturbation(jpeg_quality=80, shift_px=(2, -2), gain=0.9),
    Perturbation(jpeg_quality=80, shift_px=(-3, 3), scale=0.9, mirrored=True),
)
"""What a doppelgänger must survive: each change alone, and a few together."""


def expose(picture: NDArray[np.uint8], perturbation: Perturbation) -> NDArray[np.uint8]:
    """Gain, then JPEG, of a picture uint8 (R, R, 3) RGB at its own resolution; the same shape back.

    Gain rounds half to even and clips. JPEG is OpenCV's baseline encoder with its defaults (4:2:0).
    """
    if perturbation.gain != 1.0:
        levels = np.clip(np.rint(np.arange(256) * perturbation.gain), 0, 255).astype(np.uint8)
        picture = np.asarray(cv2.LUT(picture, levels), np.uint8)
    if perturbation.jpeg_quality is not None:
        quality = [cv2.IMWRITE_JPEG_QUALITY, perturbation.jpeg_quality]
        written = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)[1]
        shown = cv2.cvtColor(cv2.imdecode(written, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        picture = shown.astype(np.uint8, copy=False)
    return picture


def displacement(perturbation: Perturbation, crop_px: int) -> NDArray[np.float64]:
    """Scale, mirror and shift as one map (2, 3) of a crop's coordinates (0..crop_px) onto themselves."""
    half = crop_px / 2
    scale_x = -perturbation.scale if perturbation.mirrored else perturbation.scale
    shift_x, shift_y = perturbation.shift_px
    return np.array(
        [
            [scale_x, 0.0, half - scale_x * half + shift_x],
            [0.0, perturbation.scale, half - perturbation.scale * half + shift_y],
        ]
    )
