"""Each decides about their own face: nobody else's head, and no *yes* alone, decides for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.live.crowd.decision import Decision
from installation.visit.gathering import (
    ASK_S,
    STEADY_S,
    STRAIGHT_SHARE,
    TURNED_DEG,
    Asking,
    Change,
    Head,
    confirm,
    look,
    revoke,
    touch,
)

FRAME_S = 0.1
WIDTH_PX = 100.0
SPACING_PX = 300.0
REAL, DOPPELGANGER, ANONYMOUS = Decision.REAL, Decision.DOPPELGANGER, Decision.ANONYMOUS


@dataclass
class Group:
    """People before a camera, numbered from the left, who stand as `yaws` and `leans` say."""

    count: int
    asking: Asking = field(default_factory=Asking)
    now_s: float = 0.0
    decisions: dict[int, Decision] = field(default_factory=dict)
    yaws: dict[int, float] = field(default_factory=dict)
    leans: dict[int, float] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)

    @property
    def heads(self) -> list[Head]:
        return [
            Head(
                number,
                self.yaws.get(number, 0.0),
                number * SPACING_PX + self.leans.get(number, 0.0) * WIDTH_PX,
                WIDTH_PX,
                self.decisions.get(number),
                number not in self.hidden,
            )
            for number in range(self.count)
        ]

    @property
    def ringed(self) -> int | None:
        return self.asking.question.number if self.asking.question else None

    def wait(self, seconds: float) -> "Group":
        for _ in range(round(seconds / FRAME_S)):
            self.now_s += FRAME_S
            self.asking = look(self.asking, self.heads, self.now_s)
        return self

    def yes(self) -> list[Change]:
        self.asking, changes = confirm(self.asking, self.now_s)
        self._apply(changes)
        return changes

    def no(self) -> list[Change]:
        self.asking, changes = revoke(self.asking, self.heads)
        self._apply(changes)
        return changes

    def touch(self, number: int, decision: Decision) -> None:
        self.asking = touch(self.asking, number, decision, self.now_s)

    def _apply(self, changes: list[Change]) -> None:
        self.changes += changes
        for change in changes:
            self.decisions.pop(change.number, None)
            if change.decision is not None:
                self.decisions[change.number] = change.decision


def test_a_group_of_three_with_three_choices() -> None:
    group = Group(3)
    for number, yaw, decision in ((0, -25.0, REAL), (1, 0.0, ANONYMOUS), (2, 25.0, DOPPELGANGER)):
        group.wait(0.3)
        assert group.ringed == number
        group.yaws[number] = yaw
        group.wait(1.0)
        assert group.yes() == [Change(number, decision)]
        group.yaws[number] = 0.0
    assert group.wait(1.0).ringed is None
    assert group.decisions == {0: REAL, 1: ANONYMOUS, 2: DOPPELGANGER}


def test_without_yes_everybody_is_asked_once_and_stays_anonymous() -> None:
    group = Group(2, yaws={0: -25.0, 1: 25.0}).wait(2 * ASK_S + 1)
    assert group.ringed is None and group.decisions == {} and group.asking.asked == {0, 1}


def test_who_looked_aside_before_the_question_has_not_answered() -> None:
    group = Group(1, yaws={0: -30.0}).wait(3)
    assert group.ringed == 0 and group.yes() == []
    group.yaws[0] = 0.0
    group.wait(0.3)
    group.yaws[0] = -30.0
    group.wait(1)
    assert group.yes() == [Change(0, REAL)]


def test_a_glance_aside_is_no_answer() -> None:
    group = Group(1).wait(1)
    group.yaws[0] = -30.0
    group.wait(STEADY_S - 2 * FRAME_S)
    assert group.yes() == []


@pytest.mark.parametrize(("lean", "decision"), [(-0.6, REAL), (0.6, DOPPELGANGER), (0.2, ANONYMOUS)])
def test_who_cannot_turn_the_head_leans(lean: float, decision: Decision) -> None:
    group = Group(1).wait(0.5)
    group.leans[0] = lean
    group.wait(1)
    assert group.yes() == [Change(0, decision)]


def test_a_camera_that_is_moved_answers_for_nobody() -> None:
    group = Group(2).wait(0.5)
    group.leans = {0: -0.6, 1: -0.6}
    group.wait(1)
    assert group.yes() == [Change(0, ANONYMOUS)]


def test_a_camera_that_is_moved_until_the_others_are_lost_answers_for_nobody() -> None:
    group = Group(2).wait(0.5)
    group.leans, group.hidden = {0: -0.6, 1: -0.6}, {1}
    group.wait(1)
    assert group.yes() == [Change(0, ANONYMOUS)]


def test_no_takes_back_what_was_confirmed_a_moment_ago() -> None:
    """A decision is in the heads only after the frame that follows; *no* does not wait for it."""
    group = Group(2).wait(0.5)
    group.yaws[0] = -25.0
    group.wait(1)
    asking, changes = confirm(group.asking, group.now_s)
    assert changes == [Change(0, REAL)]
    asking, changes = revoke(asking, group.heads)
    assert changes == [Change(0, None)] and 0 not in asking.asked


def test_nobody_leans_for_somebody_else() -> None:
    """Whatever the others do, their shift is never taken for the ringed person's; nor does one of them who
    leans the same way take the answer away while a third stands still."""
    group = Group(3).wait(0.5)
    group.leans = {1: 0.8, 2: 0.8}
    group.wait(1)
    assert group.asking.question is not None and group.asking.question.answer is ANONYMOUS
    group.leans = {0: -0.6, 1: -0.8}
    group.wait(1)
    assert group.yes() == [Change(0, REAL)]


def test_turned_to_one_side_and_leant_to_the_other_is_straight() -> None:
    group = Group(1).wait(0.5)
    group.leans[0], group.yaws[0] = 0.6, -25.0
    group.wait(1)
    assert group.yes() == [Change(0, ANONYMOUS)]


@pytest.mark.parametrize("decision", list(Decision))
def test_who_can_move_nothing_but_a_hand_touches_a_sign(decision: Decision) -> None:
    group = Group(2).wait(0.5)
    group.touch(0, decision)
    group.wait(1)
    assert group.yes() == [Change(0, decision)]


def test_a_touch_beside_somebody_who_is_not_ringed_counts_for_nobody() -> None:
    group = Group(2).wait(0.5)
    group.touch(1, REAL)
    group.wait(1)
    assert group.yes() == [Change(0, ANONYMOUS)]
    assert group.wait(1).ringed == 1 and group.yes() == [Change(1, ANONYMOUS)]


def test_the_head_has_more_to_say_than_a_touch() -> None:
    group = Group(1).wait(0.5)
    group.touch(0, REAL)
    group.yaws[0] = 25.0
    group.wait(1)
    group.yaws[0] = 0.0
    group.wait(1)
    assert group.yes() == [Change(0, ANONYMOUS)]


def test_no_takes_everything_back_at_once_and_asks_again_who_had_decided() -> None:
    group = Group(3)
    for number in (0, 1):
        group.wait(0.5)
        group.yaws[number] = -25.0
        group.wait(1)
        group.yes()
    assert group.wait(0.5).ringed == 2 and group.decisions == {0: REAL, 1: REAL}
    assert group.no() == [Change(0, None), Change(1, None)] and group.decisions == {}
    group.yaws.clear()
    assert group.wait(0.5).ringed == 0
    assert group.wait(2 * ASK_S + 1).ringed is None  # and the third is not asked again


def test_who_is_not_found_when_yes_comes_has_not_answered() -> None:
    group = Group(1).wait(0.5)
    group.yaws[0] = -25.0
    group.wait(1)
    group.hidden = {0}
    group.wait(FRAME_S)
    assert group.yes() == []
    group.hidden = set()
    group.wait(FRAME_S)
    assert group.yes() == []  # their answer begins anew


def test_an_answer_is_not_confirmed_without_a_fresh_frame() -> None:
    group = Group(1).wait(0.5)
    group.yaws[0] = -25.0
    group.wait(1)
    group.now_s += 0.5
    assert group.yes() == []


def test_who_becomes_another_track_is_asked_again() -> None:
    group = Group(1).wait(1)
    group.yes()
    assert group.wait(0.5).ringed is None
    heads = [replace(group.heads[0], number=9, decision=None)]
    asking = look(group.asking, heads, group.now_s + FRAME_S)
    assert asking.question is not None and asking.question.number == 9


# --- any course of things ---

PEOPLE = 3
moves = st.one_of(
    st.tuples(st.just("yaw"), st.integers(0, PEOPLE - 1), st.floats(-40, 40)),
    st.tuples(st.just("lean"), st.integers(0, PEOPLE - 1), st.floats(-1, 1)),
    st.tuples(st.just("hide"), st.integers(0, PEOPLE - 1), st.booleans()),
    st.tuples(st.just("touch"), st.integers(0, PEOPLE - 1), st.sampled_from(Decision)),
    st.tuples(st.just("yes"), st.just(0), st.just(None)),
    st.tuples(st.just("no"), st.just(0), st.just(None)),
)
courses = st.lists(st.tuples(st.integers(1, 15), moves), max_size=20)


def lived(course: list[tuple[int, tuple]], still: frozenset[int] = frozenset()) -> Iterator[Group]:
    """The group after each move of a course; who is still does neither turn nor lean.
    *No* leaves no decision in any of them."""
    group = Group(PEOPLE)
    for frames, (what, number, value) in course:
        if what in ("yaw", "lean") and number not in still:
            (group.yaws if what == "yaw" else group.leans)[number] = value
        elif what == "hide":
            (group.hidden.add if value else group.hidden.discard)(number)
        elif what == "touch":
            group.touch(number, value)
        elif what == "yes":
            group.yes()
        elif what == "no":
            group.no()
            assert group.decisions == {}
        group.wait(frames * FRAME_S)
        yield group


@settings(max_examples=40)
@given(courses)
def test_only_ones_own_head_or_touch_makes_one_visible(course: list[tuple[int, tuple]]) -> None:
    """Who never turns, leans or is touched beside is never shown, whatever the others do."""
    without_touch = [each for each in course if each[1][0] != "touch"]
    for quiet in range(PEOPLE):
        for group in lived(without_touch, frozenset({quiet})):
            assert group.decisions.get(quiet) in (None, ANONYMOUS)


@settings(max_examples=40)
@given(courses)
def test_a_decision_to_be_seen_is_what_ones_own_head_said_all_the_time(
    course: list[tuple[int, tuple]],
) -> None:
    said: list[tuple[float, dict[int, float | None]]] = []  # times and yaws; None: not found
    group = Group(PEOPLE)
    for frames, (what, number, value) in course:
        if what == "yaw":
            group.yaws[number] = value
        elif what == "hide":
            (group.hidden.add if value else group.hidden.discard)(number)
        elif what == "yes":
            for change in group.yes():
                if change.decision in (REAL, DOPPELGANGER):
                    sign = 1 if change.decision is DOPPELGANGER else -1
                    begun_s = group.now_s - STEADY_S + 1e-6
                    lately = [yaws[change.number] for at_s, yaws in said if at_s >= begun_s]
                    assert len(lately) >= STEADY_S / FRAME_S - 1
                    least_deg = STRAIGHT_SHARE * TURNED_DEG
                    assert all(yaw is not None and sign * yaw >= least_deg for yaw in lately)
        for _ in range(frames):
            group.wait(FRAME_S)
            yaws = {n: None if n in group.hidden else group.yaws.get(n, 0.0) for n in range(PEOPLE)}
            said.append((group.now_s, yaws))


@settings(max_examples=40)
@given(courses)
def test_without_yes_nobody_decides(course: list[tuple[int, tuple]]) -> None:
    for group in lived([each for each in course if each[1][0] != "yes"]):
        assert group.changes == []
