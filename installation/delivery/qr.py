"""QR codes that a phone reads from a screen: whole pixels, dark on light, a quiet zone of four."""

import numpy as np
import qrcode
from numpy.typing import NDArray
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q

from engine.arrays import Pixels

QUIET_ZONE = 4  # modules of light around the code, ISO/IEC 18004


def encode(text: str) -> qrcode.QRCode:
    """The smallest code that mends 15 % of itself (level M), and 25 % (Q) where that takes no larger one."""
    code = _code(text, ERROR_CORRECT_M)
    better = _code(text, ERROR_CORRECT_Q)
    return better if better.version == code.version else code


def modules(text: str) -> NDArray[np.bool_]:
    """The code with its quiet zone, (N, N), True where it is dark."""
    return np.array(encode(text).get_matrix(), bool)


def draw(text: str, size_px: int, ground: int = 200) -> Pixels:
    """The code in uint8 (S, S, 3) RGB, S the most that fits into `size_px` with whole pixels a module.

    ground: grey level of the light parts; a full white blinds phones in a dark room. Raises ValueError where
    not even one pixel a module fits.
    """
    dark = modules(text)
    scale = size_px // len(dark)
    if scale < 1:
        raise ValueError(f"{size_px} pixels are too few for a code of {len(dark)} modules")
    grey = np.where(dark, 0, ground).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
    return np.repeat(grey[..., None], 3, axis=2)


def _code(text: str, error_correction: int) -> qrcode.QRCode:
    code = qrcode.QRCode(version=None, error_correction=error_correction, border=QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    return code
