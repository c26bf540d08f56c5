"""Six seconds of the meeting in the visitor's film, drawn again from the numbers that moved the doppelgänger.

No picture of the camera is kept for it, and of the numbers no more than the last few seconds.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.common.arrays import Pixels
from engine.judges.verdict import Verdict
from engine.live.motion import REST, Motion
from engine.live.restraint import EASE_S, same_person
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from installation.outputs.films.scene_film import FPS, film_canvas, play
from installation.outputs.films.soundtrack import Soundtrack
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.scene import scene_of
from installation.stage.sound import SoundParameters
from installation.stage.theme import StageParameters
from installation.stage.view import MeetingView, ParticipantView, SaidSentence, View
from installation.visit.parameters import MeetingParameters
from installation.visit.participants import Participant, Sitter
from installation.visit.state import State

DURATION_S = 6.0
# The sentence, where there is one, begins so long after these seconds do.
BEFORE_SENTENCE_S = 1.0
# Verdicts come late: so much more is kept until it is known who was shown.
KEPT_S = DURATION_S + 2.0
FIRST_GAP_S = 0.2  # without a moment at the beginning, at most
FACE_SHARE = 0.56  # of the frame's height: two verdicts stand below it


@dataclass(frozen=True)
class Moment:
    """What was shown in the meeting at `at_s`; see `MeetingView`. motion: by which the picture was drawn."""

    at_s: float
    motion: Motion
    follows: bool
    visitor: Verdict | None
    moved: Verdict | None
    sentence: SaidSentence | None


@dataclass(frozen=True, eq=False)
class RecordedMeeting:
    """`DURATION_S` of a meeting from `begin_s` on. moments: in the order of time."""

    rig: Rig
    begin_s: float
    moments: tuple[Moment, ...]


class MeetingRecorder:
    """Keeps the last seconds of a meeting, or those about its sentence, in which nobody was the sitter."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque()
        self._judged_s = 0.0  # when the picture was shown that was judged last
        self._paused_until_s = 0.0
        self._sentence_s: float | None = None  # when the first sentence began that was kept

    def add(self, moment: Moment) -> None:
        """Takes note of what is shown; once the sentence and what belongs to it are known, nothing more."""
        if moment.at_s < self._paused_until_s or self._has_sentence:
            return
        if moment.sentence is not None and self._sentence_s is None:
            self._sentence_s = moment.at_s
        self._moments.append(moment)
        while self._moments[0].at_s < moment.at_s - KEPT_S:
            self._moments.popleft()

    def judged(self, verdict: Verdict | None, shown_s: float, now_s: float) -> None:
        """A verdict on what was shown at `shown_s`: on *same person* all that was kept is dropped."""
        if self._has_sentence:
            return
        self._judged_s = shown_s
        if same_person(verdict):
            self.erase()
            self._paused_until_s = now_s + EASE_S

    def erase(self) -> None:
        """Drops everything."""
        self._moments.clear()
        self._sentence_s = None

    def recorded(self, rig: Rig) -> RecordedMeeting | None:
        """The seconds for the film; None where there are not enough that have been judged."""
        if not self._moments:
            return None
        end_s = min(self._judged_s, self._moments[-1].at_s)
        begin_s = self._sentence_begin_s if self._has_sentence else end_s - DURATION_S
        if self._moments[0].at_s > begin_s + FIRST_GAP_S:
            return None
        kept = tuple(each for each in self._moments if begin_s <= each.at_s < begin_s + DURATION_S)
        return RecordedMeeting(rig, begin_s, kept) if any(each.follows for each in kept) else None

    @property
    def _sentence_begin_s(self) -> float:
        """When the seconds about the sentence begin."""
        assert self._sentence_s is not None
        return self._sentence_s - BEFORE_SENTENCE_S

    @property
    def _has_sentence(self) -> bool:
        """Whether all seconds about the sentence are kept and judged."""
        return self._sentence_s is not None and self._judged_s >= self._sentence_begin_s + DURATION_S


def frames(
    recorded: RecordedMeeting,
    text: Texts,
    soundtrack: Soundtrack,
    begins_s: float = 0.0,
    canvas: Canvas | None = None,
) -> Iterator[Pixels]:
    """The frames, uint8 (1350, 1080, 3) RGB each, of the meeting's scene as it was shown.

    soundtrack: takes up the voice. begins_s: when they begin on the film's clock. canvas: what is drawn on.
    """
    scene = scene_of(Phase.MEETING)()
    canvas = canvas or film_canvas(FACE_SHARE)
    yield from play(scene, canvas, _views(recorded, text, begins_s), soundtrack)


def _views(recorded: RecordedMeeting, text: Texts, begins_s: float) -> Iterator[View]:
    parameters = Registry(StageParameters, SoundParameters, MeetingParameters).snapshot()
    sitter = Participant(sitter=Sitter.CAMERA)
    times = [moment.at_s for moment in recorded.moments]
    motion, picture = REST, recorded.rig.picture
    for frame in range(round(DURATION_S * FPS)):
        at_s = recorded.begin_s + frame / FPS
        moment = recorded.moments[max(bisect_right(times, at_s) - 1, 0)]
        if moment.motion != motion:
            motion, picture = moment.motion, draw(recorded.rig, moment.motion)
        said = moment.sentence
        if said is not None:
            said = replace(said, heard_s=said.heard_s - recorded.begin_s + begins_s)
        yield View(
            now_s=begins_s + frame / FPS,
            visit=State(phase=Phase.MEETING, participants=(sitter,)),
            parameters=parameters,
            text=text,
            entered_s=begins_s,
            duration_s=DURATION_S,
            participants=(
                ParticipantView(
                    meeting=MeetingView(picture, moment.follows, moment.visitor, moment.moved, said)
                ),
            ),
            interactive=False,
        )
