"""How much fine detail pictures have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.perceptual.laplacian_pyramid import LUMA

Array = NDArray[Any]

FINE = 0.125  # cycles a pixel: a quarter of what a picture can hold


def fine_energy(pictures: Array) -> Array:
    """The energy of the luminance above a quarter of the Nyquist frequency, of pictures uint8 (N, R, R, 3):
    float64 (N,). The edges of the picture do not count."""
    luma = pictures.astype(np.float64) @ np.array(LUMA)
    window = np.hanning(luma.shape[1])
    luma = (luma - luma.mean(axis=(1, 2), keepdims=True)) * np.outer(window, window)
    axis = np.fft.fftfreq(luma.shape[1])
    frequency = np.hypot(axis[:, None], axis[None])
    power = np.abs(np.fft.fft2(luma)) ** 2
    return np.asarray(power[:, frequency > FINE].sum(axis=1))
