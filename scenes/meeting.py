"""The meeting: the doppelgänger looks back, does what the visitor does and speaks, and the judges look on.

Its face is drawn by `installation/app/meeting.py`, which lets it move only while it stays someone else.
"""

from collections.abc import Sequence

from pygame import Rect

from engine.judges.verdict import Verdict
from installation.stage.canvas import Canvas, TextBlock
from installation.stage.layout import below
from installation.stage.sound import StartedSound, Voice
from installation.stage.theme import Theme, ease, theme_of
from installation.stage.view import SaidSentence, View
from installation.visit.parameters import MeetingParameters
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.stop_button import CancellableScene
from scenes.widgets.verdict import draw_words

RESTS_S = 2.5  # how long the words stay that say that the face rests: it does so for less

HEADLINE_HEIGHT = 1.9  # in large type: one line of it, or two of the sentence, a little smaller


class Meeting(CancellableScene):
    """Draws the face as it is given, and what is said of it and of the visitor."""

    parameters = MeetingParameters

    def __init__(self) -> None:
        self._forget()

    def enter(self, view: View) -> None:
        self._forget()

    def leave(self) -> None:
        super().leave()
        self._forget()

    def _forget(self) -> None:
        self._has_followed = False
        self._judged_s: float | None = None  # since when there is a verdict to show
        self._rests_until_s = 0.0  # until when it is said that the face rests
        self._voice: Voice | None = None  # that was started last
        self._started: tuple[StartedSound, ...] = ()

    def sounds(self) -> Sequence[StartedSound]:
        return self._started

    def update(self, view: View) -> None:
        self._started = ()
        meeting = view.participant.meeting
        if meeting is None:
            return
        self._has_followed = self._has_followed or meeting.follows
        if self._judged_s is None and meeting.moved is not None:
            self._judged_s = view.now_s
        if meeting.moved is not None and meeting.moved.same:
            self._rests_until_s = view.now_s + RESTS_S
        self._start_voice(meeting.sentence, view.now_s)

    def _start_voice(self, said: SaidSentence | None, now_s: float) -> None:
        if said is None or said.voice is None or said.voice is self._voice or now_s < said.heard_s:
            return
        self._voice, self._started = said.voice, (StartedSound(said.voice, said.heard_s),)

    def draw(self, canvas: Canvas, view: View) -> None:
        self.draw_stop_button(canvas, view)
        theme, layout, meeting = theme_of(view), canvas.layout, view.participant.meeting
        if meeting is None:
            draw_idle_glow(canvas, theme, layout.face)
            return
        canvas.picture(meeting.picture, layout.face, theme.fade * theme.breath)
        area = layout.clear.copy()
        if not layout.stacked:
            area.top = layout.face.top + round(0.25 * layout.face.height)
            area.height = layout.clear.bottom - area.top
        headline = TextBlock(self._headline(view), layout.large_px, 500, theme.ink, theme.fade)
        # As high in each case: what stands below must not jump when the words change.
        head = Rect(area.topleft, (area.width, round(HEADLINE_HEIGHT * layout.large_px)))
        canvas.column([headline], head)
        area = below(area, head, layout.body_px // 2)
        if view.parameters.of(MeetingParameters).verdicts:
            area = self._draw_verdict(canvas, view, theme, area, "meeting.visitor", meeting.visitor)
            self._draw_verdict(canvas, view, theme, area, "meeting.moved", meeting.moved)

    def _headline(self, view: View) -> str:
        if view.now_s < self._rests_until_s:
            return view.text("meeting.rests")
        meeting = view.participant.meeting
        if meeting is not None and meeting.sentence is not None:
            return view.text("meeting.says", words=meeting.sentence.text)
        if not self._has_followed:
            return view.text("meeting.looks")
        return view.parameters.of(MeetingParameters).headline or view.text("meeting.follows")

    def _draw_verdict(
        self, canvas: Canvas, view: View, theme: Theme, area: Rect, key: str, verdict: Verdict | None
    ) -> Rect:
        """Draws who is compared, and the verdict, where there is one; returns what is left of the area."""
        layout = canvas.layout
        came = 0.0 if self._judged_s is None else ease(view.now_s - self._judged_s, 0.8)
        light = theme.fade * came
        line = TextBlock(view.text(key), layout.body_px, 300, theme.quiet_ink, light)
        taken = canvas.column([line], area)
        area = below(area, taken, layout.body_px // 4)
        if verdict is not None:
            most_px = round(1.2 * layout.large_px)  # two of them stand here
            taken = draw_words(canvas, view, theme, area, verdict.same, light, most_px)
        return below(area, taken, layout.body_px // 2)
