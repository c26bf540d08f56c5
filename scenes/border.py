"""The border: the face crosses it and comes back, with the verdict on the very picture that is shown.

1. A sweep from the closest match to the median face and back, slower the nearer it is to the border. Visitors
   who turn their head steer the sweep themselves.
2. The last *same person* and the first *someone else* alternate in place,
3. stand beside each other,
4. and their difference is magnified.

A continuum without a border has the sweep, and words. Every picture is the generator's own, never a blend of
two. The same scene, without a visitor, is the film (`installation/outputs/border_film.py`).
"""

from collections.abc import Sequence

from engine.border.difference import Difference
from engine.border.strip import Strip
from engine.pipeline.result import PortrayalResult
from installation.stage.canvas import Anchor, Canvas, TextBlock
from installation.stage.theme import Theme, ease, format_number, sitter_text, theme_of
from installation.stage.view import ShownPicture, View
from scenes.widgets.border_pair import below, draw_beside, draw_difference
from scenes.widgets.border_schedule import BorderParameters, Segment, SegmentKind, schedule, segment_at
from scenes.widgets.calm_verdict import CalmVerdict
from scenes.widgets.idle_glow import draw_idle_glow
from scenes.widgets.steering import OneEuro, Steering
from scenes.widgets.stop_button import CancellableScene
from scenes.widgets.sweep import index_at, progress_at_t, sweep_t, t_at_progress
from scenes.widgets.verdict import draw_needle, draw_words, judge_name, shown_picture


