"""The border: the face crosses it, and nothing has changed that one could see.

1. One ride from the closest match, slower the nearer it is to the border; it holds on the last *same person*,
   flips, and goes on to the doppelgänger. Visitors who turn their head steer it.
2. Match and doppelgänger beside each other, for as long as their sentence takes to be read twice,
3. then what moved at the border, and how many values are identical.

A continuum without a border has a ride to and fro, and words. Every picture is the generator's own, never a
blend of two. The same scene, without a visitor, is the film (`installation/outputs/films/border_film.py`).
"""

from collections.abc import Sequence

from pygame import Rect

from engine.border.strip import Strip
from engine.common.one_euro import OneEuro
from engine.pipeline.result import PortrayalResult
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.layout import below
from installation.stage.sound import StartedSound
from installation.stage.theme import Theme, ease, format_number, sitter_text, theme_of
from installation.stage.view import ShownPicture, View
from scenes.widgets.border_schedule import BorderParameters, Segment, SegmentKind, schedule, segment_at
from scenes.widgets.calm_verdict import CalmVerdict
from scenes.widgets.flip import Flip, draw_caption, draw_swell
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.moved import Moved, draw_moved
from scenes.widgets.pair import Pair, draw_pair
from scenes.widgets.steering import Steering
from scenes.widgets.stop_button import CancellableScene
from scenes.widgets.sweep import index_at, progress_at_t, sweep_t, t_at_progress
from scenes.widgets.verdict import draw_needle, draw_words, judge_name, shown_picture


