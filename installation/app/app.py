"""The whole installation, from a configuration: what is started, how it is joined, and how it ends."""

import logging
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from engine.faces.analyser import open_analyser
from hardware.camera import synthetic
from hardware.camera.base import Feed
from hardware.camera.selection import camera_source
from hardware.camera.settings import CameraSettings
from hardware.display import KEYS, Display, DisplaySettings
from hardware.watchdog import Watchdog
from installation.app.buttons import Buttons, TechnicianButtons
from installation.app.clock import Clock, LiveClock, VirtualClock
from installation.app.counters import NAME, Counters
from installation.app.curators import Curators
from installation.app.loop import EventSource, FrameObserver, MainLoop, TouchAreas
from installation.app.recorder import Recorder
from installation.app.registration import load_scenes, registry_of
from installation.app.session import Session
from installation.app.signals import StopSignal
from installation.app.simulated_visitors import SimulatedVisitors
from installation.capture.camera import CameraControl
from installation.capture.camera_service import CameraService, open_camera
from installation.capture.tracker_service import SynchronousTrackerService, TrackerService
from installation.control.show.control import Control
from installation.delivery.client import DeliveryClient
from installation.settings.configuration import Configuration
from installation.settings.manifest import detector_file
from installation.settings.parameters import Refusal
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.visit.events import Event
from installation.visit.parameters import CaptureParameters, DeliveryParameters
from installation.workers.engine_client import EngineClient, load_models
from installation.workers.supervision import Health, Supervisor
from scenes.technician import Facts, Setup

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """How a run differs from an exhibition. visits: None waits for real visitors.

    rate_hz: frames a second of the virtual clock. film: what the recorder writes. setup: no visitors at all,
    but the technician's picture.
    """

    visits: int | None = None
    unseen: bool = False
    virtual: bool = False
    rate_hz: int = 30
    film: Path | None = None
    setup: bool = False


