"""What the stage hands to the delivery for a visit: finished pictures and words, no photograph of the sitter.

The delivery process encodes them as `TakeHomeFiles` (files.py), which a link (links.py) leads to.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.common.arrays import Pixels
from installation.delivery.captions import Caption
from installation.outputs.marks import TRAINED_ALGORITHMIC_MEDIA


@dataclass(frozen=True, eq=False)
class TakeHomePictures:
    """For one visit; pictures are uint8 (R, R, 3) RGB, exactly as they were judged.

    enlarged: the doppelgänger for screens and prints, judged again. match: the closest match, for the card.

    language: one of `installation.settings.texts.languages()`.  pair: both sides of the border, *same person*
    first. film: a finished MP4 with its mark.  Match, pair and film hold a face that a judge takes for the
    sitter.
    same: whether the leading judge takes the doppelgänger, too, for the sitter, because it found no border.
    is_real: whether the sitter is a real person, not a synthetic one. is_group: whether `doppelganger` is a
    group portrait, each face as its owner chose. source_type: what the files say they are; see
    `installation.outputs.marks`.
    """

    visit_id: int
    language: str
    doppelganger: Pixels
    captions: tuple[Caption, ...] = ()
    pair: tuple[Pixels, Pixels] | None = None
    film: bytes | None = None
    same: bool = False
    is_real: bool = True
    enlarged: Pixels | None = None
    match: Pixels | None = None
    is_group: bool = False
    source_type: str | None = TRAINED_ALGORITHMIC_MEDIA

    def __post_init__(self) -> None:
        for picture in (self.doppelganger, *(self.pair or ()), self.enlarged, self.match):
            if picture is None:
                continue
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError("pictures must be uint8 (R, R, 3)")
            if picture.shape[0] != picture.shape[1] or not picture.size:
                raise ValueError("pictures must be square")

    def doppelganger_alone(self) -> "TakeHomePictures":
        """The same without match, pair and film, which hold a face that a judge takes for the sitter."""
        return replace(self, match=None, pair=None, film=None)
