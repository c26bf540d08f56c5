"""The whole installation, from a configuration: what is started, how it is joined, and how it ends.

`App` starts all processes and threads that live as long as it does. Entering it starts them through the
supervisor, which restarts whatever fails; leaving it stops them:

    engine       a process with the GPU,          installation/workers/engine_client.py
                 or a rendering server            installation/workers/remote/
    delivery     a process that serves phones     installation/delivery/client.py
    tracker      a thread that looks for faces    installation/capture/tracker_service.py
    group        the same for several people      installation/capture/group_tracker_service.py
    control      threads for OSC, OSCQuery, web   installation/control/show/control.py
    outputs      a thread for other screens       installation/live/meeting_outputs.py

Two more come and go with a visit, when the session asks for them: the camera's thread
(installation/capture/camera.py) and the film's process (installation/workers/film_worker.py). The window is
drawn on the main thread (installation/app/loop.py).
"""

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.faces.analyser import open_analyser
from hardware.camera import synthetic
from hardware.camera.base import Feed
from hardware.camera.selection import camera_source
from hardware.camera.settings import CameraSettings
from hardware.display.display import Display
from hardware.display.settings import KEYS, DisplaySettings
from installation.app.buttons import Buttons, TechnicianButtons
from installation.app.clock import Clock, LiveClock, VirtualClock
from installation.app.control_adapter import ControlAdapter
from installation.app.counters import NAME, Counters
from installation.app.interfaces import EventSource, FrameObserver
from installation.app.loop import MainLoop
from installation.app.recorder import Recorder
from installation.app.registration import apply_overrides, load_scenes, registry_of
from installation.app.session import Session
from installation.app.signals import EngineRefusal, Heartbeat, StopSignal
from installation.app.simulated_visitors import SimulatedVisitors
from installation.app.speaker import Speaker
from installation.capture.camera import CameraControl
from installation.capture.camera_service import CameraService, open_camera
from installation.capture.group_tracker_service import GroupTrackerService, SynchronousGroupTrackerService
from installation.capture.tracker_service import SynchronousTrackerService, TrackerService
from installation.control.show.control import Control
from installation.control.show.replies import CommandRefused
from installation.delivery.client import DeliveryClient
from installation.live.meeting_outputs import MeetingOutputs
from installation.settings.configuration import Configuration
from installation.settings.manifest import detector_choice
from installation.settings.phase import Phase
from installation.stage.scene import scene_of
from installation.stage.view import Diagnostics
from installation.visit.parameters import CaptureParameters, DeliveryParameters
from installation.workers.engine_backend import Backend, ProcessBackend, load_models
from installation.workers.engine_client import EngineClient
from installation.workers.remote.backend import RemoteBackend
from installation.workers.remote.failover import FailoverBackend
from installation.workers.supervision import Health, Supervisor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """How a run differs from an exhibition.

    visits: that many simulated visitors come, then it ends; None: real visitors. unseen: the simulated ones
    take part without the camera. together: they take part as a group. virtual: a clock that moves by one
    frame a frame, at rate_hz. film: the MP4 that the screen is recorded to. setup: no visitors at all, but
    the technician's picture. outputs: names of those that show the meeting live.
    """

    visits: int | None = None
    unseen: bool = False
    virtual: bool = False
    rate_hz: int = 30
    film: Path | None = None
    setup: bool = False
    outputs: Sequence[str] = ()
    together: bool = False


