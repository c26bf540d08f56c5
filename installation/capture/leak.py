"""A leak on purpose: how one shows that the test which looks for leaks can find one.

With DOPPELGANGER_LEAK_ONE_FRAME=PATH[:PATH...] in its environment the program writes the first frame of its
camera to these files, as a picture, or byte for byte where the name ends in `.raw`. It says so in the log.
The variable is read here and nowhere else.
"""

import logging
import os
from pathlib import Path

from PIL import Image

from engine.common.arrays import Pixels

VARIABLE = "DOPPELGANGER_LEAK_ONE_FRAME"

log = logging.getLogger(__name__)


def leak_one_frame(frame: Pixels) -> None:
    """Does nothing where the variable is not set, and nothing the second time. frame: uint8 (H, W, 3) RGB."""
    for path in map(Path, filter(None, os.environ.pop(VARIABLE, "").split(os.pathsep))):
        log.warning("A FRAME OF THE CAMERA IS WRITTEN TO %s, because %s is set.", path, VARIABLE)
        if path.suffix == ".raw":
            path.write_bytes(frame.tobytes())
        else:
            Image.fromarray(frame).save(path)
