"""How long a visitor waits in the kiosk: whole visits on a live clock, one after the other.

    python -m benchmarks.live [PHOTO] [--visits 5] [--display headless:1080x1920] [--busy]

The whole installation with a photograph before the camera and the configuration that ships; a simulated
visitor presses *yes*, and the visit ends with the flip, at which the crossing's tone begins. Prints a table
for `benchmarks/results/`: medians over the visits of the seconds from the shutter to the border on the median
way, to the crossing that is shown, and from *yes* to the flip; those of every stage of the engine; and the
frames from the shutter to the flip: those where something has moved, which come 60 times a second, and the
others, 30 times a second: where nothing has moved, and until the border is known. busy: one core is taken
by another program.
"""

import argparse
import multiprocessing
import os
import platform
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import torch

from installation.app.app import App, RunOptions
from installation.app.clock import LiveClock
from installation.app.scene_player import ScenePlayer
from installation.app.session import Session
from installation.cli.portray import sample_sitter
from installation.settings.configuration import DEFAULT, Configuration, load
from installation.settings.phase import Phase
from installation.visit.events import Declined


@dataclass
class Waiting:
    """One visit: when things happened, in seconds of the clock, and how long each stage of the engine
    took."""

    agreed_s: float | None = None
    shutter_s: float | None = None
    border_s: float | None = None
    crossing_s: float | None = None
    flip_s: float | None = None
    stages_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    moving_ms: list[float] = field(default_factory=list)
    still_ms: list[float] = field(default_factory=list)


class WaitingClock(LiveClock):
    """Notes what the session is at after each frame, and ends a visit with its flip."""

    def __init__(self, session: Session, player: ScenePlayer) -> None:
        super().__init__()
        self._session, self._player = session, player
        self.visits = [Waiting()]

    def tick(self, every: int = 1) -> None:
        before_s = self.now_s
        super().tick(every)
        visit, state = self.visits[-1], self._session.state
        if state.phase is Phase.PORTRAIT and visit.agreed_s is None:
            visit.agreed_s = self.now_s
        if state.phase in (Phase.SEARCH, Phase.BORDER) and visit.flip_s is None:
            (visit.moving_ms if every == 1 else visit.still_ms).append(1000 * (self.now_s - before_s))
        if state.phase is Phase.SEARCH:
            self._note_search(visit, self.now_s - before_s)
        if state.phase is Phase.BORDER and visit.flip_s is None:
            if visit.crossing_s is None:
                visit.crossing_s = self.now_s
            if self._player.sounds:
                visit.flip_s = self.now_s
                self._session.handle(Declined(), self.now_s)
        if state.phase is Phase.ATTRACT and visit.flip_s is not None:
            self.visits.append(Waiting())

    def _note_search(self, visit: Waiting, frame_s: float) -> None:
        if visit.shutter_s is None:
            visit.shutter_s = self.now_s
        search = self._session.view(self.now_s).participant.search
        visit.stages_s[search.stage if search else "waiting"] += frame_s
        if visit.border_s is None and self._session.state.border_known_s is not None:
            visit.border_s = self.now_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photograph", type=Path, nargs="?", default=sample_sitter())
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--display", default="headless:1080x1920", help="as of kiosk run")
    parser.add_argument("--busy", action="store_true", help="one core is taken by another program")
    arguments = parser.parse_args()

    chosen = with_photograph(arguments.photograph, arguments.display)
    other = multiprocessing.get_context("spawn").Process(target=_work_without_end, daemon=True)
    if arguments.busy:
        other.start()
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(visits=arguments.visits)
        with App(chosen, Path(folder), {}, options, with_phones=False) as app:
            clock = WaitingClock(app.session, app.main_loop.player)
            app.clock = app.main_loop.clock = clock
            app.run()
    visits = [visit for visit in clock.visits if visit.flip_s is not None]
    load_1, *_ = os.getloadavg()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, bfloat16 "
        f"{torch.cpu._is_avx512_bf16_supported()}, {arguments.display}, {len(visits)} visits, "
        f"{'one core taken by another program' if arguments.busy else 'quiet'}, load {load_1:.1f}\n"
    )
    print(table(visits))


def with_photograph(photograph: Path, display: str) -> Configuration:
    """The configuration that ships, with a photograph before the camera. display: as of kiosk run."""
    whole = load(DEFAULT)
    return whole.model_copy(
        update={
            "display": whole.display.model_copy(update={"screen": display}),
            "stage": whole.stage.model_copy(update={"camera": f"file:{photograph}"}),
        }
    )


def _work_without_end() -> None:
    while True:
        pass


def table(visits: list[Waiting]) -> str:
    """Medians, and the least and the most, over the visits."""
    rows: list[tuple[str, list[float]]] = [
        ("yes to shutter", [_between(visit.agreed_s, visit.shutter_s) for visit in visits]),
        ("**shutter to border**", [_between(visit.shutter_s, visit.border_s) for visit in visits]),
        ("shutter to the crossing shown", [_between(visit.shutter_s, visit.crossing_s) for visit in visits]),
        ("**yes to the flip**", [_between(visit.agreed_s, visit.flip_s) for visit in visits]),
    ]
    names = dict.fromkeys(name for visit in visits for name in visit.stages_s)
    rows += [(f"engine: {name}", [visit.stages_s.get(name, 0.0) for visit in visits]) for name in names]
    lines = ["| | median | least | most |", "|---|---:|---:|---:|"]
    for name, values in rows:
        lines.append(f"| {name} | {median(values):.1f} s | {min(values):.1f} s | {max(values):.1f} s |")
    for name, frames_ms in (
        ("where something has moved", np.concatenate([visit.moving_ms for visit in visits])),
        ("at half the rate", np.concatenate([visit.still_ms for visit in visits])),
    ):
        middle, high = np.percentile(frames_ms, (50, 99))
        lines += ["", f"{len(frames_ms)} frames {name}: median {middle:.1f} ms, 99 % {high:.1f} ms."]
    return "\n".join(lines)


def _between(start_s: float | None, end_s: float | None) -> float:
    return float("nan") if start_s is None or end_s is None else end_s - start_s


if __name__ == "__main__":
    main()
