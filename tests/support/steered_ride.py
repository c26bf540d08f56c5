"""The border scene before a head, on a virtual clock: what it shows, and how long it stands still."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.pipeline.result import PortrayalResult
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.theme import sitter_text
from installation.stage.view import Guidance, ParticipantView, Sighting, View
from installation.visit.parameters import Timeouts
from installation.visit.participants import Participant, Sitter
from installation.visit.state import State
from scenes.border import Border
from scenes.widgets.border_schedule import BorderParameters, SegmentKind, schedule
from tests.support.scene_views import registry

RATE_HZ = 30


@dataclass(frozen=True)
class RiddenFrame:
    """A frame of the ride. t, same: of the picture shown. moves: whether the ride by itself moves there,
    which it does not at the match, on the last *same person* and at the flip."""

    at_s: float
    t: float
    same: bool
    moves: bool


def ride(
    result: PortrayalResult, yaw_deg_at: Callable[[float], float | None], values: Registry | None = None
) -> list[RiddenFrame]:
    """Plays the ride of `result` before a head whose yaw the tracker measures as `yaw_deg_at(seconds)`."""
    values = values or registry()
    duration_s = values.of(Timeouts).border_s
    canvas, scene, frames = Canvas(320, 180), Border(), []
    for number in range(round(duration_s * RATE_HZ)):
        at_s = number / RATE_HZ
        sighting = Sighting(Guidance.READY, (0.4, 0.3, 0.6, 0.7), yaw_deg_at(at_s))
        view = View(
            now_s=at_s,
            visit=State(phase=Phase.BORDER, participants=(Participant(sitter=Sitter.CAMERA),)),
            parameters=values.snapshot(),
            text=Texts.load("en"),
            entered_s=0.0,
            duration_s=duration_s,
            participants=(ParticipantView(sighting=sighting, result=result),),
        )
        if number == 0:
            moving, ride_s = _moving_spans_s(view, result)
            scene.enter(view)
        if at_s >= ride_s:
            break
        scene.update(view)
        scene.draw(canvas, view)
        for shown in scene.shown():
            assert shown.t is not None  # a ride shows its continuum alone
            moves = any(begin_s <= at_s < end_s for begin_s, end_s in moving)
            frames.append(RiddenFrame(at_s, shown.t, shown.verdict.same, moves))
    return frames


def longest_standstill_s(frames: list[RiddenFrame]) -> float:
    """The longest time for which the picture stays although the ride moves."""
    longest_s, since_s, before = 0.0, None, None
    for frame in frames:
        if not frame.moves or before is None or frame.t != before.t or since_s is None:
            since_s = frame.at_s if frame.moves else None
        else:
            longest_s = max(longest_s, frame.at_s - since_s)
        before = frame
    return longest_s


def verdicts(frames: list[RiddenFrame]) -> list[bool]:
    """The verdicts shown, *same person* or not, in their order; one that stays counts once."""
    shown = [frame.same for frame in frames]
    return [same for same, before in zip(shown, [None, *shown], strict=False) if same is not before]


def _moving_spans_s(view: View, result: PortrayalResult) -> tuple[list[tuple[float, float]], float]:
    """When the legs of the ride that lead from one t to another begin and end; and when the ride ends."""
    sentence = sitter_text(view, f"doppelganger.{result.picture_to_take_home[1]}")
    segments = schedule(result, view.parameters.of(BorderParameters), view.duration_s, sentence)
    assert segments[0].kind is SegmentKind.RIDE
    spans, begins_s = [], 0.0
    for leg in segments[0].legs:
        if leg.start_t != leg.end_t:
            spans.append((begins_s, begins_s + leg.duration_s))
        begins_s += leg.duration_s
    return spans, segments[0].duration_s
