"""A clip of somebody who leans the head, and perhaps leaves."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

RATE_HZ, STILL_S, SECONDS = 12, 2.0, 4.0
ROLL_DEG = 10.0


def write_clip(
    path: Path,
    astronaut: np.ndarray | None,
    sound: bool = True,
    empty_s: float = 0.0,
    seconds: float = SECONDS,
) -> None:
    """A clip of somebody who is still and then leans the head; None: of nobody. With a tone of 440 Hz.

    empty_s: how long nobody is there afterwards. seconds: how long it is before that.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE_HZ, options={"crf": "16"})
        video.width, video.height, video.pix_fmt = 320, 320, "yuv420p"
        audio = container.add_stream("aac", rate=48000, layout="stereo") if sound else None
        with_person, empty = round(seconds * RATE_HZ), round(empty_s * RATE_HZ)
        # Two pictures a second are enough of nobody: in each, a face is looked for everywhere.
        for number in [*range(with_person), *range(with_person, with_person + empty, RATE_HZ // 2)]:
            picture = np.full((320, 320, 3), 90, np.uint8)
            if astronaut is not None and number < with_person:
                leaning = min(max(number / RATE_HZ - STILL_S, 0.0), 1.0) * ROLL_DEG
                turn = cv2.getRotationMatrix2D((224, 110), -leaning, 1.0)
                turned = cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REFLECT)
                picture = np.ascontiguousarray(turned[:320, 64:384])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE_HZ)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            tone = np.sin(2 * np.pi * 440 * np.arange(int(seconds * 48000)) / 48000).astype(np.float32)
            for start in range(0, len(tone) - 1023, 1024):
                block = np.stack([tone[start : start + 1024]] * 2)
                samples = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                samples.sample_rate, samples.pts = 48000, start
                container.mux(audio.encode(samples))
            container.mux(audio.encode())
