"""The host of the visits: joins the pure machine with camera, watcher, engine and delivery.

What is reported becomes an event of the visit, and what the visit wants done is done here. Everything that
belongs to a visitor on this side is held in the few attributes below, and dropped in `_erase`.
"""

import logging
from collections.abc import Sequence

from engine.finding import Finding
from engine.strip import Strip
from engine.worker import Engine, Failed, Found, People, Progressed, Ready, Report
from installation import visit
from installation.camera_desk import CameraDesk
from installation.delivery import Delivery, Notice
from installation.parameters import Registry
from installation.texts import Texts
from installation.view import Link, Live, View
from installation.visit import Effect, Event, Phase, Sitter, State, Timeouts, step, time_left_s
from installation.watcher import Watcher

log = logging.getLogger(__name__)


class Host:
    """Holds the state of the visit and does what it asks for. Never waits, but where a clock is virtual."""

    def __init__(
        self,
        registry: Registry,
        camera: CameraDesk,
        watcher: Watcher,
        engine: Engine,
        delivery: Delivery | None,
        first_visit_id: int = 0,
    ) -> None:
        self.registry = registry
        self.state = State(visit_id=first_visit_id)
        self.people: Sequence[Strip] = ()
        self.visits = 0
        self._camera, self._watcher = camera, watcher
        self._engine, self._delivery = engine, delivery
        # All there is of a visitor on this side of the processes.
        self._live: Live | None = None
        self._finding: Finding | None = None
        self._link: Link | None = None

    def collect(self, now_s: float) -> None:
        """Once a frame: everything that was reported since the last one, and then the time."""
        for event in self._camera.poll(now_s):
            self.handle(event, now_s)
        self._watcher.look(self._camera.latest(), now_s)
        for event in self._watcher.poll():
            self.handle(event, now_s)
        for report in self._engine.poll():
            self._take(report, now_s)
        if self._delivery is not None:
            for notice in self._delivery.poll():
                self._note(notice, now_s)
        self.handle(visit.Tick(), now_s)

    def handle(self, event: Event, now_s: float) -> None:
        """Lets the visit have an event, and does what comes of it."""
        before = self.state.phase
        self.state, effects = step(self.state, event, now_s, self.registry.of(Timeouts))
        if self.state.phase is not before:
            log.info(
                "visit %d: %s -> %s: %s", self.state.visit_id, before, self.state.phase, self.state.reason
            )
        for effect in effects:
            self._perform(effect, now_s)

    def view(self, text: Texts, now_s: float) -> View:
        """What the scene of the phase sees now."""
        return View(
            now_s=now_s,
            visit=self.state,
            registry=self.registry,
            text=text,
            began_s=self.state.entered_s,
            lasts_s=now_s - self.state.entered_s + time_left_s(self.state, now_s, self.registry.of(Timeouts)),
            camera=self._camera.latest() if self.state.consented else None,
            sighting=self._watcher.sighting,
            live=self._live,
            finding=self._finding,
            link=self._link,
            people=self.people,
        )

    def _take(self, report: Report, now_s: float) -> None:
        match report:
            case Ready():
                self.handle(visit.EngineReady(), now_s)
            case Failed(message):
                log.warning("engine: %s", message)
                self.handle(visit.EngineFailed(), now_s)
            case People(strips):
                self.people = strips
            case Progressed(visit_id, stage, share, picture) if self._awaits(visit_id):
                picture = self._live.picture if picture is None and self._live else picture
                self._live = Live(stage, share, picture)
                self.handle(visit.SearchProgress(visit_id), now_s)
            case Found(visit_id, finding) if self._awaits(visit_id):
                self._finding = finding
                self.handle(visit.SearchDone(visit_id), now_s)

    def _awaits(self, visit_id: int) -> bool:
        return self.state.phase is Phase.SEARCH and visit_id == self.state.visit_id

    def _note(self, notice: Notice, now_s: float) -> None:
        raise NotImplementedError

    def _perform(self, effect: Effect, now_s: float) -> None:
        match effect:
            case visit.StartCamera():
                self._camera.turn_on(now_s)
            case visit.StopCamera():
                self._camera.turn_off()
            case visit.DetectFaces(on):
                self._watcher.watch(on)
            case visit.TakePortrait(visit_id):
                self._watcher.take(visit_id)
            case visit.StartSearch(visit_id, sitter):
                photographs = self._watcher.portrait(visit_id) if sitter is Sitter.CAMERA else None
                self._engine.portray(visit_id, photographs)
            case visit.CancelSearch(visit_id):
                self._engine.cancel(visit_id)
            case visit.OfferDownload(visit_id):
                self._offer(visit_id)
            case visit.RevokeDownload(visit_id):
                if self._delivery is not None:
                    self._delivery.revoke(visit_id)
            case visit.EraseVisit(visit_id):
                self._erase(visit_id)

    def _offer(self, visit_id: int) -> None:
        raise NotImplementedError

    def _erase(self, visit_id: int) -> None:
        self._live = self._finding = self._link = None
        self._watcher.erase()
        self._engine.erase(visit_id)