class App:
    """Everything of one run; a context manager. Raises UsageError and MachineError at once.

    show: folder of the curators' parameters, presets and cues, and of the counters. overrides: parameters for
    this run, address -> value in TOML's notation.
    """

    def __init__(
        self,
        configuration: Configuration,
        show: Path,
        overrides: Mapping[str, str],
        options: RunOptions,
        with_phones: bool = True,
    ) -> None:
        # The pictures are small; more threads only take the engine's cores.
        cv2.setNumThreads(1)
        self._options = options
        self._ends = ExitStack()
        scenes = load_scenes(configuration.stage.scenes)
        gathering = scene_of(configuration.stage.gathering)()
        decoders = scene_of(configuration.stage.decoders)()
        self.registry = registry_of([*scenes.values(), gathering, decoders])
        self.clock: Clock = VirtualClock(options.rate_hz) if options.virtual else LiveClock()
        self._create_services(configuration, show, with_phones)
        # After the curators' saved parameters, which the control has loaded.
        apply_overrides(self.registry, overrides)
        if options.together:
            self.registry.set("gathering/signs", True)  # how simulated visitors answer
        # Simulated visitors are not counted.
        counts = options.visits is None and not options.setup
        counters = Counters(show / NAME if counts else None, configuration.privacy.counters_days)
        self._ends.enter_context(counters)
        self.session = Session(
            self.registry,
            self.camera,
            self.tracker,
            self.engine,
            self.delivery,
            first_visit_id=0 if options.virtual else secrets.randbelow(2**31),
            began_s=self.clock.now_s,
            lock_step=options.virtual,
            counters=counters,
            shown_elsewhere=bool(options.outputs),
            computed_elsewhere=bool(configuration.engine.server) and not options.virtual,
            group_tracker=self.group_tracker,
        )
        self.display = self._ends.enter_context(Display(_display_settings(configuration, options.setup)))
        self.simulated_visitors = (
            SimulatedVisitors(options.visits, options.unseen, options.together)
            if options.visits is not None
            else None
        )
        if options.setup:
            scenes = dict.fromkeys(Phase, scene_of("technician")())
        control = ControlAdapter(self.control, self._health, counters.today)
        sources: list[EventSource] = [
            self._ends.enter_context(StopSignal()),
            EngineRefusal(self.engine),
            TechnicianButtons(self.display) if options.setup else Buttons(self.display),
            *([self.simulated_visitors] if self.simulated_visitors else []),
            control,
        ]
        observers: list[FrameObserver] = [Heartbeat(), counters, *self._recorders(), control]
        if self.outputs is not None:
            observers.append(self.outputs)
        self.main_loop = MainLoop(
            self.session,
            scenes,
            self.display,
            self.clock,
            sources,
            observers,
            diagnostics=self._diagnostics if options.setup else None,
            speaker=None if options.virtual else self._ends.enter_context(Speaker()),
            gathering=None if options.setup else gathering,
            decoders=None if options.setup else decoders,
        )

    def _create_services(self, configuration: Configuration, show: Path, with_phones: bool) -> None:
        """Everything that runs in a process or a thread of its own; nothing is started yet."""
        virtual = self._options.virtual
        self.engine = EngineClient(
            _engine_backend(configuration, virtual),
            lock_step=virtual,
            recycle_after=configuration.privacy.recycle_after,
        )
        self.delivery = (
            DeliveryClient(configuration.delivery, partial(self.registry.of, DeliveryParameters))
            if with_phones and configuration.delivery.enabled
            else None
        )
        tracker = SynchronousTrackerService if virtual else TrackerService
        self.tracker = tracker(
            partial(self.registry.of, CaptureParameters),
            partial(open_analyser, detector_choice(configuration.faces.detector)),
        )
        self.group_tracker = (SynchronousGroupTrackerService if virtual else GroupTrackerService)()
        self.control = Control(
            self.registry,
            configuration.control,
            show,
            configuration.delivery.interface,
            clock=lambda: self.clock.now_s,
            restart=self._restart,
        )
        self._ends.callback(self.control.close)
        self.outputs = MeetingOutputs(self._options.outputs) if self._options.outputs else None
        self.supervisor = Supervisor(
            self.tracker,
            self.group_tracker,
            self.engine,
            *([self.delivery] if self.delivery else []),
            *([self.outputs] if self.outputs else []),
            *self.control.services,
        )
        # One for all visits, so that a camera that comes back under another number is followed.
        self._camera_source = camera_source(configuration.stage.camera, sitter=self._synthetic_sitter)
        self.camera = CameraControl(partial(self._open_camera, configuration.stage.camera), self.registry)

    def __enter__(self) -> Self:
        """Starts all services."""
        self._ends.enter_context(self.supervisor)
        self._ends.callback(self.camera.stop)
        return self

    def run(self) -> None:
        """Until somebody ends it, or the last simulated visitor has left.

        Raises UsageError or WeightsError where the engine cannot use what is configured.
        """
        if self._options.setup:
            self.session.show_camera(self.clock.now_s)
        else:
            self.camera.begin(self.clock.now_s)
        self.main_loop.run()
        if self.engine.refusal is not None:
            raise self.engine.refusal

    def __exit__(self, *fault: object) -> None:
        """Stops all services, in the opposite order, and closes the window."""
        self._ends.__exit__(*fault)  # type: ignore[arg-type]

    def _recorders(self) -> Iterator[Recorder]:
        """One, if the run is recorded."""
        if self._options.film is not None:
            width_px, height_px = self.display.size_px
            recorder = Recorder(self._options.film, width_px, height_px, self._options.rate_hz)
            yield self._ends.enter_context(recorder)

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
        return {"stage": self.main_loop.health, "camera": self.camera.health, **self.supervisor.health()}

    def _restart(self, name: str, now_s: float) -> None:
        """Starts a service again, because a curator asks for it. Raises CommandRefused."""
        if name == self.camera.name:
            self.camera.restart(now_s)
        elif not self.supervisor.restart(name):
            raise CommandRefused(f"there is no {name} here: the configuration leaves it out")

    def _diagnostics(self) -> Diagnostics:
        """What the technician's scene shows."""
        return Diagnostics(
            camera=self.camera.feed_health,
            screens=self.display.monitors,
            screen=self.display.monitor,
            face=self.tracker.face,
            phones="" if self.delivery is None else f"Phones: {self.delivery.health}",
        )

    def _synthetic_sitter(self, _: float) -> Pixels:
        """A synthetic person for the camera `synthetic`, uint8 (H, W, 3) RGB; an empty room at first."""
        if not self.session.people:
            return np.full((64, 64, 3), synthetic.GROUND, np.uint8)
        return self.session.people[0].pictures[-1]


def _engine_backend(configuration: Configuration, virtual: bool) -> Backend:
    """A rendering server's engine where one is configured, and this machine's own where it is gone.

    On the virtual clock nothing may depend on a network.
    """
    own = ProcessBackend(partial(load_models, configuration))
    if virtual or not configuration.engine.server:
        return own
    return FailoverBackend(configuration.engine.server, RemoteBackend(configuration.engine), own)


def _display_settings(configuration: Configuration, for_technician: bool) -> DisplaySettings:
    keys = dict(configuration.display.keys or KEYS)
    if for_technician:
        keys |= TechnicianButtons.keys
    return DisplaySettings(**configuration.display.model_dump() | {"keys": keys})
