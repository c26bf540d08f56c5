"""QR codes that a phone reads from a screen; `installation.stage.canvas` draws them."""

import numpy as np
import qrcode
from numpy.typing import NDArray
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q

QUIET_ZONE = 4  # modules of light around the code, ISO/IEC 18004


def encode(text: str) -> qrcode.QRCode:
    """The smallest code that mends 15 % of itself (level M), and 25 % (Q) where that takes no larger one."""
    code, better = (_fitted(text, level) for level in (ERROR_CORRECT_M, ERROR_CORRECT_Q))
    if better.version == code.version:
        code = better
    code.make()
    return code


def modules(text: str) -> NDArray[np.bool_]:
    """The code without its quiet zone, bool (N, N), True where it is dark."""
    return np.array(encode(text).get_matrix(), bool)


def _fitted(text: str, error_correction: int) -> qrcode.QRCode:
    """A code of the smallest version that fits, not rendered yet: rendering takes several frames' time."""
    code = qrcode.QRCode(error_correction=error_correction, border=0)
    code.add_data(text)
    code.best_fit()
    return code