class Border(CancellableScene):
    """Plays the segments of `schedule`; a turned head takes over the sweep."""

    parameters = BorderParameters

    def __init__(self) -> None:
        self._forget()

    def enter(self, view: View) -> None:
        self._forget()
        values = view.parameters.of(BorderParameters)
        self._was_incomplete = view.participant.result is not None and not view.participant.result.complete
        calm = OneEuro(values.calm_hz)
        self._steering = Steering(values.steer_deg, values.rest_deg, values.patience_s, filter=calm)

    def leave(self) -> None:
        super().leave()
        self._forget()

    def _forget(self) -> None:
        self._steering = Steering()
        self._was_incomplete = False  # whether the nearest continuum was still looked for at the beginning
        self._final_result: PortrayalResult | None = None  # what is shown to the end, once decided
        self._segment: Segment | None = None
        self._elapsed_s = 0.0  # of the segment
        self._strip: Strip | None = None
        self._index = 0
        self._calm = CalmVerdict()
        self._shown: tuple[ShownPicture, ...] = ()
        self._difference: Difference | None = None

    def shown(self) -> Sequence[ShownPicture]:
        return self._shown

    def update(self, view: View) -> None:
        if view.participant.result is None:
            return
        values = view.parameters.of(BorderParameters)
        result = self._final_result or view.participant.result
        segments = schedule(result, values, view.duration_s, self._was_incomplete)
        self._segment, self._elapsed_s = segment_at(segments, view.elapsed_s)
        # Once the last continuum begins, the engine is not waited for any more.
        if self._final_result is None and self._segment.is_final:
            self._final_result = view.participant.result
        strip = self._segment.strip
        if self._segment.kind is SegmentKind.SWEEP:
            self._sweep(view, values)
            return
        self._strip = strip
        if self._segment.kind is SegmentKind.WORDS:
            t = sweep_t(self._segment.legs, None, self._elapsed_s, theme_of(view).reduced_motion)
            self._index = index_at(strip, t)
        elif self._segment.kind is SegmentKind.ALTERNATE and strip.border is not None:
            beat = int(self._elapsed_s / values.beat_s)
            self._index = strip.border[beat % 2]

    def _sweep(self, view: View, values: BorderParameters) -> None:
        assert self._segment is not None
        strip, left_s = self._segment.strip, self._segment.duration_s - self._elapsed_s
        border_t = strip.border_t
        t = sweep_t(self._segment.legs, border_t, self._elapsed_s, theme_of(view).reduced_motion)
        yaw_deg = view.participant.sighting.yaw_deg if view.participant.sighting and values.steer else None
        # Steering ends before the sweep does, so that the sweep ends where it should.
        if left_s < 2 * self._steering.ease_s:
            self._steering.release()
            yaw_deg = None
        progress = self._steering.step(yaw_deg, progress_at_t(t, border_t), view.now_s)
        if self._steering.share > 0:
            t = t_at_progress(progress, border_t)
        self._strip, self._index = strip, self._calm.index(strip, index_at(strip, t), view.now_s)

    def draw(self, canvas: Canvas, view: View) -> None:
        self._shown = ()
        self.draw_stop_button(canvas, view)
        theme, layout = theme_of(view), canvas.layout
        if self._segment is None or self._strip is None:
            draw_idle_glow(canvas, theme, layout.face)
            return
        match self._segment.kind:
            case SegmentKind.SWEEP | SegmentKind.ALTERNATE:
                canvas.picture(self._strip.pictures[self._index], layout.face)
                self._draw_verdict(canvas, view, theme)
                if theme.fade_in > 0:
                    self._shown = (shown_picture(self._strip, self._index),)
            case SegmentKind.WORDS:
                canvas.picture(self._strip.pictures[self._index], layout.face, theme.fade)
                self._draw_no_border(canvas, view, theme)
            case SegmentKind.BESIDE:
                part_s = view.parameters.of(BorderParameters).part_s
                strip, duration_s = self._strip, self._segment.duration_s
                if draw_beside(canvas, view, theme, strip, self._elapsed_s, duration_s, part_s):
                    assert strip.border is not None
                    same, other = strip.border
                    self._shown = (shown_picture(strip, same), shown_picture(strip, other))
            case SegmentKind.DIFFERENCE:
                if self._difference is None:
                    assert self._strip.border is not None
                    self._difference = Difference.between(
                        *(self._strip.pictures[i] for i in self._strip.border)
                    )
                duration_s = self._segment.duration_s
                draw_difference(canvas, view, theme, self._difference, self._elapsed_s, duration_s)

    def _draw_verdict(self, canvas: Canvas, view: View, theme: Theme) -> None:
        assert self._segment is not None and self._strip is not None
        values, layout, strip = view.parameters.of(BorderParameters), canvas.layout, self._strip
        rest = layout.clear.copy()
        if not layout.stacked:
            rest.top = layout.face.top + round(0.3 * layout.face.height)
            rest.height = layout.clear.bottom - rest.top
        taken = draw_words(canvas, view, theme, rest, strip.verdict(self._index).same, theme.fade_in)
        rest = below(rest, taken, layout.body_px // 2)
        if values.needle:
            taken = draw_needle(canvas, view, theme, rest, strip, self._index, theme.fade_in)
            rest = below(rest, taken, layout.body_px // 2)
        line = view.text(
            "border.line",
            judge=judge_name(view, strip.judge),
            threshold=format_number(view, strip.threshold, 3),
        )
        blocks = [TextBlock(line, layout.body_px, 300, theme.quiet_ink, theme.fade_in, 0.8)]
        steerable = (
            values.steer
            and view.participant.sighting is not None
            and view.participant.sighting.yaw_deg is not None
        )
        if steerable and self._segment.kind is SegmentKind.SWEEP:
            invitation = values.invitation or view.text("border.steer")
            light = theme.fade_in * (1 - 0.6 * self._steering.share)
            blocks.append(TextBlock(invitation, layout.body_px, 500, theme.ink, light))
        canvas.column(blocks, rest)

    def _draw_no_border(self, canvas: Canvas, view: View, theme: Theme) -> None:
        assert self._segment is not None and self._strip is not None
        layout, why = canvas.layout, self._strip.no_border_reason
        left_s = self._segment.duration_s - self._elapsed_s
        light = min(ease(self._elapsed_s, 0.8), ease(left_s, 0.8), theme.fade)
        judge = judge_name(view, self._strip.judge)
        blocks = [
            TextBlock(view.text(f"without.{why}"), layout.title_px, 600, theme.ink, light, 0.4),
            TextBlock(
                sitter_text(view, f"without.{why}_words", judge=judge), layout.large_px, 300, theme.ink, light
            ),
        ]
        canvas.column(blocks, layout.clear, Anchor.TOP if layout.stacked else Anchor.MIDDLE)
