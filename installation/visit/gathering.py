"""How several people decide, each about their own face alone and with their own body.

One after the other is ringed and answers with the head: to the left of the picture *real*, to the right
*doppelgänger*, straight *anonymous*. Who cannot turn the head leans to that side. Where curators allow it, a
touch on one of the signs beside the ring counts, too; whose hand it was nobody knows. *Yes* confirms what the
ringed person answers just now. *No* takes back at once what everybody has decided: to be hidden needs
nobody's consent. Who has confirmed nothing is anonymous.

Pure. Decisions themselves belong to the tracks (`engine.live.crowd.tracks`) and end with them; these
functions say which of them change.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.live.crowd.decision import Decision

# So far turned, or leant aside in widths of the face, a head answers. The yaw of a detector's six
# points deviates by 3 degrees (`engine.live.crowd.head`); people side by side are 1.6 widths and more apart.
TURNED_DEG, LEANT_WIDTHS = 18.0, 0.5
# It keeps its answer until it is turned or leant by less than this share of that, and is then straight.
STRAIGHT_SHARE = 0.6
# An answer counts after it has been given for so long, so that a passing glance is none.
STEADY_S = 0.7
# An answer is as old as the frame in which its owner was found last; older ones cannot be confirmed.
FRESH_S = 0.15
# Who has not confirmed anything after so long stays anonymous, and the next one is asked.
ASK_S = 15.0


@dataclass(frozen=True)
class Head:
    """Somebody in the newest frame, in pixels of the picture as it is shown, mirrored.

    number: of the track. yaw_deg: positive towards the picture's right edge. x_px: the middle of the face.
    width_px: of the face. decision: of the track. is_found: in this very frame.
    """

    number: int
    yaw_deg: float
    x_px: float
    width_px: float
    decision: Decision | None = None
    is_found: bool = True


@dataclass(frozen=True)
class Question:
    """The question to one person.

    number: of the track. since_s: when it was put. found_s: when its owner was found last. upright_x_px:
    where the head was when it was first straight; None before, while no answer is taken: they may be looking
    at a friend. others_x_px: where the others were then, by number. pointed: what the head answers. touched:
    the sign that was touched; it counts while the head is straight. answer_since_s: since when the answer is
    what it is.
    """

    number: int
    since_s: float
    found_s: float
    answer_since_s: float
    upright_x_px: float | None = None
    others_x_px: Mapping[int, float] = field(default_factory=dict)
    pointed: Decision = Decision.ANONYMOUS
    touched: Decision = Decision.ANONYMOUS

    @property
    def answer(self) -> Decision:
        """What *yes* would confirm."""
        return self.pointed if self.pointed is not Decision.ANONYMOUS else self.touched

    def is_steady(self, now_s: float) -> bool:
        """Whether *yes* would confirm the answer now."""
        return (
            self.upright_x_px is not None
            and now_s - self.answer_since_s >= STEADY_S
            and now_s - self.found_s <= FRESH_S
        )


@dataclass(frozen=True)
class Asking:
    """question: to whoever is ringed. asked: the tracks that are not asked again. confirmed: those who
    have said *yes* to an answer, which their heads say only after the next frame."""

    question: Question | None = None
    asked: frozenset[int] = frozenset()
    confirmed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Change:
    """A track's decision becomes this one; None: it is taken back."""

    number: int
    decision: Decision | None


def look(asking: Asking, heads: Sequence[Head], now_s: float, ask_s: float = ASK_S) -> Asking:
    """After a frame with these heads. Rings the leftmost person who has not been asked, where nobody is."""
    present = {head.number: head for head in heads}
    asked = asking.asked & present.keys()
    question = asking.question
    if question is not None and now_s - question.since_s >= ask_s:
        asked, question = asked | {question.number}, None
    if question is not None:
        head = present.get(question.number)
        question = _heard(question, head, heads, now_s) if head is not None else None
    if question is None:
        waiting = [
            head for head in heads if head.is_found and head.decision is None and head.number not in asked
        ]
        if waiting:
            first = min(waiting, key=lambda head: head.x_px)
            new = Question(first.number, now_s, now_s, now_s)
            question = _heard(new, first, heads, now_s)
    return Asking(question, asked, asking.confirmed & present.keys())


