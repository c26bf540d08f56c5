"""Runs a control without a window: with a registry, its services, and frames from a thread of its own."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from installation.app.registration import declarations_of, load_scenes
from installation.control.show.control import Control
from installation.control.show.frame_status import FrameStatus, JuryEntry
from installation.settings.configuration import ControlSettings, Stage
from installation.settings.parameters import Applies, Colour, Outside, Parameters, Value
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.workers.supervision import Condition, Health, Supervisor
from tests.support.judge_kit import verdict

FRAME_S = 1 / 60
UP = (Condition.OK, Condition.DISABLED)


class Rehearsed(Parameters):
    """Parameters of a made-up scene, one of each kind."""

    scene: ClassVar[str] = "rehearsed"

    glow: float = Field(0.5, ge=0, le=1, description="how bright")
    ride_s: Annotated[float, Applies.NEXT_SCENE] = Field(25, ge=5, le=120, description="how long")
    turns: int = Field(3, ge=1, le=100_000, description="how often")
    tilt_deg: Annotated[float, Outside.REFUSE] = Field(0, ge=-10, le=30, description="how far")
    needle: bool = Field(True, description="whether there is one")
    hint: str = Field("turn your head", max_length=20, description="the line under the face")
    ground: Colour = Field("#000000", description="behind the face")
    way: Literal["to", "fro"] = Field("to", description="which way")


class Recording(Registry):
    """A registry that records every `set`, in order."""

    def __init__(self, *declarations: type[Parameters]) -> None:
        super().__init__(*declarations)
        self.history: list[tuple[str, object]] = []

    def set(self, address: str, value: object, at_next_scene: bool = False) -> Any:
        self.history.append((address, value))
        return super().set(address, value, at_next_scene)

    def set_to(self, address: str) -> list[Any]:
        """The values a parameter was set to, in order."""
        return [value for name, value in self.history if name == address]


class HeadlessStage:
    """Runs a control at 60 frames a second on a thread of its own, as the stage does.

    `status` is reported each frame, `happened` collects the events that the control returned. Assign `status`
    anew, do not change it in place.
    """

    def __init__(
        self, folder: Path, restart: Callable[[str, float], None] | None = None, **settings: Any
    ) -> None:
        scenes = load_scenes(Stage().scenes).values()
        self.registry = Recording(*declarations_of(scenes), Rehearsed)
        given = {"osc_port": 0, "http_port": 0, **settings}
        self.wall_clock: Callable[[], datetime] = datetime.now
        self.control = Control(
            self.registry,
            ControlSettings(**given),
            folder,
            wall_clock=lambda: self.wall_clock(),
            restart=restart,
        )
        self.registry.history.clear()
        self.status = FrameStatus(
            Phase.BORDER,
            reason="the border is found, or its absence",
            visit=7,
            t=0.25,
            verdict=verdict(0.5),
            jury=(JuryEntry(verdict(0.5), 0.5), JuryEntry(verdict(0.75, judge="anthropometry"))),
            health={"camera": Health(Condition.WAITING, "no frames.", "Check the camera's cable.")},
            frame_ms=16.5,
        )
        self.happened: list[object] = []
        self.frames = 0
        self.fault: BaseException | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._play, name="stage")

    @property
    def port(self) -> int:
        """Of OSC."""
        return self.control.services[0].port  # type: ignore[attr-defined]

    @property
    def http_port(self) -> int:
        """Of OSCQuery and the page."""
        return self.control.services[2].port  # type: ignore[attr-defined]

    @property
    def tcp_port(self) -> int:
        """Of OSC over TCP."""
        return self.control.services[1].port  # type: ignore[attr-defined]

    def _play(self) -> None:
        next_s = time.monotonic()
        try:
            while not self._ending.is_set():
                began_s = time.monotonic()
                self.happened += self.control.drain(began_s)
                self.control.publish(self.status, began_s)
                self.frames += 1
                next_s = max(next_s + FRAME_S, time.monotonic())
                time.sleep(max(next_s - time.monotonic(), 0))
        except BaseException as fault:
            self.fault = fault

    def begin_scene(self) -> None:
        self.registry.begin_scene()

    def wait_frames(self, count: int) -> None:
        """Waits until more than `count` further frames have been played."""
        before = self.frames
        eventually(lambda: self.frames > before + count)

    def value(self, address: str) -> Value:
        found = self.registry.get(address)
        assert isinstance(found, float | int | bool | str)
        return found

    def __enter__(self) -> "HeadlessStage":
        self._services = Supervisor(*self.control.services)
        self._services.start()
        for service in self.control.services:
            eventually(lambda service=service: service.health.condition in UP)  # type: ignore[misc]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._services.stop()
        self.control.close()
        assert self.fault is None, self.fault


def eventually(true: Callable[[], object], within_s: float = 20.0) -> None:
    """Waits until `true()` is true; fails after `within_s` seconds."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, f"not true within {within_s} s"
        time.sleep(0.005)


@contextlib.contextmanager
def headless_stage(
    folder: Path, restart: Callable[[str, float], None] | None = None, **settings: Any
) -> Iterator[HeadlessStage]:
    """A headless stage that runs until the block ends. restart: what restarts a service, by its name."""
    with HeadlessStage(folder, restart, **settings) as running:
        yield running
