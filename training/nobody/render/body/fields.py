"""Fields over points: soft edges, blobs, noise and distances that skin and hair are painted with."""

import numpy as np


def smoothstep(low: float, high: float, x: np.ndarray | float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between; with `low` > `high` it falls instead of rising."""
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) scaled to length 1; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def ridge(distance: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    """1 where `distance` is 0, falling off like a bell of the given width."""
    return np.exp(-((distance / width) ** 2))


def blob(
    points: np.ndarray, centre: tuple[float, float, float], spread: tuple[float, float, float]
) -> np.ndarray:
    """A Gaussian bump at `centre` with standard deviations `spread`, at points (N, 3) -> (N,)."""
    return np.exp(-(((points - np.asarray(centre)) / np.asarray(spread, float)) ** 2).sum(-1) / 2)


def blob_pair(
    points: np.ndarray, centre: tuple[float, float, float], spread: tuple[float, float, float]
) -> np.ndarray:
    """A bump at `centre` and its mirror image on the other half of the face, at points (N, 3) -> (N,)."""
    x, y, z = centre
    return blob(points, (x, y, z), spread) + blob(points, (-x, y, z), spread)


def smooth_noise(points: np.ndarray, frequency: float, seed: int) -> np.ndarray:
    """Smooth noise at points (N, 3) -> (N,), mostly within +-1: ten plane waves of random direction."""
    random = np.random.default_rng(seed)
    total = np.zeros(len(points))
    for _ in range(10):
        wave = random.normal(size=3) * frequency
        total += np.sin(points @ wave + random.random() * 6.28)
    return total / 3.2


def polygon_distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Distance of points (N, 2) to the outline of a polygon (K, 2), negative inside -> (N,)."""
    distance = np.full(len(points), np.inf)
    inside = np.zeros(len(points), bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        edge = end - start
        along = np.clip(((points - start) @ edge) / (edge @ edge + 1e-12), 0, 1)
        nearest = start + along[:, None] * edge
        distance = np.minimum(distance, np.linalg.norm(points - nearest, axis=1))
        straddles = (start[1] > points[:, 1]) != (end[1] > points[:, 1])
        crossing_x = edge[0] * (points[:, 1] - start[1]) / (edge[1] + 1e-12) + start[0]
        inside ^= straddles & (points[:, 0] < crossing_x)
    return np.where(inside, -distance, distance)
