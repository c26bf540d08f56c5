"""Where on the generic head hair grows and lips are. Points are places on the generic head, (N, 3)."""

import numpy as np

from training.nobody.render.body.fields import polygon_distance, smoothstep

FRONT_OF_LIPS = 8.6  # z; what lies behind is no lip
# Height of the hairline over the azimuth from the front (0) past temple and ear to the nape (180 degrees).
HAIRLINE_AZIMUTH_DEG = [0, 25, 42, 54, 63, 70, 80, 88, 104, 116, 132, 180]
HAIRLINE_HEIGHT = [10.1, 10.0, 9.2, 7.0, 4.0, 1.2, 2.2, 4.1, 3.9, 1.2, -2.0, -4.4]
BROW_LINE = np.array([[1.15, 5.0], [2.3, 5.42], [3.6, 5.68], [4.8, 5.55], [5.95, 4.80]])  # x outwards, y


def scalp_height(points: np.ndarray, recession: float = 0.0, low: float = 0.0) -> np.ndarray:
    """How far above the hairline each point lies (N,): positive on the scalp, negative on face and ears."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    azimuth = np.arctan2(x, z)
    hairline = np.interp(azimuth, np.radians(HAIRLINE_AZIMUTH_DEG), HAIRLINE_HEIGHT)
    hairline += recession * np.interp(azimuth, np.radians([0, 30, 45, 62, 75]), [0.6, 2.2, 2.0, 0.4, 0])
    hairline += low * np.interp(azimuth, np.radians([0, 40, 60]), [1, 0.6, 0])
    ear = (x > 7.15) & (z > -1.7) & (z < 2.3) & (y < 3.75) & (y > -2.6)
    return np.where(ear, -5, y - hairline)


def lip_mask(points: np.ndarray, outline: np.ndarray, outside: float, inside: float) -> np.ndarray:
    """1 on the lips, 0 beside them (N,), edged between two distances from the outline (inside: < 0)."""
    distance = polygon_distance(points[:, :2], outline)
    return np.where(points[:, 2] > FRONT_OF_LIPS, smoothstep(outside, inside, distance), 0)


def brow_coordinates(points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates along a brow (side 1: the person's left, -1: right), each (N,).

    Returns:
        Place along it (0 at the nose, 1 at the temple), height above its line, and distance from the line.
    """
    inner, outer = BROW_LINE[0, 0], BROW_LINE[-1, 0]
    x = points[:, 0] * side
    along = np.clip((x - inner) / (outer - inner), 0, 1)
    line = np.polyval(np.polyfit(BROW_LINE[:, 0], BROW_LINE[:, 1], 3), np.clip(x, inner, outer))
    beyond = np.maximum(0, inner - x) + np.maximum(0, x - outer)
    height = points[:, 1] - line
    return along, height, np.hypot(height, beyond * 2.5)


def beard_mask(points: np.ndarray, kind: str, lip_outline: np.ndarray) -> np.ndarray:
    """How densely a beard of a kind (of `population.BEARDS`) grows at each point (N,), 0 to 1."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    cheek_line = np.interp(x, [0, 2.2, 3.2, 5, 6.8, 7.8], [-4.6, -3.2, -3.6, -2.0, 1.2, 1.8])
    cheeks = smoothstep(0.5, -0.5, y - cheek_line) * smoothstep(-10.5, -8.6, y) * (z > 1.7)
    chin = smoothstep(0.2, -0.5, y + 5.2) * smoothstep(2.9, 2.0, x) * smoothstep(-9.5, -8.0, y) * (z > 5)
    beside_mouth = (
        smoothstep(3.2, 2.6, x)
        * smoothstep(1.7, 2.3, x)
        * smoothstep(-2.2, -2.8, y)
        * smoothstep(-6.5, -5.5, y)
        * (z > 8)
    )
    moustache = (
        _soft_below(-1.3 - 0.12 * x, -1.95 - 0.22 * x, y)
        * smoothstep(3.2, 1.6, x)
        * smoothstep(-3.6, -2.9, y + 0.12 * x)
        * (z > 8)
        * (0.55 + 0.45 * smoothstep(0, 0.5, x))  # thinner under the nose
    )
    full = np.maximum(cheeks, moustache)
    grown = {
        "full": full,
        "stubble": full,
        "goatee": np.maximum.reduce([chin, moustache, beside_mouth]),
        "moustache": moustache,
        "chin": chin,
    }[kind]
    return grown * (1 - lip_mask(points, lip_outline, 0.05, -0.1))


def _soft_below(upper: np.ndarray, lower: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 below `lower`, 0 above `upper`, where both edges differ from point to point."""
    t = np.clip((y - upper) / (lower - upper), 0, 1)
    return t * t * (3 - 2 * t)
