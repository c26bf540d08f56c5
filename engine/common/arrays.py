"""Types of the arrays that modules exchange; each docstring adds shape and meaning."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Pictures, photographs and frames: uint8, RGB, 0 to 255."""
