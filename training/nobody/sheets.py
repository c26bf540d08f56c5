"""Contact sheets: many pictures in one image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]


def contact_sheet(pictures: torch.Tensor, columns: int) -> Image.Image:
    """uint8 (N, R, R, 3) -> one picture, row by row."""
    n, size = pictures.shape[:2]
    grid = pictures.reshape(n // columns, columns, size, size, 3).permute(0, 2, 1, 3, 4)
    return Image.fromarray(grid.reshape(n // columns * size, columns * size, 3).numpy())


def banded_sheet(columns: Sequence[Array], across: int = 10) -> Image.Image:
    """Columns of M pictures, each uint8 (M, R, R, 3), side by side, in bands of at most `across`; white where
    the last band is not full."""
    across = min(across, len(columns))
    blank = np.full_like(columns[0], 255)
    filled = [*columns, *[blank] * (-len(columns) % across)]
    bands = np.stack(filled).reshape(-1, across, *blank.shape).swapaxes(1, 2)
    return contact_sheet(torch.from_numpy(bands.reshape(-1, *blank.shape[1:])), across)