def is_done(asking: Asking, heads: Sequence[Head]) -> bool:
    """Whether everybody who was found has been asked."""
    found = [head for head in heads if head.is_found]
    return (
        bool(found)
        and asking.question is None
        and all(head.decision is not None or head.number in asking.asked for head in found)
    )


def touch(asking: Asking, number: int, decision: Decision, now_s: float) -> Asking:
    """After a touch on one of the signs beside somebody. Only the ringed person's count."""
    question = asking.question
    if question is None or question.number != number or question.upright_x_px is None:
        return asking
    return replace(asking, question=replace(question, touched=decision, answer_since_s=now_s))


def confirm(asking: Asking, now_s: float) -> tuple[Asking, list[Change]]:
    """After *yes*: the ringed person decides, if their answer is steady; else nothing happens."""
    question = asking.question
    if question is None or not question.is_steady(now_s):
        return asking, []
    return (
        Asking(None, asking.asked | {question.number}, asking.confirmed | {question.number}),
        [Change(question.number, question.answer)],
    )


def revoke(asking: Asking, heads: Sequence[Head]) -> tuple[Asking, list[Change]]:
    """After *no*: nobody has decided any more. Who had is asked again; who is ringed is not."""
    decided = {head.number for head in heads if head.decision is not None} | asking.confirmed
    ringed = {asking.question.number} if asking.question is not None else set()
    return (
        Asking(None, (asking.asked | ringed) - decided),
        [Change(number, None) for number in sorted(decided)],
    )


def _heard(question: Question, head: Head, heads: Sequence[Head], now_s: float) -> Question:
    """The question after a frame in which its owner's head is like this, among these heads."""
    if not head.is_found:
        return replace(question, pointed=Decision.ANONYMOUS, touched=Decision.ANONYMOUS, answer_since_s=now_s)
    question = replace(question, found_s=now_s)
    aside = _aside(head, _shift_px(question, head, heads))
    if question.upright_x_px is None:
        upright_x_px = head.x_px if abs(aside) < STRAIGHT_SHARE else None
        others_x_px = {other.number: other.x_px for other in heads if other.number != head.number}
        return replace(question, upright_x_px=upright_x_px, others_x_px=others_x_px, answer_since_s=now_s)
    side = Decision.DOPPELGANGER if aside > 0 else Decision.REAL
    if abs(aside) >= 1 or (abs(aside) >= STRAIGHT_SHARE and side is question.pointed):
        heard = replace(question, pointed=side, touched=Decision.ANONYMOUS)
    else:
        heard = replace(question, pointed=Decision.ANONYMOUS)
    return heard if heard.answer is question.answer else replace(heard, answer_since_s=now_s)


def _shift_px(question: Question, head: Head, heads: Sequence[Head]) -> float:
    """How far the ringed head has moved to the right by itself since it was straight. As far as everybody
    else moved the same way it was the camera, or a push."""
    if question.upright_x_px is None:
        return 0.0
    own_px = head.x_px - question.upright_x_px
    others_px = [
        other.x_px - question.others_x_px[other.number]
        for other in heads
        if other.is_found and other.number in question.others_x_px
    ]
    if question.others_x_px and not others_px:
        return 0.0  # everybody else is lost, as where the camera is turned away
    # The one who moved least that way: nobody can lean for the ringed person.
    common_px = min(others_px, key=lambda px: math.copysign(1.0, own_px) * px, default=0.0)
    same_way = common_px * own_px > 0
    return own_px - math.copysign(min(abs(common_px), abs(own_px)), own_px) if same_way else own_px


def _aside(head: Head, shift_px: float) -> float:
    """How far a head is turned or leant, whichever is more: 1 answers, positive towards the picture's right.
    0 where it is turned to one side and leant to the other."""
    turned = head.yaw_deg / TURNED_DEG
    leant = shift_px / max(head.width_px, 1.0) / LEANT_WIDTHS
    if min(abs(turned), abs(leant)) >= STRAIGHT_SHARE and turned * leant < 0:
        return 0.0
    return max(turned, leant, key=abs)
