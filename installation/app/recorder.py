"""Records a run: a film of the screen, one line of JSON a frame, and a picture of each scene.

For `out.mp4` there are also `out.jsonl` and the folder `out-scenes/`. Each line of `out.jsonl` is one of

    {"frame": 812, "time_s": 27.067, "phase": "border", "shown": [{"t": 0.4466, "picture": "9f86...",
     "judge": "dlib", "same": true, "distance": 0.5993, "judged": true}]}
    {"finding": 3, "way": "median", "t": 0.4466, "picture": "9f86...", "same": true, "distance": 0.5993,
     "judged": true}

The first says what a frame showed: every picture with its verdict beside it, none, one, or the border's two.
The second says what the engine had found before; `way` is `median`, `nearest`, or `doppelganger` for the
picture that is given, whose `t` is null. `picture` is the SHA-256 of its pixels. A film of a visit
holds faces: the command line refuses to record a real camera.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pygame
from PIL import Image

from engine.border.strip import Strip
from engine.common.arrays import Pixels
from engine.common.errors import MachineError, UsageError, printable
from engine.judges.verdict import Verdict
from engine.pipeline.result import PortrayalResult
from installation.outputs.films.film import Film
from installation.settings.phase import Phase
from installation.stage.canvas import Canvas
from installation.stage.view import ShownPicture, View

STILL_S = 20.0  # a scene is pictured after so long at the latest


class Recorder:
    """A frame observer and a context manager, for a screen of any size.

    Raises UsageError where one of its files cannot be begun; later MachineError, where one cannot be written
    further, as on a full disk.
    """

    def __init__(self, path: Path, width_px: int, height_px: int, rate_hz: int) -> None:
        self._path = path
        self._scenes = path.with_name(f"{path.stem}-scenes")
        lines = path.with_suffix(".jsonl")
        made = [each for each in (path, lines) if not os.path.exists(each)]
        try:
            path.open("ab").close()  # FFmpeg opens it with the first frame only
            self._film = Film(path, width_px, height_px, rate_hz, for_phones=False)
            self._lines = lines.open("w", encoding="utf-8")
            self._scenes.mkdir(exist_ok=True)
            for earlier in self._scenes.glob("*.png"):
                earlier.unlink()
        except OSError as error:  # of the operating system, or of FFmpeg, whose errors are OSErrors, too
            for each in made:
                each.unlink(missing_ok=True)
            raise UsageError(
                f"--record {path}: {error.filename or path} cannot be written ({error.strerror}). "
                "Remove what is in the way, or record elsewhere."
            ) from None
        self._result: PortrayalResult | None = None
        self._phase: Phase | None = None
        self._still: Pixels | None = None

    def frame(self, canvas: Canvas, view: View, shown: Sequence[ShownPicture]) -> None:
        """One finished frame."""
        with self._naming_what_the_disk_refuses():
            self._add(canvas, view, shown)

    def _add(self, canvas: Canvas, view: View, shown: Sequence[ShownPicture]) -> None:
        picture = pixels(canvas.surface)
        self._film.add(picture)
        if view.participant.result is not None and view.participant.result is not self._result:
            self._write_result(view.visit.visit_id, view.participant.result)
        self._result = view.participant.result
        line: dict[str, Any] = {"frame": self._film.count - 1, "time_s": round(view.now_s, 3)}
        line["phase"] = view.visit.phase
        line["shown"] = [
            {
                "t": each.t,
                "picture": digest(each.picture),
                "judge": each.verdict.judge,
                **_verdict_line(each.verdict),
            }
            for each in shown
        ]
        self._write(line)
        self._keep_still(picture, view)

    def _keep_still(self, picture: Pixels, view: View) -> None:
        """Keeps one picture a scene: from the middle of its time, or the last one if it ended earlier."""
        phase = view.visit.phase
        if phase is not self._phase:
            self._save_still()
            self._phase = phase
        if self._still is None or view.elapsed_s <= min(view.duration_s / 2, STILL_S):
            self._still = picture

    def _save_still(self) -> None:
        path = self._scenes / f"{self._phase}.png"
        if self._still is not None and not path.exists():
            Image.fromarray(self._still).save(path)
        self._still = None

    def _write_result(self, visit_id: int, result: PortrayalResult) -> None:
        for way, strip in (("median", result.median), ("nearest", result.nearest)):
            if strip is not None:
                for line in strip_lines(strip):
                    self._write({"finding": visit_id, "way": way, **line})
        given = result.judge_results[0].of_doppelganger if result.judge_results else None
        if result.doppelganger is not None and given is not None:
            line = {"t": None, "picture": digest(result.doppelganger), **_verdict_line(given)}
            self._write({"finding": visit_id, "way": "doppelganger", **line})

    def _write(self, line: dict[str, Any]) -> None:
        self._lines.write(json.dumps(line) + "\n")

    def __enter__(self) -> "Recorder":
        self._film.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # All of them are closed whatever the disk refuses. It is told unless the run itself has failed.
        with ExitStack() as ends:
            if kind is None:
                ends.enter_context(self._naming_what_the_disk_refuses())
            else:
                ends.enter_context(suppress(OSError))
            ends.callback(self._film.__exit__, kind, error, trace)
            ends.callback(self._lines.close)
            self._save_still()

    @contextmanager
    def _naming_what_the_disk_refuses(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # of the operating system, or of FFmpeg, whose errors are OSErrors, too
            raise MachineError(
                f"--record {printable(self._path)}: cannot be written further ({error.strerror or error}). "
                "Make room on the disk, or record elsewhere."
            ) from None


def pixels(surface: pygame.Surface) -> Pixels:
    """A surface as uint8 (H, W, 3) RGB."""
    width, height = surface.get_size()
    return np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8).reshape(height, width, 3)


def digest(picture: Pixels) -> str:
    """SHA-256 of the pixels, row by row, as hexadecimal digits."""
    return hashlib.sha256(picture.tobytes()).hexdigest()


def strip_lines(strip: Strip) -> list[dict[str, Any]]:
    """One line for each picture of a continuum, with its verdict."""
    return [
        {
            "t": float(strip.t[i]),
            "picture": digest(strip.pictures[i]),
            **_verdict_line(strip.verdict(i)),
        }
        for i in range(len(strip.t))
    ]


def _verdict_line(verdict: Verdict) -> dict[str, Any]:
    return {"same": verdict.same, "distance": verdict.distance, "judged": verdict.measured}
