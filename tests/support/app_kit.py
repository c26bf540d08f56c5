"""The App for tests: real engine, judge and scenes, few steps, and a camera that fails on command."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hardware.camera.base import Feed
from hardware.camera.faulty import FaultySource
from hardware.camera.pulled import PulledCapture
from hardware.camera.selection import camera_source
from hardware.camera.settings import CameraSettings
from installation.app.app import App, RunOptions
from installation.cli.portray import sample_sitter
from installation.settings.configuration import Configuration, load
from installation.settings.phase import Phase
from installation.workers.engine_backend import ProcessBackend

if TYPE_CHECKING:
    from engine.runtime.worker import Models

RATE_HZ = 10

FEW_STEPS = """
encoder = ""

[search]
steps = 3
tuning = "always"
tuning_steps = 2
finders = {finders}
threads = 1

[judging]
panel = ["dlib"]
perturbations = 1

[film]
pictures = 12

[display]
screen = "headless:360x640"

[control]
osc_port = 0
http_port = 0

[delivery]
host = "127.0.0.1"
port = {port}
"""

# A visit of a few seconds.
SHORT = {
    "visit/border_s": "8",
    "visit/jury_s": "5",
    "visit/meeting_s": "0",
    "visit/farewell_s": "3",
    "visit/countdown_s": "0.5",
    "portrait_taking/take_s": "0.3",
}


def few_steps(folder: Path, port: int = 8080, nearest: bool = False) -> Path:
    """A configuration file for visits that are over soon."""
    path = folder / "few-steps.toml"
    finders = ["nearest"] * nearest + ["on-the-way", "towards-others"]
    path.write_text(FEW_STEPS.format(port=port, finders=json.dumps(finders)))
    return path


LIGHT_PX = 64
LIGHT_THRESHOLD = 0.3  # of dlib: nearly everybody is told from the median face, and soon found


def light_models(configuration: Configuration) -> "Models":
    """The networks of that configuration, the generator without its blocks above 64 px."""
    from engine.stylegan2.network import Generator
    from installation.workers.models import ModelBundle

    bundle = ModelBundle(configuration, for_stage=True)
    whole = bundle.generator
    light = Generator(
        whole.z_dim,
        whole.w_dim,
        LIGHT_PX,
        channel_base=whole.channel_base,
        channel_max=whole.channel_max,
        mapping_layers=whole.mapping_layers,
    )
    state = whole.state_dict()
    light.load_state_dict({name: state[name] for name in light.state_dict()})
    bundle.generator = light.eval().requires_grad_(False)
    return bundle


class TestApp(App):
    """An App on a virtual clock that is moved by hand; `breakable` is its camera.

    is_thorough: without it, visits are as short as they get: one step, and a generator of 64 px. changes: of
    parameters.
    """

    __test__ = False

    def __init__(
        self,
        folder: Path,
        portrait: Path,
        options: RunOptions | None = None,
        recycle_after: int | None = None,
        is_thorough: bool = True,
        changes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.breakable = FaultySource(camera_source(f"file:{portrait}"))
        chosen = configuration(folder)
        if not is_thorough:
            search = chosen.search.model_copy(update={"steps": 1, "tuning": "never"})
            film = chosen.film.model_copy(update={"pictures": 2})
            judging = chosen.judging.model_copy(update={"thresholds": {"dlib": LIGHT_THRESHOLD}})
            chosen = chosen.model_copy(
                update={"search": search, "film": film, "judging": judging, "encoder": None, "people": None}
            )
        super().__init__(
            chosen,
            folder,
            SHORT | dict(changes),
            options or RunOptions(visits=1000, virtual=True, rate_hz=RATE_HZ),
            with_phones=False,
        )
        if not is_thorough:
            self.engine.backend = ProcessBackend(partial(light_models, chosen))
        if recycle_after is not None:
            self.engine._recycle_after = recycle_after

    def _open_camera(self, camera: str, settings: CameraSettings) -> Feed:
        return PulledCapture(self.breakable, settings, lambda: self.clock.now_s)

    @property
    def engine_pid(self) -> int:
        assert isinstance(self.engine.backend, ProcessBackend) and self.engine.backend.pid is not None
        return self.engine.backend.pid

    @property
    def phase(self) -> Phase:
        return self.session.state.phase

    def until(self, phase: Phase, limit_s: float = 300.0) -> float:
        """Plays until that phase; returns the seconds it took. Fails where they are over."""
        began_s = self.clock.now_s
        while self.phase is not phase:
            self.main_loop.frame()
            passed_s = self.clock.now_s - began_s
            assert passed_s <= limit_s, f"{self.phase} instead of {phase} after {passed_s:.1f} s"
        return self.clock.now_s - began_s

    def until_awake(self) -> None:
        """Plays until visits can begin."""
        for _ in range(1000):
            if not self.session.state.resting:
                return
            self.main_loop.frame()
        raise AssertionError("camera or engine does not come back")

    def for_s(self, seconds: float) -> None:
        """Plays so long."""
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            self.main_loop.frame()


def configuration(folder: Path) -> Configuration:
    """That file's content."""
    return load(few_steps(folder))


def live(folder: Path, screen: str) -> Configuration:
    """The same for a clock that nobody moves: on that screen, the sample sitter before the camera."""
    chosen = configuration(folder)
    display = chosen.display.model_copy(update={"screen": screen})
    stage = chosen.stage.model_copy(update={"camera": f"file:{sample_sitter()}"})
    return chosen.model_copy(update={"display": display, "stage": stage})
