"""The gathering: who is asked just now, and what the people's heads, touches, *yes* and *no* mean.

Joins the pure rules (`installation.visit.gathering`) with those who follow the people.
"""

import math
from dataclasses import replace

from engine.live.crowd.decision import Decision
from installation.capture.group_tracker import Gathered
from installation.capture.group_tracker_service import GroupTrackerService
from installation.stage.view import GatheringStep, GatheringView, PersonView
from installation.visit import gathering
from installation.visit.gathering import STEADY_S, Asking, Change
from installation.visit.parameters import GatheringParameters

LEAST_PEOPLE = 2
# So long there have to be too many heads: the finder sees one in a pattern now and then.
TOO_MANY_S = 1.0


class Gathering:
    """The people of one visit, until their photograph is taken. Used by the main loop's thread."""

    def __init__(self, tracker: GroupTrackerService) -> None:
        self._tracker = tracker
        self._asking = Asking()
        self._looked_at: Gathered | None = None
        self._step = GatheringStep.TOO_FEW
        self._enough_s = -math.inf  # when there were last as many heads as may be

    def look(self, now_s: float, values: GatheringParameters) -> None:
        """Once a frame: what the newest frame says of the one who is asked."""
        gathered = self._tracker.gathered
        if gathered is None or gathered is self._looked_at:
            return
        self._looked_at = gathered
        # A track outlives its head by a moment, beside the one that has taken its place.
        if sum(head.is_found for head in gathered.heads) <= values.most_people:
            self._enough_s = now_s
        if now_s - self._enough_s >= TOO_MANY_S:
            self._asking, self._step = replace(self._asking, question=None), GatheringStep.TOO_MANY
            return
        if len(gathered.heads) < LEAST_PEOPLE:
            self._asking, self._step = replace(self._asking, question=None), GatheringStep.TOO_FEW
            return
        self._asking = gathering.look(self._asking, gathered.heads, now_s, values.ask_s)
        done = gathering.is_done(self._asking, gathered.heads)
        self._step = GatheringStep.READY if done else GatheringStep.ASKING

    def confirm(self, now_s: float) -> tuple[Decision, ...] | None:
        """*Yes*. Returns everybody's decisions, from the left, where it was said to the photograph and not
        to a question."""
        if self._step is GatheringStep.READY and self._looked_at is not None:
            from_left = sorted(self._looked_at.heads, key=lambda head: head.x_px)
            return tuple(head.decision or Decision.ANONYMOUS for head in from_left)
        self._asking, changes = gathering.confirm(self._asking, now_s)
        self._tell(changes)
        return None

    def revoke(self) -> bool:
        """*No*: all decisions are taken back at once. Returns whether there were any."""
        if self._looked_at is None:
            return False
        self._asking, changes = gathering.revoke(self._asking, self._looked_at.heads)
        self._tell(changes)
        self._step = GatheringStep.ASKING
        return bool(changes)

    def touch(self, number: int, decision: Decision, now_s: float) -> None:
        """A touch on a sign beside somebody."""
        self._asking = gathering.touch(self._asking, number, decision, now_s)

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self._tracker.decide(change.number, change.decision)

    def view(self, now_s: float) -> GatheringView:
        """What the scene is given."""
        question, looked_at = self._asking.question, self._looked_at
        people: list[PersonView] = []
        if looked_at is not None:
            height, width = looked_at.released.image.shape[:2]
            for head in looked_at.heads:
                x0, y0, x1, y1 = looked_at.boxes[head.number]
                box = x0 / width, y0 / height, x1 / width, y1 / height
                ringed = question is not None and question.number == head.number
                people.append(PersonView(head.number, box, head.decision, ringed))
        steady = 0.0
        if question is not None and question.upright_x_px is not None:
            steady = min((now_s - question.answer_since_s) / STEADY_S, 1.0)
        return GatheringView(
            self._step,
            tuple(people),
            answer=question.answer if question is not None and question.upright_x_px is not None else None,
            steady_share=steady,
            can_confirm=question is not None and question.is_steady(now_s),
        )
