"""sRGB and linear light (IEC 61966-2-1), and mixing."""

from collections.abc import Sequence

import numpy as np

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709 weights of linear R, G and B


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear light, same shape."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB, same shape; not clipped above 1."""
    linear = np.clip(linear, 0, None)
    curve = 1.055 * np.power(np.maximum(linear, 1e-9), 1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, curve)


def from_bytes(*rgb: Sequence[float]) -> np.ndarray:
    """Colours as 0-255 triples -> sRGB float64 (N, 3) in [0, 1]."""
    return np.asarray(rgb, float) / 255


def mix(base: np.ndarray, over: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """`over` laid on `base` (N, 3) by amount (N,) in [0, 1]."""
    return base + amount[:, None] * (over - base)