class App:
    """Everything of one run; a context manager. Raises UsageError and MachineError at once."""

    def __init__(
        self,
        configuration: Configuration,
        show: Path,
        changes: Mapping[str, str],
        options: RunOptions,
        with_phones: bool = True,
    ) -> None:
        self._for_technician = options.setup
        # The pictures are small; more threads only take the engine's cores.
        cv2.setNumThreads(1)
        self._ends = ExitStack()
        scenes = load_scenes(configuration.stage.scenes)
        self.registry = registry_of(scenes.values())
        self.clock: Clock = VirtualClock(options.rate_hz) if options.virtual else LiveClock()
        self.engine = EngineClient(
            partial(load_models, configuration, beside_window=not options.virtual),
            lock_step=options.virtual,
            recycle_after=configuration.privacy.recycle_after,
        )
        tracker = SynchronousTrackerService if options.virtual else TrackerService
        self.watcher = tracker(
            partial(self.registry.of, CaptureParameters),
            partial(open_analyser, detector_file(configuration.faces.detector)),
        )
        self.delivery = (
            DeliveryClient(configuration.delivery, partial(self.registry.of, DeliveryParameters))
            if with_phones and configuration.delivery.enabled
            else None
        )
        # One for all visits, so that a camera that comes back under another number is followed.
        self._camera_source = camera_source(configuration.stage.camera, sitter=self._synthetic_sitter)
        self.camera = CameraControl(partial(self._open_camera, configuration.stage.camera), self.registry)
        # A rehearsal's visitors are nobody, and count as nobody.
        counts = options.visits is None and not options.setup
        counters = Counters(show / NAME if counts else None, configuration.privacy.counters_days)
        self._ends.enter_context(counters)
        self.session = Session(
            self.registry,
            self.camera,
            self.watcher,
            self.engine,
            self.delivery,
            first_visit_id=0 if options.virtual else secrets.randbelow(2**31),
            began_s=self.clock.now_s,
            lock_step=options.virtual,
            counters=counters,
        )
        keys = dict(configuration.display.keys or KEYS)
        if options.setup:
            keys |= TechnicianButtons.keys
        chosen = configuration.display.model_dump() | {"keys": keys}
        self.display = self._ends.enter_context(Display(DisplaySettings(**chosen)))
        self.simulated_visitors = (
            SimulatedVisitors(options.visits, options.unseen) if options.visits is not None else None
        )
        buttons = TechnicianButtons if options.setup else Buttons
        sources: list[EventSource] = [
            self._ends.enter_context(StopSignal()),
            EngineRefusal(self.engine),
            buttons(self.display),
        ]
        observers: list[FrameObserver] = [Heartbeat(), counters]
        if self.simulated_visitors is not None:
            sources.append(self.simulated_visitors)
        if options.film is not None:
            width_px, height_px = self.display.size_px
            recorder = Recorder(options.film, width_px, height_px, options.rate_hz)
            observers.append(self._ends.enter_context(recorder))
        if options.setup:
            scenes = dict.fromkeys(Phase, Setup(self._facts))
        self.control = Control(self.registry, configuration.control, show, clock=lambda: self.clock.now_s)
        self._ends.callback(self.control.close)
        # After the curators' saved parameters: those of the command line are for this run.
        set_parameters(self.registry, changes)
        services = [
            self.watcher,
            self.engine,
            *([self.delivery] if self.delivery else []),
            *self.control.services,
        ]
        self.services = Supervisor(*services)
        curators = Curators(self.control, self._health)
        sources.append(curators)
        observers.append(curators)
        self.main_loop = MainLoop(self.session, scenes, self.display, self.clock, sources, observers)

    def play(self) -> None:
        """Until somebody ends it, or the rehearsal is over.

        Raises UsageError or WeightsError where the engine cannot use what is configured.
        """
        if self._for_technician:
            self.session.show_camera(self.clock.now_s)
        else:
            self.camera.begin(self.clock.now_s)
        self.main_loop.run()
        if self.engine.refusal is not None:
            raise self.engine.refusal

    def __enter__(self) -> Self:
        self._ends.enter_context(self.services)
        self._ends.callback(self.camera.stop)
        return self

    def __exit__(self, *fault: object) -> None:
        self._ends.__exit__(*fault)  # type: ignore[arg-type]

    def _open_camera(self, camera: str, settings: CameraSettings) -> Feed:
        if isinstance(self.clock, VirtualClock):
            return open_camera(
                camera, settings, sitter=self._synthetic_sitter, clock=lambda: self.clock.now_s
            )
        # A camera that is not there yet is waited for.
        service = CameraService(self._camera_source, settings)
        service.start()
        return service

    def _health(self) -> dict[str, Health]:
        return {"stage": self.main_loop.health, "camera": self.camera.health, **self.services.health()}

    def _facts(self) -> Facts:
        """What the technician's picture tells."""
        phone = ""
        if self.delivery is not None:
            phone = f"Phones: {self.delivery.health}"
        return Facts(
            camera=self.camera.feed_health,
            screens=self.display.screens,
            screen=self.display.screen,
            face=self.watcher.face,
            phone=phone,
        )

    def _synthetic_sitter(self, _: float) -> Pixels:
        """Somebody who does not exist, before the camera `synthetic`; nobody at first."""
        if not self.session.people:
            return np.full((64, 64, 3), synthetic.GROUND, np.uint8)
        return self.session.people[0].pictures[-1]


class EngineRefusal:
    """Requests a stop once the engine has said that it can never work as configured; yields no events."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine

    @property
    def stop_requested(self) -> bool:
        return self._engine.refusal is not None

    def events(self, _session: Session, _areas: TouchAreas, _now_s: float) -> tuple[Event, ...]:
        """None."""
        return ()


class Heartbeat:
    """Tells systemd that frames are drawn."""

    def __init__(self) -> None:
        self._watchdog = Watchdog()

    def frame(self, *_: object) -> None:
        self._watchdog.beat()


def set_parameters(registry: Registry, changes: Mapping[str, str]) -> None:
    """Sets parameters as the command line gives them, values in TOML's notation, texts also without quotes.

    Raises UsageError where one is refused.
    """
    for address, words in changes.items():
        try:
            value = tomllib.loads(f"value = {words}")["value"]
        except tomllib.TOMLDecodeError:
            value = words
        done = registry.set(address, value)
        if isinstance(done, Refusal):
            raise UsageError(f"--set {done}")
    registry.begin_scene()
