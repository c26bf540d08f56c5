"""What the skin looks like: a height field of creases, and colours from complexion to moles and shaven hair.

Points are places on the generic head, (N, 3); colours linear RGB (N, 3); heights centimetres (N,), below 0
in creases.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from training.nobody.render.body.facial_hair import brow_line_height
from training.nobody.render.body.fields import blob, blob_pair, ridge, smooth_noise, smoothstep
from training.nobody.render.body.head import EYE_SOCKETS, MOUTH_SOCKET, SKIN_VERTICES, HeadModel
from training.nobody.render.body.regions import beard_mask, brow_coordinates, lip_mask, scalp_height
from training.nobody.render.body.strands import choose_roots
from training.nobody.render.colour import mix
from training.nobody.render.description.person import Person

# Tints: factors on the skin's red, green and blue.
FLUSH = (1.03, 0.80, 0.79)
BAGS = (0.78, 0.72, 0.78)
UPPER_LID = (0.86, 0.76, 0.76)
INNER_EYE = (0.85, 0.68, 0.68)
NOSTRIL = (0.5, 0.36, 0.34)
LIP_LINE = (0.55, 0.42, 0.42)
EYE_SHADOW = (0.62, 0.5, 0.52)
ROUGE = (1.02, 0.72, 0.74)
INSIDE_OF_MOUTH = np.array([0.096, 0.021, 0.018])
FLUSHED_PLACES = (  # (centre, spread, strength): cheeks, tip of the nose, ears, chin, forehead
    ((4.2, 0.2, 9), (1.6, 1.4, 3), 0.8),
    ((0, 0.3, 12.5), (1.2, 1.2, 2), 0.7),
    ((8.4, 1, 0), (1, 2.6, 1.6), 0.8),
    ((0, -6.6, 10.6), (1.4, 0.9, 2), 0.35),
    ((0, 8, 10), (4, 2, 3), 0.1),
)
MOLE_ABSORBS = np.array([0.55, 0.68, 0.72])
FRECKLE_ABSORBS = np.array([0.35, 0.52, 0.62])
CROPPED_HAIR_COVER = {"buzz": 0.6, "curly_short": 0.8, "afro": 0.9}
HAIR_COVER = 0.92
COVERED_HEAD = ("hijab", "beanie")
CREASE_SHADING = 2.2  # darkening a centimetre of depth


@dataclass(frozen=True)
class Texture:
    """The face's maps, rows running upwards."""

    colour: np.ndarray  # (R * R, 3)
    height: np.ndarray  # (R * R,)


def face_texture(model: HeadModel, person: Person, position_map: np.ndarray) -> Texture:
    """Colour and height of the face at every texel of `HeadModel.position_map`."""
    lips = lip_mask(position_map, model.lip_outline, 0.07, -0.09)
    height = crease_height(person, position_map, lips)
    colour = _complexion(model, person, position_map, lips)
    colour *= np.clip(1 + CREASE_SHADING * height, 0.55, 1.05)[:, None]
    random = np.random.default_rng(person.seed + 31)
    colour = _mottle(random, person, position_map, colour)
    colour = _add_moles(random, person, position_map, colour)
    colour = _add_freckles(random, model, person, position_map, colour)
    return Texture(np.clip(_shade_scalp(person, position_map, colour), 0.004, 0.95), height)


def vertex_colours(model: HeadModel, person: Person) -> np.ndarray:
    """Colours (SKIN_VERTICES, 3) at the vertices, for what the texture leaves out: back, neck, sockets."""
    points = model.vertices[:SKIN_VERTICES]
    lips = lip_mask(points, model.lip_outline, 0.12, -0.16)
    lips[MOUTH_SOCKET] = 1
    colour = _complexion(model, person, points, lips)
    colour[MOUTH_SOCKET] = INSIDE_OF_MOUTH
    colour[EYE_SOCKETS] *= 0.6
    return np.clip(_shade_scalp(person, points, colour), 0.004, 0.95)


