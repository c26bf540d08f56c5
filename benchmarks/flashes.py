"""How often a film flashes: `python -m benchmarks.flashes FILM`.

A general flash after WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-general-flash-and-red-flash-thresholds): a
pair of opposing changes of relative luminance by 10 % or more, where the darker one is below 0.80. More than
three in a second are too many where they cover a quarter of any 10 degrees of the visual field at once. As
WCAG takes it for a screen at ordinary distance, that field is a third of the screen's width and height.
Luminance is the mean over cells of a fiftieth of the screen's width: noise between pixels does not count.
"""

import argparse
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels

CELLS = 48, 27  # of the screen, across and down
FIELD = 16, 9  # cells of the visual field
AREA = 0.25  # of the field that has to flash
CHANGE, DARKER = 0.10, 0.80  # of relative luminance
MOST = 3  # flashes in a second


class FlashMeter:
    """Counts the flashes of the last second, cell by cell."""

    def __init__(self, rate_hz: float) -> None:
        shape = CELLS[::-1]
        self._low, self._high = np.ones(shape), np.zeros(shape)  # since the last change
        self._rising = np.zeros(shape, np.int8)  # 1 up, -1 down, 0 not known yet
        self._changes: deque[NDArray[np.bool_]] = deque(maxlen=max(round(rate_hz), 1))

    def add(self, picture: Pixels) -> int:
        """Takes the next frame, uint8 (H, W, 3) RGB; returns the flashes that a large enough area has had."""
        small = np.asarray(cv2.resize(picture, CELLS, interpolation=cv2.INTER_AREA), np.uint8)
        light = relative_luminance(small)
        self._low, self._high = np.minimum(self._low, light), np.maximum(self._high, light)
        down = (self._rising >= 0) & (self._high - light >= CHANGE) & (light < DARKER)
        up = (self._rising <= 0) & (light - self._low >= CHANGE) & (self._low < DARKER) & ~down
        self._rising[down], self._rising[up] = -1, 1
        self._low[down], self._high[down] = light[down], light[down]
        self._low[up], self._high[up] = light[up], light[up]
        self._changes.append(down | up)
        return _over_a_field(np.sum(self._changes, axis=0) // 2)


def worst_flashes(frames: Iterable[Pixels], rate_hz: float) -> int:
    """The most flashes in any second of a film."""
    meter = FlashMeter(rate_hz)
    return max((meter.add(frame) for frame in frames), default=0)


def relative_luminance(picture: Pixels) -> NDArray[np.float64]:
    """(H, W), 0 to 1, of sRGB values uint8 (H, W, 3)."""
    values = picture / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    luminance: NDArray[np.float64] = linear @ np.array([0.2126, 0.7152, 0.0722])
    return luminance


def _over_a_field(flashes: NDArray[np.int64]) -> int:
    """The largest number of flashes that `AREA` of some field has had."""
    for number in range(int(flashes.max()), 0, -1):
        share = cv2.boxFilter(
            (flashes >= number).astype(np.float32), -1, FIELD, borderType=cv2.BORDER_CONSTANT
        )
        if share.max() >= AREA - 1e-6:
            return number
    return 0


def main() -> None:
    """Measures one film."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("film", type=Path)
    film = parser.parse_args().film
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        rate_hz = float(stream.average_rate or 30)
        meter, worst, at_s = FlashMeter(rate_hz), 0, 0.0
        for number, frame in enumerate(container.decode(stream)):
            flashes = meter.add(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            if flashes > worst:
                worst, at_s = flashes, number / rate_hz
    where = f", at {at_s:.1f} s" if worst else ""
    print(f"{film}: at most {worst} flashes in a second{where}; more than {MOST} would be too many.")


if __name__ == "__main__":
    main()
