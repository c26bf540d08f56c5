"""What of a frame becomes an event, and what is not worth a message."""

from dataclasses import replace
from itertools import pairwise

import pytest

from installation.control.protocol.packets import Argument
from installation.control.show.feedback import Feedback
from installation.control.show.frame_status import FrameStatus
from installation.control.show.status_publisher import StatusPublisher
from installation.settings.phase import Phase
from installation.workers.error_log_throttle import ErrorLogThrottle
from tests.support.judge_kit import verdict


class RecordingFeedback(Feedback):
    """Remembers the events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, tuple[Argument, ...]]] = []

    def announce(self, address: str, *arguments: Argument) -> None:
        self.events.append((address, arguments))
        super().announce(address, *arguments)


@pytest.fixture
def feedback() -> RecordingFeedback:
    return RecordingFeedback()


def publish(feedback: Feedback, frames: list[FrameStatus]) -> None:
    publisher = StatusPublisher(feedback, ErrorLogThrottle("osc"), 0.0)
    publisher.publish(frames[0], None, 1, 0.0)
    for number, (before, status) in enumerate(pairwise(frames), start=1):
        publisher.publish(status, before, 1, number / 60)


SAME = FrameStatus(Phase.BORDER, t=0.8, verdict=verdict(0.5))
OTHER = replace(SAME, t=0.7, verdict=verdict(0.7))


def test_each_crossing_of_a_visit_is_announced_once(feedback: RecordingFeedback) -> None:
    publish(feedback, [SAME, SAME, OTHER, OTHER, SAME])
    assert feedback.events == [("/border/crossed", (0, 0.7)), ("/border/crossed", (1, 0.8))]


def test_people_in_attract_cross_nothing(feedback: RecordingFeedback) -> None:
    publish(feedback, [replace(each, phase=Phase.ATTRACT) for each in (SAME, OTHER, SAME)])
    assert feedback.events == []


@pytest.mark.parametrize("phase", [Phase.ATTRACT, Phase.SEARCH, Phase.JURY])
def test_a_cue_on_the_crossing_is_for_that_of_the_border_alone(
    phase: Phase, feedback: RecordingFeedback
) -> None:
    """Neither for the people in attract, nor for the median way in search and jury."""
    publish(feedback, [replace(SAME, phase=phase), replace(OTHER, phase=phase), OTHER])
    assert feedback.events == []
    publish(feedback, [SAME, OTHER])
    assert feedback.events == [("/border/crossed", (0, 0.7))]
