"""The doppelgänger during its meeting with the visitor: moved by their expression, as far as it may."""

from engine.common.arrays import Pixels
from engine.live.motion import REST, Motion
from engine.live.restraint import SILENT_S, Restraint
from engine.live.rigs import puppet
from engine.live.safe_motion import SafeMotion
from engine.runtime.messages import MovedJudged, RigReady
from engine.speech.sentence import Sentence
from installation.capture.expression_follower import FollowedExpression
from installation.outputs.films.meeting_film import MeetingRecorder, Moment, RecordedMeeting
from installation.stage.sound import Voice
from installation.stage.view import MeetingView, SaidSentence

DRAWN_HZ = 30.0  # at most: drawing costs as much of a core as the mesh, and cameras give no more


class Meeting:
    """One meeting, from beginning to end.

    picture: the doppelgänger as it was drawn last, uint8 (R, R, 3) RGB; the given picture itself at rest.
    sentence: what it says once it has followed for a while; None: nothing. records: seconds of it are going
    to be in the visitor's film.
    """

    def __init__(self, rigged: RigReady, sentence: Sentence | None = None, records: bool = False) -> None:
        self.picture: Pixels = rigged.rig.picture
        self._rig = rigged.rig
        self._restraint = Restraint(SafeMotion(rigged.rig, rigged.judged).share)
        self._sentence = sentence
        speech = sentence.speech if sentence is not None else None
        self._voice = Voice(speech.samples) if speech is not None else None
        self._recorder = MeetingRecorder() if records else None
        self._drawn, self._drawn_s = REST, float("-inf")
        self._followed = False
        self._portrait: Pixels | None = None  # that was handed to the judges last
        self._asked_s: float | None = None  # when it was; None while no answer is awaited
        self._shown_s = 0.0  # when the pictures were shown that were judged last
        self._judged: MovedJudged | None = None

    def move(self, expression: FollowedExpression | None, now_s: float) -> Pixels | None:
        """Draws the doppelgänger at `now_s`, once a frame of the camera.

        Returns a new picture of the visitor's face, which is to be judged together with `picture`; or None.
        """
        newest, moved_s = (REST, None) if expression is None else (expression.motion, expression.captured_s)
        self._followed = expression is not None and expression.is_followed and self._restraint.share > 0
        if self._sentence is not None:
            newest = self._sentence.step(newest, self._restraint.share > 0, now_s)
        self._draw(self._restraint.step(newest, moved_s, now_s), now_s)
        self._record(now_s)
        portrait = None if expression is None else expression.portrait
        if portrait is None or portrait is self._portrait or self._asked_s is not None:
            return None
        self._portrait, self._asked_s = portrait, now_s
        return portrait

    def _draw(self, motion: Motion, now_s: float) -> None:
        # A tenth of a period early is no earlier frame of the camera, but a main loop that ran a little fast.
        if motion == self._drawn or now_s - self._drawn_s < 0.9 / DRAWN_HZ:
            return
        self.picture = puppet.draw(self._rig, motion)
        self._drawn, self._drawn_s = motion, now_s

    def judged(self, answer: MovedJudged, now_s: float) -> None:
        """What the judges say of the pictures that were last handed to them."""
        if self._asked_s is None:
            return
        self._judged, self._shown_s, self._asked_s = answer, self._asked_s, None
        self._restraint.judged(answer.drawn, self._shown_s, now_s)
        if self._recorder is not None:
            self._recorder.judged(answer.drawn, self._shown_s, now_s)

    def _record(self, now_s: float) -> None:
        if self._recorder is not None:
            shown = self.view(now_s)
            self._recorder.add(
                Moment(now_s, self._drawn, shown.follows, shown.visitor, shown.moved, shown.sentence)
            )

    def recorded(self) -> RecordedMeeting | None:
        """The seconds for the film, as numbers; None: there are none."""
        return self._recorder.recorded(self._rig) if self._recorder is not None else None

    def erase(self) -> None:
        """Drops the numbers for the film, and overwrites what was drawn last; the rig is the engine client's
        to erase."""
        if self._recorder is not None:
            self._recorder.erase()
        if self.picture is not self._rig.picture:
            self.picture.fill(0)

    def view(self, now_s: float) -> MeetingView:
        """What the scene is given."""
        known = self._judged if now_s - self._shown_s <= SILENT_S else None
        return MeetingView(
            self.picture,
            self._followed,
            visitor=known.visitor if known is not None else None,
            moved=known.drawn if known is not None else None,
            sentence=self._said(now_s),
        )

    def _said(self, now_s: float) -> SaidSentence | None:
        sentence = self._sentence
        if sentence is None or not sentence.is_said(now_s):
            return None
        return SaidSentence(sentence.text, self._voice, sentence.heard_s or 0.0)
