"""Names for the arrays that go from module to module; each docstring adds shape and meaning."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Pictures and photographs, RGB, 0 to 255."""
