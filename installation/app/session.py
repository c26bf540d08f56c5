"""The session joins the visit's pure state machine with camera, tracker, engine and delivery.

Their reports become events of the state machine, and its effects become calls to them. How a result gets on
the screen: the engine's process sends ResultReady, `_on_engine_reply` keeps the result in `VisitorData`, and
`view` passes it to the scene.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from engine.border.strip import Strip
from engine.pipeline.result import PortrayalResult
from engine.runtime.messages import (
    Failed,
    GroupReady,
    MovedJudged,
    NobodiesAlike,
    NobodyReady,
    PeopleReady,
    ProgressUpdate,
    Queued,
    Ready,
    Reply,
    ResultExtended,
    ResultReady,
    RigReady,
    Words,
)
from engine.speech.sentence import Sentence
from hardware.camera.base import Frame
from installation.app.counters import Counters
from installation.app.downloads import Downloads
from installation.app.gathering import Gathering
from installation.app.language import texts_for
from installation.app.learning import Learning
from installation.app.meeting import Meeting
from installation.app.visitor_data import VisitorData
from installation.capture.camera import CameraControl
from installation.capture.group_tracker_service import GroupTrackerService
from installation.capture.live_nobodies import LiveNobodies
from installation.capture.tracker_service import TrackerService
from installation.delivery.client import DeliveryClient
from installation.delivery.messages import Ended, Forgotten, LinkEvent, Lost, Offered, Saved
from installation.outputs.group.signs import group_view
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.sound import RATE_HZ, SoundParameters
from installation.stage.theme import StageParameters
from installation.stage.view import Link, ParticipantView, SearchStatus, View
from installation.visit.effects import (
    BeginMeeting,
    CancelSearch,
    CompleteResult,
    DetectFaces,
    Effect,
    EndMeeting,
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
    Declined,
    EngineFailed,
    EngineReady,
    Event,
    FaceChosen,
    Forget,
    GroupAgreed,
    GroupMade,
    LinkReady,
    Pressed,
    ResultCompleted,
    RigMade,
    SearchDone,
    SearchProgress,
    Tick,
)
from installation.visit.machine import step
from installation.visit.parameters import (
    DecodersParameters,
    DeliveryParameters,
    DoppelgangerParameters,
    GatheringParameters,
    MeetingParameters,
    Timeouts,
)
from installation.visit.participants import Sitter
from installation.visit.phases import TRAITS
from installation.visit.state import State, time_left_s
from installation.workers.engine_client import EngineClient

log = logging.getLogger(__name__)

PATIENCE_S = 120.0  # in lock step, for the film or the delivery
# In lock step, for the engine: after a wait that ends early, what comes would be shown one frame later.
ENGINE_PATIENCE_S = 600.0


class Session:
    """Holds the state of the visit, carries out its effects, and makes the view for each frame.

    people: continua of synthetic people, for attract. began_s: when the first attract began. lock_step: waits
    for the engine, the film and the delivery, so that nothing depends on the speed of the machine.
    shown_elsewhere: other screens show the meeting live. computed_elsewhere: the engine may be on another
    machine. All calls come from one thread, the window's, and return at once but in lock step.
    """

    def __init__(
        self,
        registry: Registry,
        camera: CameraControl,
        tracker: TrackerService,
        engine: EngineClient,
        delivery: DeliveryClient | None = None,
        first_visit_id: int = 0,
        began_s: float = 0.0,
        lock_step: bool = False,
        counters: Counters | None = None,
        shown_elsewhere: bool = False,
        computed_elsewhere: bool = False,
        group_tracker: GroupTrackerService | None = None,
    ) -> None:
        self.registry = registry
        self.state = State(visit_id=first_visit_id, entered_s=began_s)
        self.people: Sequence[Strip] = ()
        self._camera, self._tracker, self._engine = camera, tracker, engine
        self._group_tracker = group_tracker
        self._nobodies = LiveNobodies(engine, group_tracker)
        self._downloads = Downloads(delivery, lock_step, PATIENCE_S)
        self._lock_step = lock_step
        self._learning = Learning(engine)
        self._counters = counters or Counters(None, 1)
        self._shown_elsewhere, self._computed_elsewhere = shown_elsewhere, computed_elsewhere
        self._for_technician = False
        self._last_search_s: float | None = None
        self._visitor = VisitorData()  # all there is of a visitor here; replaced as a whole

    @property
    def text(self) -> Texts:
        """All words in the language of the visit."""
        return texts_for(self.registry.of(StageParameters), self.state.language)

    def update(self, now_s: float) -> None:
        """Once a frame: handles everything that the services reported since the last one, then the time."""
        for event in self._camera.poll(now_s):
            self.handle(event, now_s)
        closely = self._for_technician or TRAITS[self.state.phase].followed
        self._tracker.look(self._camera.latest(), now_s, closely)
        for event in self._tracker.poll():
            if self._for_technician and isinstance(event, AnotherFace):
                self._tracker.watch(True)  # there is no visit to end: whoever is there now is followed
            self.handle(event, now_s)
        self._gather(now_s)
        if self._lock_step:
            self._engine.wait(ENGINE_PATIENCE_S)
        for reply in self._engine.poll():
            self._on_engine_reply(reply, now_s)
        self._meet(now_s)
        is_idle = self.state.phase is Phase.ATTRACT and not (self._for_technician or self._lock_step)
        self._learning.update(now_s, self.registry.of(DecodersParameters), is_idle)
        self._offer_download()
        for link_event in self._downloads.poll():
            self._on_link_event(link_event, now_s)
        self.handle(Tick(), now_s)

    @property
    def is_learning(self) -> bool:
        """Whether there is a training to show."""
        return self._learning.frame is not None

    def show_camera(self, now_s: float) -> None:
        """For the technician: camera and faces without a visit."""
        self._for_technician = True
        self._camera.turn_on(now_s)
        self._tracker.watch(True)

    def handle(self, event: Event, now_s: float) -> None:
        """Passes an event to the state machine, and carries out the effects."""
        if self._is_answered(event, now_s):
            return
        before, entered_s = self.state.phase, self.state.entered_s
        were_several = self.state.with_others
        self.state, effects = step(self.state, event, now_s, self.registry.of(Timeouts))
        after = self.state.phase
        if after is not before:
            if (before, after) == (Phase.SEARCH, Phase.BORDER):
                self._last_search_s = now_s - entered_s
            if before is Phase.ATTRACT:
                self._visitor = VisitorData()
            log.info("visit %d: %s -> %s: %s", self.state.visit_id, before, after, self.state.reason)
            self._counters.passed(before, after, self.state.reason, self.state.ending)
            if before is Phase.CONSENT:
                self._visitor.agreed = self.registry.of(DeliveryParameters)
                self._visitor.may_meet = self.registry.of(Timeouts).meeting_s > 0
        if self.state.with_others and not were_several:
            self._nobodies.ask()
        for effect in effects:
            self._perform(effect, now_s)
        if after is Phase.ATTRACT and before is not after:
            self._visitor = VisitorData()

    def view(self, now_s: float) -> View:
        """Everything that the current scene may know."""
        left_s = time_left_s(self.state, now_s, self.registry.of(Timeouts))
        visitor = self._visitor
        participant = ParticipantView(
            sighting=self._tracker.sighting,
            search=visitor.search,
            result=visitor.result,
            meeting=visitor.meeting.view(now_s) if visitor.meeting is not None else None,
            group=visitor.group,
            link=visitor.link,
        )
        return View(
            now_s=now_s,
            visit=self.state,
            parameters=self.registry.snapshot(),
            text=self.text,
            entered_s=self.state.entered_s,
            duration_s=now_s - self.state.entered_s + left_s,
            camera=self._shown_frame(),
            participants=(participant,),
            gathering=visitor.gathering.view(now_s) if visitor.gathering is not None else None,
            people=self.people,
            training=self._learning.frame,
            last_search_s=self._last_search_s,
            downloads_available=self._downloads.available and not visitor.link_ended,
            shown_elsewhere=self._shown_elsewhere,
            computed_elsewhere=self._computed_elsewhere,
        )

    def _shown_frame(self) -> Frame | None:
        """What scenes may show of the camera: the sitter alone; the technician's, the whole frame."""
        if self._for_technician:
            return self._camera.latest()
        if self._visitor.gathering is not None:
            gathered = self._group_tracker.gathered if self._group_tracker else None
            return gathered.released if gathered else None
        return self._tracker.released if self.state.consented else None

    # --- reports ---

    def _on_engine_reply(self, reply: Reply, now_s: float) -> None:
        visitor = self._visitor
        match reply:
            case Ready():
                self.handle(EngineReady(), now_s)
            case Failed():
                self.handle(EngineFailed(), now_s)
            case PeopleReady(strips):
                self.people = strips
            case ProgressUpdate(visit_id, stage, share, picture) if self._is_searching(visit_id):
                if picture is None and visitor.search is not None:
                    picture = visitor.search.picture
                visitor.search = SearchStatus(stage, share, picture)
                self.handle(SearchProgress(visit_id), now_s)
            case Queued(visit_id, place) if self._is_searching(visit_id):
                visitor.search = SearchStatus("faces", 0.0, None, place)
                self.handle(SearchProgress(visit_id), now_s)
            case ResultReady(visit_id, result) if self._is_searching(visit_id):
                visitor.result = result
                if self.state.border_known_s is None:
                    self._counters.count("border" if result.median.border else "no border")
                    self.handle(SearchDone(visit_id), now_s)
                if result.complete:
                    self._begin_film(result)
                    self.handle(ResultCompleted(visit_id), now_s)
            case ResultExtended(visit_id) if visitor.result is not None and visit_id == self.state.visit_id:
                visitor.result = replace(
                    visitor.result, judge_results=reply.judge_results, enlarged=reply.enlarged
                )
            case GroupReady(visit_id, portrait) if self._is_searching(visit_id):
                visitor.group = group_view(portrait)
                self._downloads.begin_group_film(visitor.group, self.text.language, visitor.agreed)
                self._counters.count("group portraits")
                self.handle(GroupMade(visit_id), now_s)
            case NobodyReady(number, poses):
                self._nobodies.add(number, poses)
            case NobodiesAlike(numbers):
                self._nobodies.strike(numbers)
            case RigReady(visit_id) if visit_id == self.state.visit_id:
                visitor.rig = reply
                self.handle(RigMade(visit_id), now_s)
            case MovedJudged(visit_id) if visitor.meeting is not None and visit_id == self.state.visit_id:
                visitor.meeting.judged(reply, now_s)

    def _meet(self, now_s: float) -> None:
        """Moves the doppelgänger by the newest expression, and has both judged now and then."""
        meeting = self._visitor.meeting
        if meeting is None:
            return
        portrait = meeting.move(self._tracker.expression, now_s)
        if portrait is not None:
            self._engine.judge_moved(self.state.visit_id, meeting.picture, portrait)

    # --- several people ---

    def _gather(self, now_s: float) -> None:
        """Follows the people while each is asked."""
        gathering = self._visitor.gathering
        if gathering is None or self._group_tracker is None:
            return
        self._group_tracker.look(self._camera.latest())
        for event in self._group_tracker.poll():
            self.handle(event, now_s)
        gathering.look(now_s, self.registry.of(GatheringParameters))

    def _is_answered(self, event: Event, now_s: float) -> bool:
        """Whether an event was an answer in the gathering, and nothing else."""
        gathering = self._visitor.gathering
        if gathering is None or self.state.portrait_requested:
            return False
        match event:
            case Pressed():
                decisions = gathering.confirm(now_s)
                if decisions is not None:
                    self.handle(GroupAgreed(self.state.visit_id, decisions), now_s)
                return True
            case Declined():
                return gathering.revoke()
            case FaceChosen(number, decision):
                gathering.touch(number, decision, now_s)
                return True
            case _:
                return False

    def _paint_group(self, visit_id: int) -> None:
        """Hands the photograph of the people to the engine; nobody is followed any more."""
        self._visitor.gathering = None
        if self._group_tracker is None:
            return
        photograph = self._group_tracker.photograph(visit_id)
        self._group_tracker.watch(False)
        if photograph is not None:
            self._engine.paint_group(visit_id, photograph.image, photograph.decided)

    def _begin_film(self, result: PortrayalResult) -> None:
        """Of the crossing that the visit speaks of; before border, so that it is there when it is offered."""
        is_real, agreed = not self.state.is_synthetic, self._visitor.agreed
        meets = is_real and self._visitor.may_record
        self._downloads.begin_film(result, self.text.language, is_real, agreed, meets)

    def _is_searching(self, visit_id: int) -> bool:
        return self.state.phase is Phase.SEARCH and visit_id == self.state.visit_id

    def _on_link_event(self, event: LinkEvent, now_s: float) -> None:
        is_current = event.visit_id == self.state.visit_id
        is_shown = is_current and self.state.phase is Phase.DOPPELGANGER
        visitor = self._visitor
        match event:
            case Offered(url=url, lives_s=lives_s, wifi=wifi) if is_shown:
                if visitor.link is None:
                    log.info("visit %d: phones can fetch it for %.0f s", event.visit_id, lives_s)
                    self._counters.count("link")
                visitor.link = Link(url, now_s + lives_s, wifi)
                self.handle(LinkReady(event.visit_id), now_s)
            case Saved():
                self._counters.count("saved")
                self._counters.write()
            case Forgotten():
                self._counters.count("forgotten by phone")
                self.handle(Forget(event.visit_id), now_s)
                if is_current:
                    self._visitor.link = None
            case Lost() if is_shown:
                visitor.link, visitor.download_due = None, True
            case Ended() | Lost() if is_current:
                visitor.link, visitor.link_ended = None, True

    def _offer_download(self) -> None:
        visitor = self._visitor
        if visitor.download_due and visitor.group is not None:
            visitor.download_due = not self._downloads.offer_group(
                self.state.visit_id, visitor.group, self.text, visitor.agreed
            )
        if visitor.download_due and visitor.result is not None:
            offered = self._downloads.offer(
                self.state.visit_id, visitor.result, self.text, not self.state.is_synthetic, visitor.agreed
            )
            visitor.download_due = not offered

    # --- effects ---

    def _perform(self, effect: Effect, now_s: float) -> None:
        match effect:
            case StartCamera():
                self._camera.turn_on(now_s)
            case StopCamera():
                self._camera.turn_off()
            case DetectFaces(on, anybody):
                gathers = self.state.with_others and not anybody and self._group_tracker is not None
                self._tracker.watch(on and not gathers, anybody)
                if self._group_tracker is not None and on and gathers:
                    self._group_tracker.watch(True)
                    self._visitor.gathering = Gathering(self._group_tracker)
            case TakePortrait(visit_id) if self._visitor.gathering is not None and self._group_tracker:
                self._group_tracker.take(visit_id)
            case TakePortrait(visit_id):
                self._tracker.take(visit_id)
            case StartSearch(visit_id) if self.state.with_others:
                self._paint_group(visit_id)
            case StartSearch(visit_id, sitter):
                is_real = sitter is Sitter.CAMERA
                photographs = self._tracker.portrait(visit_id) if is_real else None
                meets = is_real and self._visitor.may_meet
                self._visitor.says = self._words_to_say() if meets else None
                reach = self.registry.of(DoppelgangerParameters).reach
                self._engine.portray(visit_id, photographs, meets, self._visitor.says, reach)
            case CancelSearch(visit_id):
                self._engine.cancel(visit_id)
            case CompleteResult(visit_id):
                self._engine.cancel(visit_id)
                if self._visitor.result is not None:
                    self._visitor.result = replace(self._visitor.result, complete=True)
                    self._begin_film(self._visitor.result)
            case BeginMeeting():
                if self._visitor.rig is not None:
                    rig = self._visitor.rig
                    records = self._visitor.may_record and self._downloads.available
                    self._visitor.meeting = Meeting(rig, self._sentence(rig), records)
                    self._tracker.follow(True)
            case EndMeeting(visit_id):
                meeting = self._visitor.meeting
                self._downloads.finish_film(meeting.recorded() if meeting is not None else None)
                self._visitor.end_meeting()
                self._tracker.follow(False)
                self._engine.cancel(visit_id)
            case OfferDownload():
                self._visitor.download_due = True
            case RevokeDownload():
                self._visitor.link = None  # Erasing, which comes next, revokes pictures without a link.
            case EraseVisit(visit_id):
                self._downloads.erase(visit_id, link_shown=self._visitor.link is not None)
                self._visitor = self._visitor.erased()
                self._tracker.erase()
                if self._group_tracker is not None:
                    self._group_tracker.watch(False)
                self._engine.erase(visit_id)

    def _words_to_say(self) -> Words | None:
        """What the doppelgänger is to say in the meeting; it is made into speech meanwhile."""
        parameters = self.registry.of(MeetingParameters)
        if not parameters.speaks:
            return None
        return Words(parameters.sentence or self.text("meeting.sentence"), self.text.language, RATE_HZ)

    def _sentence(self, rigged: RigReady) -> Sentence | None:
        """What it says: only written without speech or sound."""
        says = self._visitor.says
        audible = self.registry.of(SoundParameters).volume_percent > 0
        return None if says is None else Sentence(says.text, rigged.speech if audible else None)
