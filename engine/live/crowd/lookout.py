"""Looks for everybody in a picture: the whole of it, and parts of it, because detectors miss small faces."""

import math
from collections.abc import Iterable, Iterator, Sequence

from engine.common.arrays import Pixels
from engine.faces.detector import Box, DetectedHead, Region, box_centre, box_contains
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.live.crowd.head import box_width, steadied, width_ratio
from engine.live.crowd.turned import turned_heads

# The detector finds a face that is 12 % as wide as what it looks at. So tiles of 320 px show faces from 34
# px, squares as wide as the picture's shorter side those between them and what the whole picture shows.
TILE_PX = 320
# A face is whole in one of the tiles if it is at most this wide.
OVERLAP_PX = 80
# How many of the tiles are looked at in one picture of a live camera; all of them in 9 at 1280x720.
TILES_A_LOOK = 2
# What is looked at about a face that is expected: this many times as wide as its box.
SURROUNDINGS = 3.0
# A box that comes so near to the edge of a part, in its widths, may be that of half a face.
EDGE_WIDTHS = 0.1
# Two detections of one face differ less in width. A wider one that has the middle of another within it is
# taken for a face that two people make together: the whole picture has such ones.
SAME_RATIO = 1.5


class Lookout:
    """Finds heads. Not to be shared between threads."""

    def __init__(self, detector: MediaPipeDetector) -> None:
        self._detector = detector

    def glance(
        self, picture: Pixels, number: int, expected: Sequence[Box] = (), guarded: Sequence[Box] = ()
    ) -> list[DetectedHead]:
        """The heads in the whole picture, in a few tiles of it, others for each `number`, and about expected
        boxes that were not found otherwise; and about guarded ones those that lie or are upside down.

        picture: uint8 (H, W, 3) RGB. 6 ms and 6 more for each tile and each box about which is looked, and
        for all that are guarded.
        """
        height, width = picture.shape[:2]
        tiles = list(tiles_of(width, height))
        turn = (tiles[(TILES_A_LOOK * number + i) % len(tiles)] for i in range(min(TILES_A_LOOK, len(tiles))))
        heads = self._look_steadily(picture, [(0, 0, width, height), *turn])
        missing = [box for box in expected if not any(_is_found(head.box_px, box) for head in heads)]
        heads += self._look_steadily(picture, (_about(box, width, height) for box in missing))
        heads = [head for head in heads if not _spans_another(head, heads)]
        turned = turned_heads(self._detector, picture, number, list(guarded))
        return distinct(heads + turned)

    def search(self, picture: Pixels, expected: Sequence[Box] = ()) -> list[DetectedHead]:
        """The heads in the whole picture, all tiles of it, and about expected boxes: for films and
        photographs."""
        height, width = picture.shape[:2]
        about = (_about(box, width, height) for box in expected)
        return distinct(self._look(picture, [(0, 0, width, height), *tiles_of(width, height), *about]))

    def about(self, picture: Pixels, box: Box) -> list[DetectedHead]:
        """The heads about an expected box only."""
        return distinct(self._look(picture, [_about(box, picture.shape[1], picture.shape[0])]))

    def _look(self, picture: Pixels, parts: Iterable[Region]) -> list[DetectedHead]:
        return [head for part in parts for head in self._detector.detect_heads(picture, part)]

    def _look_steadily(self, picture: Pixels, parts: Iterable[Region]) -> list[DetectedHead]:
        """Without heads that a part cuts off, whose boxes are wrong: another part shows them whole."""
        height, width = picture.shape[:2]
        return [
            steadied(head)
            for part in parts
            for head in self._detector.detect_heads(picture, part)
            if not _is_cut_off(head.box_px, part, width, height)
        ]

    def close(self) -> None:
        """Frees the networks."""
        self._detector.close()


def tiles_of(width: int, height: int) -> Iterator[Region]:
    """Squares that cover a picture, each face of `OVERLAP_PX` whole in one: small ones, and each twice as
    wide as the ones before, up to the picture's shorter side."""
    side_px = TILE_PX
    while side_px < min(width, height):
        yield from _tiles(width, height, side_px, side_px * OVERLAP_PX // TILE_PX)
        side_px *= 2
    if width != height:
        yield from _tiles(width, height, min(width, height), min(width, height) // 4)


def _tiles(width: int, height: int, side_px: int, overlap_px: int) -> Iterator[Region]:
    def starts(length: int) -> list[int]:
        rest = length - side_px
        steps = math.ceil(rest / (side_px - overlap_px))
        return [round(rest * i / steps) for i in range(steps + 1)] if steps else [0]

    for top in starts(height):
        for left in starts(width):
            yield left, top, left + side_px, top + side_px


def distinct(heads: Sequence[DetectedHead]) -> list[DetectedHead]:
    """One head for each face, the surest detection of it."""
    kept: list[DetectedHead] = []
    for head in sorted(heads, key=lambda head: head.score, reverse=True):
        if not any(_is_same(head.box_px, other.box_px) for other in kept):
            kept.append(head)
    return kept


def _spans_another(head: DetectedHead, heads: Sequence[DetectedHead]) -> bool:
    """Whether a head is much wider than another one within it. Only for live pictures, where who is not found
    is not shown."""
    return any(
        box_width(head.box_px) > SAME_RATIO * box_width(other.box_px)
        and box_contains(head.box_px, box_centre(other.box_px))
        for other in heads
    )


def _is_cut_off(box: Box, part: Region, width: int, height: int) -> bool:
    """Whether a box reaches an edge of a part that is not one of the picture."""
    near_px = EDGE_WIDTHS * box_width(box)
    inner = (part[0] > 0, part[1] > 0, part[2] < width, part[3] < height)
    within = (box[0] - part[0], box[1] - part[1], part[2] - box[2], part[3] - box[3])
    return any(is_inner and px < near_px for is_inner, px in zip(inner, within, strict=True))


def _is_found(found: Box, expected: Box) -> bool:
    return _is_same(found, expected) and width_ratio(found, expected) < SAME_RATIO


def _is_same(a: Box, b: Box) -> bool:
    return box_contains(a, box_centre(b)) or box_contains(b, box_centre(a))


def _about(box: Box, width: int, height: int) -> Region:
    """A square about a box, as far as it lies in the picture."""
    x, y = box_centre(box)
    half = SURROUNDINGS * box_width(box) / 2
    left, top = max(0, min(round(x - half), width - 1)), max(0, min(round(y - half), height - 1))
    return left, top, max(left + 1, min(round(x + half), width)), max(top + 1, min(round(y + half), height))