def crease_height(person: Person, points: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """Height of the skin: folds that everybody has and lines that come with age."""
    random = np.random.default_rng(person.seed + 77)
    age = person.skin.wrinkles
    everyone = 0.30 + 1.2 * age
    wobbly = points + np.array([0, 1, 0]) * 0.10 * smooth_noise(points, 0.9, person.seed + 3)[:, None]
    height = -0.10 * everyone * person.skin.nasolabial * _nasolabial_fold(wobbly)
    height -= 0.5 * everyone * _eye_bags(wobbly)
    height -= age * _forehead_lines(random, person, wobbly)
    height -= age * _crows_feet(random, wobbly)
    height -= age * _lines_below_eyes(random, wobbly)
    height -= 0.06 * age * _frown_line(wobbly)
    height -= age * _lines_above_lip(random, wobbly)
    height -= (0.012 + 0.012 * age) * np.abs(smooth_noise(points, 9.0, person.seed + 21))
    height -= 0.010 * age * np.abs(smooth_noise(points, 4.0, person.seed + 22))
    x = points[:, 0]
    height -= 0.02 * lips * np.abs(np.sin(11 * x + 2 * np.sin(5 * x)))
    return height - 0.05 * age * _chin_fold(wobbly)


def _nasolabial_fold(points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    distance = np.full(len(points), np.inf)
    for t in np.linspace(0, 1, 12):  # from the wing of the nose, bowed outwards, to the corner of the mouth
        place_x, place_y = 1.9 * (1 - t) + 3.3 * t + 0.35 * np.sin(t * np.pi), 0.1 * (1 - t) - 3.6 * t
        distance = np.minimum(distance, np.hypot(x - place_x, y - place_y))
    return ridge(distance, 0.28) * (z > 6)


def _eye_bags(points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    bow = 0.12 * (x - 3.2) ** 2
    below_eye = smoothstep(5.2, 4.2, x) * smoothstep(1.0, 1.9, x) * (z > 6)
    return (0.10 * ridge(y - 2.15 + bow, 0.16) + 0.06 * ridge(y - 1.75 + bow, 0.16)) * below_eye


def _forehead_lines(random: np.random.Generator, person: Person, points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    broken = 0.5 + 0.5 * np.clip(smooth_noise(points, 0.7, person.seed + 9), -1, 1)
    lines = np.zeros(len(points))
    for i in range(5):
        line_y = 6.7 + 0.75 * i + random.normal() * 0.12
        depth = random.uniform(0.5, 1) * 0.09
        lines += depth * ridge(y - line_y - 0.15 * np.sin(0.8 * x + i), 0.10)
    return lines * broken * smoothstep(5.2, 3.2, x) * (z > 4)


def _crows_feet(random: np.random.Generator, points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    lines = np.zeros(len(points))
    for i, slope in enumerate((-0.75, -0.35, 0.0, 0.3, 0.6)):
        line_y = 3.35 + slope * (x - 5.0) + 0.08 * i
        lines += random.uniform(0.4, 1) * 0.08 * ridge(y - line_y, 0.07)
    return lines * smoothstep(4.9, 5.3, x) * smoothstep(7, 5.8, x) * (z > 3)


def _lines_below_eyes(random: np.random.Generator, points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    lines = np.zeros(len(points))
    for i in range(3):
        line_y = 2.0 - 0.45 * i - 0.10 * (x - 3.2) ** 2 + 0.15 * x
        lines += random.uniform(0.4, 1) * 0.05 * ridge(y - line_y, 0.08)
    return lines * smoothstep(5.5, 4.0, x) * smoothstep(1.2, 2.0, x) * (z > 6)


def _frown_line(points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    return ridge(x - 0.45, 0.10) * smoothstep(4.6, 5.0, y) * smoothstep(7, 6.2, y) * (z > 6)


def _lines_above_lip(random: np.random.Generator, points: np.ndarray) -> np.ndarray:
    x, y, z = points.T
    lines = np.zeros(len(points))
    for i in range(4):
        depth = random.uniform(0.3, 1) * 0.035
        lines += depth * ridge(x + 1.6 - 1.05 * i - 0.15 * random.normal(), 0.07)
    return lines * smoothstep(-2.5, -2.2, -np.abs(y + 2.0)) * (z > 9)


def _chin_fold(points: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    return ridge(y + 4.9 + 0.1 * x * x, 0.18) * smoothstep(2.4, 1.5, x) * (z > 8)


def _complexion(model: HeadModel, person: Person, points: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """Skin, lips, brows and the shade of the beard, before anything irregular."""
    colour = np.repeat(person.skin.colour[None], len(points), axis=0)
    colour = _flush_and_shadow(person, points, colour)
    if person.skin.makeup:
        colour = _make_up(person, points, colour)
    colour = _shade_beard(model, person, points, colour)
    for side in (-1, 1):
        colour = _shade_brow(person, points, side, colour)
    colour = mix(colour, _lip_colour(person), lips * person.skin.lip_strength)
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    return _tinted(colour, LIP_LINE, 0.5 * ridge(y + 3.35, 0.16) * (x < 2.4) * (z > 9))


def _tinted(colour: np.ndarray, tint: tuple[float, float, float], amount: np.ndarray) -> np.ndarray:
    return colour * (1 + (np.asarray(tint) - 1) * np.clip(amount, 0, 1)[:, None])


def _flush_and_shadow(person: Person, points: np.ndarray, colour: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    for centre, spread, strength in FLUSHED_PLACES:
        place = blob_pair(points, centre, spread) if centre[0] else blob(points, centre, spread)
        colour = _tinted(colour, FLUSH, place * strength * person.skin.redness)
    bags = blob_pair(points, (2.9, 2.2, 9.3), (1.1, 0.5, 2))
    colour = _tinted(colour, BAGS, 0.75 * person.skin.eye_shadow * bags)
    colour = _tinted(colour, UPPER_LID, 0.7 * blob_pair(points, (3.2, 4.3, 9.3), (1.4, 0.45, 2)))
    colour = _tinted(colour, INNER_EYE, 0.6 * blob_pair(points, (1.75, 3.3, 9.3), (0.35, 0.5, 2)))
    return _tinted(colour, NOSTRIL, 0.8 * ridge(np.hypot(x - 1.15, y + 0.75), 0.45) * (z > 9))


def _make_up(person: Person, points: np.ndarray, colour: np.ndarray) -> np.ndarray:
    strength = person.skin.makeup_strength
    lids = blob_pair(points, (3.2, 4.35, 9.3), (1.3, 0.4, 2))
    colour = _tinted(colour, EYE_SHADOW, strength * lids)
    return _tinted(colour, ROUGE, 0.5 * strength * blob_pair(points, (5, 0.4, 8), (1.3, 1, 3)))


def _shade_beard(model: HeadModel, person: Person, points: np.ndarray, colour: np.ndarray) -> np.ndarray:
    beard = person.beard
    if beard.shade == 0:
        return colour
    grown = beard_mask(points, beard.kind if beard.kind != "none" else "full", model.lip_outline)
    amount = 0.55 * grown * beard.shade * (1 if beard.kind == "stubble" else 0.8)
    return mix(colour, 0.35 * colour + 0.35 * _hair_shade(person), amount)


def _hair_shade(person: Person) -> np.ndarray:
    return person.hair.colour * 0.8 + 0.02


def _shade_brow(person: Person, points: np.ndarray, side: int, colour: np.ndarray) -> np.ndarray:
    brows = person.brows
    along, height, distance = brow_coordinates(points, side)
    width = brows.thickness * (1.05 - 0.65 * along)
    amount = ridge(height - brow_line_height(brows, along), width)
    amount *= ridge(np.maximum(0, distance - np.abs(height)), 0.3) * smoothstep(0, 0.12, along + 0.02)
    amount *= (points[:, 0] * side > 0) & (points[:, 2] > 5)
    return mix(colour, 0.35 * colour + 0.5 * brows.colour, 0.40 * brows.density * amount)


def _lip_colour(person: Person) -> np.ndarray:
    skin = person.skin
    natural = skin.colour * skin.lip_colour * (1 - 0.12 * person.tone)
    if not skin.makeup:
        return natural
    return natural + (skin.lipstick * (1 - 0.55 * person.tone) - natural) * skin.makeup_strength


def _mottle(
    random: np.random.Generator, person: Person, points: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    patches = 0.055 * smooth_noise(points, 0.9, person.seed + 41)
    patches += 0.035 * smooth_noise(points, 2.6, person.seed + 42)
    grain = 0.02 * random.normal(size=len(points))
    return colour * (1 + (patches + grain)[:, None] * np.array([0.8, 1.0, 1.05]))


def _add_moles(
    random: np.random.Generator, person: Person, points: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    for _ in range(random.poisson(2 + 3 * person.age)):
        distance = np.linalg.norm(points - points[random.integers(len(points))], axis=1)
        mole = ridge(distance, random.uniform(0.06, 0.13)) * random.uniform(0.3, 0.8)
        colour = colour * (1 - mole[:, None] * MOLE_ABSORBS)
    return colour


def _add_freckles(
    random: np.random.Generator, model: HeadModel, person: Person, points: np.ndarray, colour: np.ndarray
) -> np.ndarray:
    if person.skin.freckles <= 0.2:
        return colour
    skin = model.surface.generic
    across_nose_and_cheeks = ridge(skin[:, 1] - 1.2, 2.4) * (skin[:, 2] > 5.5)
    centres = skin[choose_roots(random, across_nose_and_cheeks, int(260 * person.skin.freckles))]
    tree = cKDTree(points)
    freckled = np.zeros(len(points))
    for centre in centres:
        near = tree.query_ball_point(centre, 0.22)
        distance = np.linalg.norm(points[near] - centre, axis=1)
        freckle = ridge(distance, random.uniform(0.05, 0.10)) * random.uniform(0.25, 0.6)
        freckled[near] = np.maximum(freckled[near], freckle)
    return colour * (1 - freckled[:, None] * FRECKLE_ABSORBS)


def _shade_scalp(person: Person, points: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Under hair the skin takes its colour, so that nothing shines through; a bald head darkens a little."""
    hair = person.hair
    if hair.style in COVERED_HEAD:
        return colour
    scalp = smoothstep(-0.3, 0.9, scalp_height(points, hair.recession, hair.low))
    if hair.style == "bald":
        return colour * (1 - 0.12 * scalp[:, None])
    cover = CROPPED_HAIR_COVER.get(hair.style, HAIR_COVER)
    return mix(colour, 0.55 * _hair_shade(person) + 0.10 * colour, cover * scalp)
