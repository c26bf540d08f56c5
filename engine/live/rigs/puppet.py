"""Draws a sitter's picture as it looks after a motion."""

from dataclasses import replace

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.live.frame import Array
from engine.live.motion import RANGES, REST, Motion, limited
from engine.live.rigs.fields import pixel_grid
from engine.live.rigs.rig import MAP_PX, Rig

# From this share of the way to the end of its range on, a turn slows down, and never jumps at the end.
KNEE_SHARE = 0.7
MOST_NOD_DEG = 5.0
# The gap between the lips at most, since a mouth that is open at rest would gape, and by how much every mouth
# opens; shares of the face's width.
MOST_GAP, LEAST_OPENING = 0.2, 0.05


def draw(rig: Rig, motion: Motion) -> Pixels:
    """The picture after a motion: uint8 (R, R, 3) RGB. At rest it is the rig's picture itself.

    Depends on nothing else, and is continuous in every number, beyond their ranges, too.
    """
    motion = limited(motion)
    if motion == REST:
        return rig.picture.copy()
    gains = rig.gains if motion.jaw > 0 else rig.gains | {"jaw": 1.0}
    motion = replace(motion, **{name: gain * getattr(motion, name) for name, gain in gains.items()})
    coarse = source_places(rig, motion)
    side_px = len(rig.picture)
    face = pixel_grid(side_px, side_px) + _enlarged(coarse - pixel_grid(side_px, MAP_PX), side_px)
    opened_px = _opened_px(rig, motion.jaw)
    places = _with_jaw(rig, opened_px, face, coarse) if opened_px else face
    picture = _sampled(rig.picture, places[..., 0], places[..., 1])
    if opened_px:
        _draw_lips(rig, opened_px, picture, face, coarse)
    for eye, closed in zip(rig.eyes, (motion.left_lid, motion.right_lid), strict=True):
        if closed > 0 or motion.gaze:
            area = _area(coarse, eye.box(), side_px)
            x, y = face[area][..., 0], face[area][..., 1]
            skin_x, skin_y, seen = eye.skin(x, y, closed)
            skin = _sampled(rig.picture, skin_x, skin_y)
            eyeball = _sampled(rig.picture, *eye.eyeball(x, y, motion.gaze))
            picture[area] = _over(eyeball, skin, seen)
    return picture


def source_places(rig: Rig, motion: Motion) -> Array:
    """Where in the picture at rest each pixel comes from, lids and mouth apart: (S, S, 2), x and y."""
    side_px = len(rig.picture)
    grid = pixel_grid(side_px, MAP_PX)
    places = grid.copy()
    if motion.roll_deg or motion.x or motion.y or motion.scale:
        width_px, turn = rig.rest.width_px, np.radians(motion.roll_deg)
        x, y = grid[..., 0] - np.float32(rig.rest.x_px), grid[..., 1] - np.float32(rig.rest.y_px)
        moved_x, moved_y = x - np.float32(motion.x * width_px), y - np.float32(motion.y * width_px)
        cos, sin = (np.float32(f(turn) / (1 + motion.scale)) for f in (np.cos, np.sin))
        places[..., 0] += rig.head * (cos * moved_x + sin * moved_y - x)
        places[..., 1] += rig.head * (cos * moved_y - sin * moved_x - y)
    yaw_deg, pitch_deg = drawn_turn(rig, motion)
    if yaw_deg or pitch_deg:
        flow = rig.yaw.at(yaw_deg) + rig.pitch.at(pitch_deg)
        places = places + _looked_up(flow, places, side_px)
    numbers = {name: getattr(motion, name) for name in rig.fields}
    if any(numbers.values()):
        moved = sum(np.float32(number) * rig.fields[name] for name, number in numbers.items() if number)
        origin = places
        for _ in range(2):
            origin = places - _looked_up(np.asarray(moved), origin, side_px)
        places = origin
    return places


def drawn_turn(rig: Rig, motion: Motion) -> tuple[float, float]:
    """The yaw and the pitch, in degrees, of the flows that are drawn for a motion."""
    yaw_deg = _eased(motion.yaw_deg, rig.yaw_range_deg)
    # A turn that makes the head nod as well is evened out.
    nod_deg = float(np.clip(rig.yaw.aside_at(yaw_deg), -MOST_NOD_DEG, MOST_NOD_DEG))
    return yaw_deg, _eased(motion.pitch_deg - nod_deg, rig.pitch.range)


