"""How late the doppelgänger moves: from the camera's picture to the screen's, in a whole visit's meeting.

    python -m benchmarks.glass_to_glass [PHOTO] [--meeting_s 60] [--display headless:1080x1920]

The whole installation with a film in place of the camera, 1280 x 720 at 25 pictures a second: somebody who
jumps sideways, again and again, at random times. A square below the face says on which side it is, so that
every jump has the time at which its picture was taken. On the screen a jump counts as shown in the first
frame in which the doppelgänger has come half of its way. Judges, sentence and film run as in the exhibition.
Between screen and eye come the screen's own refresh and delay.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.live import with_photograph
from engine.common.arrays import Pixels
from engine.photographs.photograph import load_photograph
from installation.app.app import App, RunOptions
from installation.app.clock import LiveClock
from installation.cli.portray import sample_sitter
from installation.outputs.films.film import write_film
from installation.settings.phase import Phase

WIDTH_PX, HEIGHT_PX, RATE_HZ = 1280, 720, 25
FILM_S, STILL_S = 30.0, 2.0
JUMP_PX = 24  # a tenth of the width of the face
SQUARE_PX = 60
JUMPS_APART_S = (0.6, 1.1)
SIGNATURE_PX = 48
SETTLED_S = 0.15  # before each jump the picture has been still for so long
LEAST_CHANGE = 1.0  # grey levels, between the sides: less is no jump that was followed


@dataclass(frozen=True)
class Jump:
    """A jump of the sitter. captured_s: when its first picture was taken, of the monotonic clock."""

    captured_s: float
    to_right: bool


class GlassClock(LiveClock):
    """Notes, after each frame of the meeting, what the camera gave and what the screen shows."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self._app = app
        self.jumps: list[Jump] = []
        self.shown: list[tuple[float, NDArray[np.float32]]] = []  # when, and the face, (S, S)
        self._is_right: bool | None = None

    def tick(self, every: int = 1) -> None:
        session = self._app.session
        if session.state.phase is Phase.MEETING:
            canvas = self._app.main_loop.player.canvas
            face = canvas.layout.face
            rows = slice(face.top, face.bottom), slice(face.left, face.right)
            self.shown.append((time.monotonic(), _signature(canvas.pixels[rows])))
            self._note_camera()
        super().tick(every)

    def _note_camera(self) -> None:
        frame = self._app.session._camera.latest()
        if frame is None:
            return
        is_right = bool(frame.image[-SQUARE_PX // 2, WIDTH_PX // 2].mean() > 128)
        if self._is_right is not None and is_right is not self._is_right:
            self.jumps.append(Jump(frame.captured_s, is_right))
        self._is_right = is_right


def _signature(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = np.ascontiguousarray(pixels[..., 1])
    return cv2.resize(grey, (SIGNATURE_PX, SIGNATURE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)


def delays_ms(clock: GlassClock) -> tuple[list[float], int]:
    """Of every jump that was followed; and how many were not."""
    times = np.array([at_s for at_s, _ in clock.shown])
    faces = np.stack([face for _, face in clock.shown])
    found, missed = [], 0
    for jump, following in zip(clock.jumps, clock.jumps[1:], strict=False):
        before = faces[(times > jump.captured_s - SETTLED_S) & (times <= jump.captured_s)]
        after = faces[(times > following.captured_s - SETTLED_S) & (times <= following.captured_s)]
        if not len(before) or not len(after):
            continue
        start, way = before.mean(axis=0), after.mean(axis=0) - before.mean(axis=0)
        if np.abs(way).mean() < LEAST_CHANGE:
            missed += 1
            continue
        during = (times > jump.captured_s) & (times <= following.captured_s)
        come = ((faces[during] - start) * way).sum(axis=(1, 2)) / (way * way).sum()
        reached = np.flatnonzero(come >= 0.5)
        if not len(reached):
            missed += 1
            continue
        found.append(1000 * (times[during][reached[0]] - jump.captured_s))
    return found, missed


def jumping_film(photograph: Pixels, path: Path) -> None:
    """Writes the camera's film."""
    side_px = HEIGHT_PX - SQUARE_PX
    sitter = cv2.resize(photograph, (side_px, side_px), interpolation=cv2.INTER_AREA)
    dice = np.random.default_rng(0)
    jumps_s = STILL_S + np.cumsum(dice.uniform(*JUMPS_APART_S, round(FILM_S)))

    def pictures() -> Iterator[Pixels]:
        for number in range(round(FILM_S * RATE_HZ)):
            is_right = int(np.searchsorted(jumps_s, number / RATE_HZ)) % 2 == 1
            picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
            left = (WIDTH_PX - side_px) // 2 + (JUMP_PX // 2 if is_right else -JUMP_PX // 2)
            picture[:side_px, left : left + side_px] = sitter
            middle = WIDTH_PX // 2
            picture[side_px:, middle - SQUARE_PX : middle + SQUARE_PX] = 235 if is_right else 20
            yield picture

    write_film(path, pictures(), RATE_HZ)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photograph", type=Path, nargs="?", default=sample_sitter())
    parser.add_argument("--meeting_s", type=float, default=60)
    parser.add_argument("--display", default="headless:1080x1920", help="as of kiosk run")
    arguments = parser.parse_args()
    times = {
        "visit/silence_s": "300",
        "visit/search_s": "1800",
        "visit/border_s": "20",
        "visit/jury_s": "40",
        "visit/meeting_s": str(arguments.meeting_s),
        "visit/doppelganger_s": "20",
        "visit/farewell_s": "3",
        "visit/countdown_s": "0.5",
        "camera/rate_hz": str(RATE_HZ),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "jumping.mp4"
        jumping_film(load_photograph(arguments.photograph), clip)
        chosen = with_photograph(clip, arguments.display)
        with App(chosen, folder, times, RunOptions(visits=1), with_phones=False) as app:
            app.clock = app.main_loop.clock = clock = GlassClock(app)
            app.run()
    load_1, *_ = os.getloadavg()
    found, missed = delays_ms(clock) if clock.shown else ([], 0)
    if not found:
        raise SystemExit("No jump was followed: there was no meeting, or the face rested.")
    middle, high = np.percentile(found, (50, 95))
    early = 100 * np.mean(np.array(found) < 120)
    print(
        f"{len(found)} jumps followed, {missed} not: median {middle:.0f} ms, 95 % within {high:.0f} ms, "
        f"{early:.0f} % within 120 ms; {os.cpu_count()} cores, {arguments.display}, load {load_1:.1f}"
    )


if __name__ == "__main__":
    main()
