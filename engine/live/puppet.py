"""Draws a sitter's picture as it looks after a motion."""

from dataclasses import replace

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.live.fields import pixel_grid
from engine.live.frame import Array
from engine.live.motion import REST, Motion, limited
from engine.live.rig import Rig

# From this share of the way to the end of its range on, a turn slows down, and never jumps at the end.
KNEE_SHARE = 0.7
MOST_NOD_DEG = 5.0


def draw(rig: Rig, motion: Motion) -> Pixels:
    """The picture after a motion: uint8 (R, R, 3) RGB. At rest it is the rig's picture itself.

    Depends on nothing else, and is continuous in every number, beyond their ranges, too.
    """
    motion = limited(motion)
    if motion == REST:
        return rig.picture.copy()
    motion = replace(motion, **{name: gain * getattr(motion, name) for name, gain in rig.gains.items()})
    coarse = source_places(rig, motion)
    side_px, map_px = len(rig.picture), len(coarse)
    grid = pixel_grid(side_px, side_px)
    places = grid + _enlarged(coarse - pixel_grid(side_px, map_px), side_px // map_px)
    picture = _sampled(rig.picture, places[..., 0], places[..., 1])
    if motion.jaw > 0:
        _open_mouth(rig, motion.jaw * rig.rest.width_px, picture, places, coarse)
    elif motion.jaw < 0 and rig.mouth.gap_px >= 1:
        shut = min(-motion.jaw * rig.rest.width_px / rig.mouth.gap_px, 1.0)
        _shut_mouth(rig, shut, picture, places, coarse)
    for eye, closed in zip(rig.eyes, (motion.left_lid, motion.right_lid), strict=True):
        if closed > 0 or motion.gaze:
            area = _area(coarse, eye.box(), side_px)
            x, y = places[area][..., 0], places[area][..., 1]
            skin_x, skin_y, seen = eye.skin(x, y, closed)
            skin = _sampled(rig.picture, skin_x, skin_y)
            eyeball = _sampled(rig.picture, *eye.eyeball(x, y, motion.gaze))
            picture[area] = _over(eyeball, skin, seen)
    return picture


def source_places(rig: Rig, motion: Motion) -> Array:
    """Where in the picture at rest each pixel comes from, lids and mouth apart: (S, S, 2), x and y."""
    side_px, map_px = len(rig.picture), len(rig.head)
    grid = pixel_grid(side_px, map_px)
    places = grid.copy()
    if motion.roll_deg or motion.x or motion.y or motion.scale:
        centre = np.array([rig.rest.x_px, rig.rest.y_px], np.float32)
        width_px = rig.rest.width_px
        turn = np.radians(motion.roll_deg)
        shrink = 1 / (1 + motion.scale)
        back = shrink * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        shift = np.array([motion.x, motion.y]) * width_px
        origin = (grid - centre - shift.astype(np.float32)) @ back.T.astype(np.float32) + centre
        places += rig.head[..., None] * (origin - grid)
    yaw_deg = _eased(motion.yaw_deg, rig.yaw_range_deg)
    # A turn that makes the head nod as well is evened out.
    nod_deg = float(np.clip(rig.yaw.aside_at(yaw_deg), -MOST_NOD_DEG, MOST_NOD_DEG))
    pitch_deg = _eased(motion.pitch_deg - nod_deg, rig.pitch.range)
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


def _open_mouth(rig: Rig, opened_px: float, picture: Pixels, places: Array, coarse: Array) -> None:
    """Draws the open mouth into the picture."""
    mouth, side_px, map_px = rig.mouth, len(picture), len(coarse)
    rows, columns = _area(coarse, mouth.box(), map_px)
    x, y = coarse[rows, columns, 0], coarse[rows, columns, 1]
    pulled = np.stack(mouth.pulled_down(x, y, opened_px), axis=-1) - coarse[rows, columns]
    scale = side_px // map_px
    area = tuple(slice(span.start * scale, span.stop * scale) for span in (rows, columns))
    x, y = places[area][..., 0], places[area][..., 1]
    lower_at = places[area] + _enlarged(pulled, scale)
    upper = _sampled(rig.picture, *mouth.upper_part(x, y, opened_px))
    colour, inside_seen = mouth.inside(x, y, opened_px)
    lower = _sampled(rig.picture, lower_at[..., 0], lower_at[..., 1])
    picture[area] = _over(_over(upper, colour, inside_seen), lower, mouth.lower_seen(x, y, opened_px))


def _shut_mouth(rig: Rig, shut: float, picture: Pixels, places: Array, coarse: Array) -> None:
    """Draws a mouth that is shut by a share of its gap into the picture."""
    mouth = rig.mouth
    area = _area(coarse, mouth.box(), len(picture))
    x, y = places[area][..., 0], places[area][..., 1]
    drawn = picture[area]
    for source_x, source_y, seen in (mouth.shut_upper(x, y, shut), mouth.shut_lower(x, y, shut)):
        drawn = _over(drawn, _sampled(rig.picture, source_x, source_y), seen)
    picture[area] = np.rint(drawn * mouth.seam(x, y, shut)[..., None]).astype(np.uint8)


def _enlarged(field: Array, scale: int) -> Array:
    """A coarse field (H, W, 2) at every pixel of a picture `scale` times as large."""
    if scale == 1 or field.size == 0:
        return field
    size = (field.shape[1] * scale, field.shape[0] * scale)
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR))
