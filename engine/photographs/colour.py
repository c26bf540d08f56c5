"""Converts pictures to 8-bit sRGB whose colour space is told by code points: HDR (PQ, HLG), wide primaries.

Code points are those of ITU-T H.273, which HEIF, AVIF and films share. Pictures with an ICC profile are not
converted here (`engine.photographs.photograph`).
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

BT709, BT2020, P3_DCI, P3_D65 = 1, 9, 11, 12
LINEAR, PQ, HLG = 8, 16, 18

# Chromaticities (x, y) of red, green, blue and white. Others are as good as BT.709's: those of standard
# television differ from them by a few grey levels.
_D65 = (0.3127, 0.3290)
_CHROMATICITIES = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    P3_DCI: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    P3_D65: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}

# ITU-R BT.2408: the luminance of white paper, which is white in sRGB, in nits (cd/m²).
REFERENCE_WHITE_NITS = 203.0
# The brightest highlight that keeps its shape; HLG's nominal peak, and what most PQ films are graded for.
PEAK_NITS = 1000.0
_PEAK = PEAK_NITS / REFERENCE_WHITE_NITS
# Up to this luminance (1 is white) tones stay as they are, and faces with them; above, they are compressed,
# so that the peak is the brightest sRGB value.
_KNEE = 0.75
_HLG_SYSTEM_GAMMA = 1.2
_MAX_CODE = 65535
# Of PNG files whose pictures are shown as sRGB.
USUAL_GAMMA = 1 / 2.2


def is_srgb(primaries: int, transfer: int) -> bool:
    """Whether pictures of these code points are shown as they are, with no conversion.

    BT.709's transfer curve, gamma 2.2 and their like are: players show them as sRGB.
    """
    return primaries not in (BT2020, P3_DCI, P3_D65) and transfer not in (LINEAR, PQ, HLG)


def to_srgb(
    picture: NDArray[np.uint8] | NDArray[np.uint16], primaries: int, transfer: int
) -> NDArray[np.uint8]:
    """Full-range RGB, uint8 or uint16 (H, W, 3), of these code points -> uint8 (H, W, 3) sRGB.

    203 nits (ITU-R BT.2408) become white; highlights of HDR pictures are compressed from 75 % of that up to
    1000 nits, channel by channel. Colours outside sRGB are cut off at its edge. HLG's system gamma of 1.2
    (ITU-R BT.2100) is applied to each channel, as the zimg library does.
    """
    codes = picture if picture.dtype == np.uint16 else picture.astype(np.uint16) * 257
    light = np.take(_light(transfer), codes)
    if primaries in _CHROMATICITIES and primaries != BT709:
        light = np.clip(cv2.transform(light, _matrix_to_bt709(primaries)), 0, _MAX_CODE)
    return np.take(_display_codes(transfer in (PQ, HLG)), light.astype(np.uint16))


def gamma_to_srgb(picture: NDArray[np.uint8], gamma: float) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB whose values are light to the power of `gamma` (1: linear light) -> uint8 sRGB."""
    light = np.linspace(0, 1, 256) ** (1 / gamma)
    return np.take(np.rint(255 * _srgb_curve(light)).astype(np.uint8), picture)


@cache
def _light(transfer: int) -> NDArray[np.float32]:
    """(65536,): the linear light of every 16-bit code, 65535 at the peak."""
    code = np.linspace(0, 1, _MAX_CODE + 1)
    if transfer == PQ:  # ITU-R BT.2100, table 4
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        light = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) / REFERENCE_WHITE_NITS
    elif transfer == HLG:  # ITU-R BT.2100, table 5
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        light = scene**_HLG_SYSTEM_GAMMA * _PEAK
    elif transfer == LINEAR:
        light = code
    else:  # IEC 61966-2-1
        light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.minimum(light * (_MAX_CODE / _PEAK), _MAX_CODE).astype(np.float32)


@cache
def _display_codes(compress: bool) -> NDArray[np.uint8]:
    """(65536,): the 8-bit sRGB code of light from 0 to the peak, above white compressed or cut off."""
    light = np.linspace(0, _PEAK, _MAX_CODE + 1)
    if compress:
        above, peak = (light - _KNEE) / (1 - _KNEE), (_PEAK - _KNEE) / (1 - _KNEE)
        # Leaves the knee with slope 1 and reaches 1 at the peak.
        light = np.where(light <= _KNEE, light, _KNEE + (1 - _KNEE) * above / (1 + above * (peak - 1) / peak))
    light = np.minimum(light, 1)
    return np.rint(255 * _srgb_curve(light)).astype(np.uint8)


def _srgb_curve(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light, 0 to 1, as an sRGB value, 0 to 1 (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@cache
def _matrix_to_bt709(primaries: int) -> NDArray[np.float32]:
    """(3, 3): linear light from these primaries to BT.709's; white stays white."""
    matrix = np.linalg.inv(_matrix_to_xyz(BT709)) @ _matrix_to_xyz(primaries)
    # Another white point is scaled to BT.709's.
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)


def _matrix_to_xyz(primaries: int) -> NDArray[np.float64]:
    """(3, 3): linear RGB to CIE XYZ with Y = 1 at white."""
    *colours, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in _CHROMATICITIES[primaries])
    columns = np.stack(colours, axis=1)
    return columns * np.linalg.solve(columns, white)
