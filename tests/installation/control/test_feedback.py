"""Feedback without a network: leases, renewals, values that cannot be sent."""

from installation.control.protocol.packets import (
    Message,
    parse,
)
from installation.control.show.feedback import Feedback


class Ear:
    """A peer that remembers what it was told."""

    host = "127.0.0.1"
    alive = True
    is_reached = True

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, packet: bytes) -> bool:
        if not self.is_reached:
            return False
        self.heard += [message for each in parse(packet) for message in each.messages]
        return True

    def at_port(self, port: int) -> "Ear":
        return self

    def take(self) -> list[str]:
        """The addresses heard since the last time."""
        heard, self.heard = [each.address for each in self.heard], []
        return heard


def test_who_subscribes_again_within_its_lease_hears_everything_anew_and_who_renews_does_not() -> None:
    feedback, ear = Feedback(), Ear()
    feedback.update("/a", 1, now_s=0)
    for now_s, told in ((0.0, True), (5.0, False), (10.0, False), (19.9, False), (29.9, True), (31.0, False)):
        assert feedback.subscribe(ear, ear, now_s, now_s + 600)
        feedback.flush(now_s)
        assert ear.take() == (["/a"] if told else []), now_s
    feedback.flush(700.0)
    assert len(feedback) == 0


def test_what_cannot_be_sent_waits_for_the_network_the_newest_of_each() -> None:
    feedback, ear = Feedback(), Ear()
    ear.is_reached = False
    feedback.update("/a", 1, now_s=0)
    feedback.update("/b", 1, now_s=0)
    feedback.subscribe(ear, ear, 0.0, 600.0)
    feedback.flush(0.0)
    feedback.update("/a", 2, now_s=1)
    feedback.flush(1.0)
    ear.is_reached = True
    feedback.flush(3.0)
    assert ear.heard == [Message("/a", (2,)), Message("/b", (1,))]
    feedback.flush(9.0)
    assert len(ear.heard) == 2, "once"


def test_who_moves_a_fader_hears_where_it_ended_up_once_it_rests() -> None:
    feedback, hand, other = Feedback(), Ear(), Ear()
    for ear in (hand, other):
        feedback.subscribe(ear, ear, 0.0, 600.0)
    for step in range(40):
        feedback.publish("/a", step, now_s=step / 50, source=hand)
        feedback.flush(step / 50)
    assert hand.take() == [] and len(other.take()) == 40
    feedback.flush(0.9)
    assert hand.heard == [Message("/a", (39,))] and other.heard == []


def test_a_lease_neither_silences_nor_outlives_what_is_listened_to() -> None:
    feedback, ear = Feedback(), Ear()
    for address in ("/a", "/b"):
        feedback.update(address, 1, now_s=0)
    feedback.listen(ear, "/a", True)
    feedback.flush(0.0)
    assert ear.take() == ["/a"]
    feedback.subscribe(ear, ear, 1.0, 2.0)
    feedback.flush(1.0)
    assert ear.take() == ["/a", "/b"]
    for now_s, end in ((2.0, lambda: feedback.flush(2.0)), (4.0, lambda: feedback.unsubscribe(ear))):
        end()
        for address in ("/a", "/b"):
            feedback.publish(address, 2, now_s=now_s)
        feedback.flush(now_s + 0.5)
        assert ear.take() == ["/a"]
        feedback.subscribe(ear, ear, now_s + 1, 60.0)
        feedback.flush(now_s + 1)
        assert ear.take() == ["/a", "/b"]
    feedback.unsubscribe(ear)
    feedback.listen(ear, "/a", False)
    feedback.publish("/a", 3, now_s=6.0)
    feedback.flush(7.0)
    assert ear.take() == [] and len(feedback) == 0