def _eased(value: float, limits: tuple[float, float]) -> float:
    """A value that follows up to the knee, and then approaches the end of its range ever more slowly."""
    end = abs(limits[value > 0])
    if end == 0:
        return 0.0
    knee = KNEE_SHARE * end
    beyond = abs(value) - knee
    if beyond <= 0:
        return value
    rest = end - knee
    return float(np.copysign(knee + rest * np.tanh(beyond / rest), value))


def _looked_up(field: Array, places: Array, side_px: int) -> Array:
    """A coarse field (S, S, 2) at places (..., 2) in pixels of the picture."""
    at = (places + 0.5) * np.float32(len(field) / side_px) - 0.5
    return np.asarray(
        cv2.remap(field, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _sampled(picture: Pixels, x: Array, y: Array) -> Pixels:
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _area(coarse: Array, box: np.ndarray, side_px: int) -> tuple[slice, slice]:
    """The rows and columns of the picture in which places lie within a box (4, 2); empty where none does."""
    (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
    x, y = coarse[..., 0], coarse[..., 1]
    inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    scale = side_px / len(coarse)
    spans = []
    for axis in (1, 0):
        hit = np.flatnonzero(inside.any(axis=axis))
        spans.append(slice(int(hit[0] * scale), int((hit[-1] + 1) * scale)) if len(hit) else slice(0, 0))
    return spans[0], spans[1]


def _over(below: Pixels, above: Pixels | Array, seen: Array) -> Pixels:
    mixed = below + seen[..., None] * (above.astype(np.float32) - below)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _opened_px(rig: Rig, jaw: float) -> float:
    """By how far the lips part, or, below 0, come together; see `Motion.jaw`."""
    if jaw < 0:
        return jaw / RANGES["jaw"][0] * -rig.mouth.gap_px
    return _eased(jaw, (-1.0, max(MOST_GAP - rig.rest.jaw, LEAST_OPENING))) * rig.rest.width_px


def _with_jaw(rig: Rig, opened_px: float, face: Array, coarse: Array) -> Array:
    """The places `face` (R, R, 2), those below the lips taken from where they lie with the jaw shut."""
    side_px = len(face)
    rows, columns = _area(coarse, rig.mouth.box(), MAP_PX)
    near = coarse[rows, columns]
    upper, lower, below = rig.mouth.parted(near[..., 0], near[..., 1], opened_px)
    moved = np.concatenate([upper - near, lower - near, below[..., None]], axis=-1)
    fine = _enlarged(moved, side_px * len(near) // MAP_PX)
    scale = side_px // MAP_PX
    places = face.copy()
    if fine.size:
        area = tuple(slice(span.start * scale, span.stop * scale) for span in (rows, columns))
        places[area] += np.where(fine[..., 4:] > 0, fine[..., 2:4], fine[..., :2])
    return places


def _draw_lips(rig: Rig, opened_px: float, picture: Pixels, face: Array, coarse: Array) -> None:
    """Draws what is seen between the lips, and their edges. face: the places with the jaw at rest."""
    mouth = rig.mouth
    area = _area(coarse, mouth.lips_box(opened_px), len(picture))
    x, y = face[area][..., 0], face[area][..., 1]
    upper_at, lower_at, below = mouth.parted(x, y, opened_px)
    upper, lower = (_sampled(rig.picture, at[..., 0], at[..., 1]) for at in (upper_at, lower_at))
    lower_seen = np.clip(below + 0.5, 0, 1)
    if opened_px > 0:
        colour, inside_seen = mouth.inside(x, y, opened_px)
        picture[area] = _over(_over(upper, colour, inside_seen), lower, lower_seen)
    else:
        own = _sampled(rig.picture, x, y)
        drawn = _over(_over(own, upper, mouth.upper_seen(x, y, opened_px)), lower, lower_seen)
        picture[area] = np.rint(drawn * mouth.seam(x, y, opened_px)[..., None]).astype(np.uint8)


def _enlarged(field: Array, side_px: int) -> Array:
    """A coarse field (H, W, C) at every pixel of a picture, `side_px` high."""
    if field.size == 0:
        return field
    size = (field.shape[1] * side_px // field.shape[0], side_px)
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR))
