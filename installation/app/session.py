"""The session of visits: joins the pure state machine with camera, watcher, engine and delivery.

What is reported becomes an event of the visit, and what the visit wants done is done here. Everything that
belongs to a visitor on this side of the processes is in the few attributes that `_erase` drops.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from engine.border.strip import Strip
from engine.pipeline.result import PictureKind, PortrayalResult
from engine.runtime.messages import Failed, PeopleReady, ProgressUpdate, Ready, Reply, ResultReady
from installation.app.counters import Counters
from installation.app.language import texts_for
from installation.capture.camera import CameraControl
from installation.capture.tracker_service import TrackerService
from installation.delivery.captions import captions
from installation.delivery.client import DeliveryClient
from installation.delivery.messages import Ended, Forgotten, LinkEvent, Lost, Offered, Saved, Unreachable
from installation.delivery.pictures import TakeHomePictures
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.theme import StageParameters
from installation.stage.view import Link, ParticipantView, SearchStatus, View
from installation.visit.effects import (
    CancelSearch,
    DetectFaces,
    Effect,
    EraseVisit,
    OfferDownload,
    RevokeDownload,
    StartCamera,
    StartSearch,
    StopCamera,
    TakePortrait,
)
from installation.visit.events import (
    AnotherFace,
    EngineFailed,
    EngineReady,
    Event,
    Forget,
    LinkReady,
    SearchDone,
    SearchProgress,
    Tick,
)
from installation.visit.machine import step
from installation.visit.parameters import DeliveryParameters, Timeouts
from installation.visit.participants import Sitter
from installation.visit.state import State, time_left_s
from installation.workers.engine_client import EngineClient
from installation.workers.film_worker import FilmWorker
from installation.workers.supervision import Condition

log = logging.getLogger(__name__)

PATIENCE_S = 120.0  # on a virtual clock, for anything that is being made


class Session:
    """Holds the state of the visit and does what it asks for. `delivery` may be missing: no phones then.

    began_s: when the first attract began.
    lock_step: waits for what is being made, so that nothing depends on how fast the machine is.
    """

    def __init__(
        self,
        registry: Registry,
        camera: CameraControl,
        watcher: TrackerService,
        engine: EngineClient,
        delivery: DeliveryClient | None = None,
        first_visit_id: int = 0,
        began_s: float = 0.0,
        lock_step: bool = False,
        counters: Counters | None = None,
    ) -> None:
        self.registry = registry
        self.state = State(visit_id=first_visit_id, entered_s=began_s)
        self.people: Sequence[Strip] = ()
        self._camera, self._watcher, self._engine, self._delivery = camera, watcher, engine, delivery
        self._lock_step = lock_step
        self._counters = counters or Counters(None, 1)
        self._for_technician = False
        # All there is of a visitor on this side of the processes.
        self._live: SearchStatus | None = None
        self._result: PortrayalResult | None = None
        self._link: Link | None = None
        self._film_worker = FilmWorker()
        self._to_offer: int | None = None  # the visit whose pictures wait for its film
        self._agreed: DeliveryParameters | None = None  # what consent said about phones
        self._awaits_link = False
        self._ended: int | None = None  # the visit whose link was there and is over

    @property
    def text(self) -> Texts:
        """All words in the language of the visit."""
        return texts_for(self.registry.of(StageParameters), self.state.language)

    def update(self, now_s: float) -> None:
        """Once a frame: everything that was reported since the last one, and then the time."""
        for event in self._camera.poll(now_s):
            self.handle(event, now_s)
        self._watcher.look(self._camera.latest(), now_s)
        for event in self._watcher.poll():
            if self._for_technician and isinstance(event, AnotherFace):
                self._watcher.watch(True)  # no visit ends by it: whoever is there now is looked at
            self.handle(event, now_s)
        if self._lock_step:
            self._engine.wait(PATIENCE_S)
        for report in self._engine.poll():
            self._take(report, now_s)
        self._offer_when_ready()
        for news in self._news():
            self._note(news, now_s)
        self.handle(Tick(), now_s)

    def show_camera(self, now_s: float) -> None:
        """For the technician: camera and faces without a visit."""
        self._for_technician = True
        self._camera.turn_on(now_s)
        self._watcher.watch(True)

    def handle(self, event: Event, now_s: float) -> None:
        """Lets the visit have an event, and does what comes of it."""
        before = self.state.phase
        self.state, effects = step(self.state, event, now_s, self.registry.of(Timeouts))
        after = self.state.phase
        if after is not before:
            log.info("visit %d: %s -> %s: %s", self.state.visit_id, before, after, self.state.reason)
            self._counters.passed(before, after, self.state.reason)
            if before is Phase.CONSENT:
                self._agreed = self.registry.of(DeliveryParameters)
        for effect in effects:
            self._perform(effect, now_s)
        if after is Phase.ATTRACT and before is not after:
            self._link = None  # farewell still says how long it lives

    def view(self, now_s: float) -> View:
        """What the scene of the phase sees now."""
        left_s = time_left_s(self.state, now_s, self.registry.of(Timeouts))
        participant = ParticipantView(
            sighting=self._watcher.sighting, search=self._live, result=self._result, link=self._link
        )
        return View(
            now_s=now_s,
            visit=self.state,
            parameters=self.registry.snapshot(),
            text=self.text,
            entered_s=self.state.entered_s,
            duration_s=now_s - self.state.entered_s + left_s,
            camera=self._camera.latest() if self.state.consented or self._for_technician else None,
            participants=(participant,),
            people=self.people,
            downloads_available=self._delivery is not None and self._ended != self.state.visit_id,
        )

    # --- what is reported -------------------------------------------------------------------------------

    def _take(self, report: Reply, now_s: float) -> None:
        match report:
            case Ready():
                self.handle(EngineReady(), now_s)
            case Failed():
                self.handle(EngineFailed(), now_s)
                if self._result is not None:  # The visit goes on with what has been found.
                    self._result = replace(self._result, complete=True)
            case PeopleReady(strips):
                self.people = strips
            case ProgressUpdate(visit_id, stage, share, picture) if self._awaits(visit_id):
                if picture is None and self._live is not None:
                    picture = self._live.picture
                self._live = SearchStatus(stage, share, picture)
                self.handle(SearchProgress(visit_id), now_s)
            case ResultReady(visit_id, result) if self._awaits(visit_id):
                self._result = result
                self._counters.count("border" if result.median.border else "no border")
                if self._delivery and self._agreed and self._agreed.gives == "everything":
                    self._film_worker.begin(result.median, self.text.language)
                self.handle(SearchDone(visit_id), now_s)
            case ResultReady(visit_id, result) if self._result and visit_id == self.state.visit_id:
                self._result = result

    def _awaits(self, visit_id: int) -> bool:
        return self.state.phase is Phase.SEARCH and visit_id == self.state.visit_id

    def _note(self, news: LinkEvent, now_s: float) -> None:
        here = self.state.phase is Phase.DOPPELGANGER and news.visit_id == self.state.visit_id
        match news:
            case Offered(url=url, lives_s=lives_s, wifi=wifi) if here:
                if self._link is None:
                    log.info("visit %d: phones can fetch it for %.0f s", news.visit_id, lives_s)
                    self._counters.count("link")
                self._link = Link(url, now_s + lives_s, wifi)
                self.handle(LinkReady(news.visit_id), now_s)
            case Saved():
                self._counters.count("saved")
                self._counters.write()
            case Forgotten():
                self._counters.count("forgotten by phone")
                self.handle(Forget(news.visit_id), now_s)
                if news.visit_id == self.state.visit_id:
                    self._link = None
            case Lost() if here:
                self._link, self._to_offer = None, news.visit_id
            case Ended() | Lost() if news.visit_id == self.state.visit_id:
                self._link, self._ended = None, news.visit_id

    # --- what is to be done -----------------------------------------------------------------------------

    def _perform(self, effect: Effect, now_s: float) -> None:
        match effect:
            case StartCamera():
                self._camera.turn_on(now_s)
            case StopCamera():
                self._camera.turn_off()
            case DetectFaces(on, anybody):
                self._watcher.watch(on, anybody)
            case TakePortrait(visit_id):
                self._watcher.take(visit_id)
            case StartSearch(visit_id, sitter):
                photographs = self._watcher.portrait(visit_id) if sitter is Sitter.CAMERA else None
                self._engine.portray(visit_id, photographs)
            case CancelSearch(visit_id):
                self._engine.cancel(visit_id)
            case OfferDownload(visit_id):
                self._to_offer = visit_id
            case RevokeDownload():
                self._link = None  # Erasing, which comes next, revokes what has no link.
            case EraseVisit(visit_id):
                self._erase(visit_id)

    def _offer_when_ready(self) -> None:
        if self._to_offer is None or self._delivery is None:
            return
        if self._result is None or not self._result.complete:
            return
        if self._lock_step:
            self._film_worker.wait()
        if self._film_worker.done:
            self._delivery.offer(self._take_home_pictures(self._to_offer, self._result), self._agreed)
            self._to_offer = None
            self._awaits_link = self._lock_step

    def _news(self) -> Sequence[LinkEvent]:
        """The delivery's; in lock step an offer's answer is waited for, where one is to be expected."""
        if self._delivery is None:
            return ()
        news = self._delivery.poll()
        limit_s = time.monotonic() + PATIENCE_S
        while self._awaits_link and time.monotonic() < limit_s:
            if any(isinstance(one, Offered | Unreachable | Lost) for one in news):
                break
            if self._delivery.health.condition in (Condition.WAITING, Condition.FAILED):
                break
            time.sleep(0.02)
            news += self._delivery.poll()
        self._awaits_link = False
        return news

    def _take_home_pictures(self, visit_id: int, result: PortrayalResult) -> TakeHomePictures:
        # The pair of the nearest way looks like the sitter.
        strip = result.nearest if result.nearest and result.nearest.border else result.median
        pair = (strip.pictures[strip.border[0]], strip.pictures[strip.border[1]]) if strip.border else None
        picture, kind = result.picture_to_take_home
        exists = not self.state.is_synthetic
        return TakeHomePictures(
            visit_id=visit_id,
            language=self.text.language,
            doppelganger=picture,
            captions=captions(result, self.text, exists),
            pair=pair,
            film=self._film_worker.film,
            same=kind is PictureKind.SAME,
            exists=exists,
        )

    def _erase(self, visit_id: int) -> None:
        self._live = self._result = self._to_offer = self._agreed = None
        if self._delivery and self._link is None:
            self._delivery.revoke(visit_id)  # Pictures whose code nobody has seen are of no use to anybody.
        self._film_worker.drop()
        self._watcher.erase()
        self._engine.erase(visit_id)
