"""What drawing costs: processor time of one frame of every scene: update, drawing and showing.

    python -m benchmarks.drawing [--size 1920x1080] [--resolution 128]

Prints a table for `benchmarks/results/`. Pictures are noise of the generator's size: what they show costs
nothing. It is the time of one thread, so that a busy machine changes little.
"""

import argparse
import platform
import time
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from engine.border.continuum import filmstrip
from engine.border.strip import Strip
from engine.border.tracing import Sample
from engine.judges.verdict import Verdict
from engine.pipeline.result import JudgeResult, PortrayalResult
from hardware.camera.base import Frame
from hardware.display.display import Display
from hardware.display.settings import DisplaySettings
from installation.app.registration import registry_of
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.scene import Scene, scene_of
from installation.stage.view import Guidance, Link, ParticipantView, SearchStatus, Sighting, View
from installation.visit.parameters import Timeouts
from installation.visit.state import State

FRAMES = 600
LONGEST_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1920x1080", help="of the screen")
    parser.add_argument("--resolution", type=int, default=128, help="of the generator's pictures")
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    scenes = {phase: scene_of(phase) for phase in Phase}
    registry = registry_of(kind() for kind in scenes.values())
    fields = _fields(arguments.resolution)
    print(f"{platform.machine()}, screen {arguments.size}, pictures {arguments.resolution} px\n")
    with Display(DisplaySettings(screen=f"headless:{arguments.size}")) as display:
        print_table(display, scenes, registry, fields)


def print_table(
    display: Display,
    scenes: Mapping[Phase, type[Scene]],
    registry: Registry,
    fields: dict[str, Any],
) -> None:
    """Plays each scene for `LONGEST_S` at most, and prints the processor time of its frames."""
    print("| scene | median | 99 % | first frame |\n|---|---:|---:|---:|")
    for phase, kind in scenes.items():
        canvas, scene = Canvas(*display.size_px), kind()
        lasts_s = registry.of(Timeouts).of(phase)
        spent_ms = []
        for frame in range(FRAMES):
            at_s = min(lasts_s, LONGEST_S) * frame / FRAMES
            view = _view(phase, at_s, lasts_s, registry, fields)
            if frame == 0:
                scene.enter(view)
            began = time.thread_time()
            scene.update(view)
            canvas.clear()
            scene.draw(canvas, view)
            display.show(canvas.surface)
            spent_ms.append(1000 * (time.thread_time() - began))
        median, high = np.quantile(spent_ms[1:], (0.5, 0.99))
        print(f"| {phase} | {median:.1f} ms | {high:.1f} ms | {spent_ms[0]:.0f} ms |")


def _view(phase: Phase, at_s: float, lasts_s: float, registry: Registry, fields: dict[str, Any]) -> View:
    state = State(
        phase=phase, engine_ready=True, last_usable_s=at_s if at_s > 5 else None, usable_since_s=at_s - 1
    )
    of_scene = dict(fields)
    picture, camera = of_scene.pop("picture"), of_scene.pop("camera")
    if phase is Phase.SEARCH:
        of_scene["search"] = SearchStatus("search", at_s / LONGEST_S, picture[int(3 * at_s) % len(picture)])
        of_scene["result"] = None
    if phase is Phase.PORTRAIT:
        of_scene["camera"] = Frame(camera, at_s, int(30 * at_s))
    shown = {
        name: of_scene.pop(name) for name in list(of_scene) if name in ParticipantView.__dataclass_fields__
    }
    participants = (ParticipantView(**shown),)
    text, values = Texts.load("en"), registry.snapshot()
    return View(at_s, state, values, text, 0.0, lasts_s, participants=participants, **of_scene)


def _fields(resolution: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    t = filmstrip(0.4, 120)
    pictures = random.integers(0, 256, (len(t), resolution, resolution, 3), np.uint8)
    same = t >= 0.4
    first = int(same.argmax())
    strip = Strip(pictures, t, 1 - t, np.ones(len(t), bool), "dlib", 0.6, (first, first - 1))
    samples = tuple(Sample(at, Verdict("dlib", 0.6, 1 - at)) for at in t.tolist())
    judge_results = tuple(
        JudgeResult(name, True, 0.6, 0.0057, samples, border_t, None)
        for name, border_t in (("dlib", 0.4), ("arcface", 0.55), ("sface", 0.6))
    )
    return {
        "picture": pictures,
        "camera": random.integers(0, 256, (720, 1280, 3), np.uint8),
        "people": (strip,),
        "result": PortrayalResult(strip, None, judge_results, pictures[0]),
        "sighting": Sighting(Guidance.READY, (0.4, 0.3, 0.6, 0.7), 0.0),
        "link": Link("http://192.168.178.42:8080/a1b2c3d4e5f6g7h8", 600.0),
    }


if __name__ == "__main__":
    main()