class Border(CancellableScene):
    """Plays the segments of `schedule`; a turned head takes over the ride."""

    parameters = BorderParameters

    def __init__(self) -> None:
        self._forget(BorderParameters())

    def enter(self, view: View) -> None:
        self._forget(view.parameters.of(BorderParameters))

    def leave(self) -> None:
        super().leave()
        self._forget(BorderParameters())

    def _forget(self, values: BorderParameters) -> None:
        calm = OneEuro(values.calm_hz)
        self._steering = Steering(values.steer_deg, values.rest_deg, values.patience_s, filter=calm)
        self._flip = Flip(values.flip_every_s)
        self._calm = CalmVerdict()
        self._segment: Segment | None = None
        self._elapsed_s = 0.0  # of the segment
        self._strip: Strip | None = None
        self._index = 0
        self._shown: tuple[ShownPicture, ...] = ()
        # Of the result that was last looked at; a result never changes.
        self._result: PortrayalResult | None = None
        self._pair: Pair | None = None
        self._moved: Moved | None = None

    def shown(self) -> Sequence[ShownPicture]:
        return self._shown

    def sounds(self) -> Sequence[StartedSound]:
        return self._flip.sounds()

    def update(self, view: View) -> None:
        result = view.participant.result
        if result is None:
            return
        if result is not self._result:
            self._result, self._pair, self._moved = result, Pair.of(result), None
        values, strip = view.parameters.of(BorderParameters), result.crossing
        segments = schedule(result, values, view.duration_s, _sentence(view, result))
        self._segment, self._elapsed_s = segment_at(segments, view.elapsed_s)
        self._strip = strip
        verdict: bool | None = None
        if self._segment.kind is SegmentKind.RIDE:
            self._ride(view, values, strip)
            verdict = bool(strip.same[self._index])
        elif self._segment.kind is SegmentKind.WORDS:
            t = sweep_t(self._segment.legs, None, self._elapsed_s, theme_of(view).reduced_motion)
            self._index = index_at(strip, t)
        elif self._segment.kind is SegmentKind.DIFFERENCE and self._moved is None:
            self._moved = Moved.of(strip)
        self._flip.watch(verdict, view.now_s)

    def _ride(self, view: View, values: BorderParameters, strip: Strip) -> None:
        assert self._segment is not None
        left_s, border_t = self._segment.duration_s - self._elapsed_s, strip.border_t
        t = sweep_t(self._segment.legs, border_t, self._elapsed_s, theme_of(view).reduced_motion)
        yaw_deg = view.participant.sighting.yaw_deg if view.participant.sighting and values.steer else None
        # Steering ends before the ride does, so that the ride ends where it should.
        if left_s < 2 * self._steering.ease_s:
            self._steering.release()
            yaw_deg = None
        progress = self._steering.step(yaw_deg, progress_at_t(t, border_t), view.now_s)
        if self._steering.share > 0:
            t = t_at_progress(progress, border_t)
        self._index = self._calm.index(strip, index_at(strip, t), view.now_s)

    def draw(self, canvas: Canvas, view: View) -> None:
        self._shown = ()
        self.draw_stop_button(canvas, view)
        theme, layout = theme_of(view), canvas.layout
        if self._segment is None or self._strip is None or self._result is None:
            draw_idle_glow(canvas, theme, layout.face)
            return
        values, elapsed_s = view.parameters.of(BorderParameters), self._elapsed_s
        duration_s = self._segment.duration_s
        match self._segment.kind:
            case SegmentKind.RIDE:
                canvas.picture(self._strip.pictures[self._index], layout.face, theme.fade_in)
                self._draw_verdict(canvas, view, theme, self._strip)
                if theme.fade_in > 0:
                    self._shown = (shown_picture(self._strip, self._index),)
                brightness = values.swell_percent / 100
                draw_swell(canvas, theme, self._flip, view.now_s, values.swell_s, brightness)
            case SegmentKind.WORDS:
                canvas.picture(self._strip.pictures[self._index], layout.face, theme.fade)
                self._draw_no_border(canvas, view, theme, self._strip)
            case SegmentKind.PAIR:
                assert self._pair is not None
                sentence = _sentence(view, self._result)
                shown = draw_pair(
                    canvas, view, theme, self._pair, sentence, elapsed_s, duration_s, values.part_s
                )
                self._shown = tuple(shown)
            case SegmentKind.DIFFERENCE:
                assert self._moved is not None
                draw_moved(canvas, view, theme, self._moved, elapsed_s, duration_s)

    def _draw_verdict(self, canvas: Canvas, view: View, theme: Theme, strip: Strip) -> None:
        values, layout = view.parameters.of(BorderParameters), canvas.layout
        rest = layout.clear.copy()
        if not layout.stacked:
            rest.top = layout.face.top + round(0.3 * layout.face.height)
            rest.height = layout.clear.bottom - rest.top
        taken = draw_words(canvas, view, theme, rest, strip.verdict(self._index).same, theme.fade_in)
        rest = below(rest, taken, layout.body_px // 2)
        if values.needle:
            taken = draw_needle(canvas, view, theme, rest, strip, self._index, theme.fade_in)
        else:
            taken = Rect(rest.left, rest.top, rest.width, 2 * layout.small_px)
        draw_caption(canvas, view, theme, self._flip, taken)
        rest = below(rest, taken, layout.body_px // 2)
        line = view.text(
            "border.line",
            judge=judge_name(view, strip.judge),
            threshold=format_number(view, strip.threshold, 3),
        )
        blocks = [TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in, 0.4)]
        steerable = (
            values.steer
            and view.participant.sighting is not None
            and view.participant.sighting.yaw_deg is not None
        )
        if steerable:
            invitation = values.invitation or view.text("border.steer")
            light = theme.fade_in * (1 - 0.6 * self._steering.share)
            blocks.append(TextBlock(invitation, layout.body_px, 500, theme.ink, light))
        canvas.column(blocks, rest)

    def _draw_no_border(self, canvas: Canvas, view: View, theme: Theme, strip: Strip) -> None:
        assert self._segment is not None
        layout, why = canvas.layout, strip.no_border_reason
        left_s = self._segment.duration_s - self._elapsed_s
        light = min(ease(self._elapsed_s, 0.8), ease(left_s, 0.8), theme.fade)
        judge = judge_name(view, strip.judge)
        blocks = [
            TextBlock(view.text(f"without.{why}"), layout.title_px, 600, theme.ink, light, 0.4),
            TextBlock(
                sitter_text(view, f"without.{why}_words", judge=judge), layout.large_px, 300, theme.ink, light
            ),
        ]
        canvas.column(blocks, layout.clear, Anchor.TOP if layout.stacked else Anchor.MIDDLE)


def _sentence(view: View, result: PortrayalResult) -> str:
    """What match and doppelgänger are to each other."""
    return sitter_text(view, f"doppelganger.{result.picture_to_take_home[1]}")
