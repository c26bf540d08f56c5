"""Unpacks the rounded copy of ICT-FaceKit's head in `tests/data/head` into the files the renderer reads."""

import io
import lzma
from pathlib import Path

import numpy as np

from training.nobody.render.assets import IDENTITIES, LANDMARK_FILE, LANDMARKS, MODEL_FILE


def write_head(source: Path, target: Path) -> None:
    """Writes `ict.npz` and `lm68.npy`, as `training.nobody.render.assets` describes them, into `target`.

    `source` is an xz-compressed npz. The offsets `I` and `E` in it are int16 multiples of `I_unit_cm` and
    `E_unit_cm`, (K, 3, vertices), each stored as the difference from the vertex before. It holds the largest
    of the shapes of identity; the rest are written as zero.
    """
    with np.load(io.BytesIO(lzma.decompress(source.read_bytes()))) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name in ("I", "E"):
        units = np.cumsum(arrays[name], axis=2, dtype=np.int16).transpose(0, 2, 1)
        arrays[name] = (units * arrays.pop(f"{name}_unit_cm")).astype(np.float16)
    arrays["I"] = np.pad(arrays["I"], ((0, IDENTITIES - len(arrays["I"])), (0, 0), (0, 0)))
    for name in ("F", "FT", "M"):
        arrays[name] = arrays[name].astype(np.int64)
    np.savez(target / MODEL_FILE, **arrays)
    np.save(target / LANDMARK_FILE, np.array(LANDMARKS))
