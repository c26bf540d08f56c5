"""What a phone gets: film, pair, card and figures of one crossing; and a late film holds up no link."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.border.difference import identical_share
from engine.pipeline.result import PortrayalResult
from installation.app import downloads
from installation.app.downloads import Downloads, take_home_pictures
from installation.delivery import card
from installation.delivery.pictures import TakeHomePictures
from installation.settings.texts import FALLBACK, Texts
from installation.stage.canvas import Canvas
from installation.visit.parameters import DeliveryParameters
from installation.workers.film_worker import FilmWorker
from tests.support.visit_record import make_result, make_strip

ENGLISH = Texts.load(FALLBACK)
EVERYTHING = DeliveryParameters(gives="everything")


class NotedDelivery:
    """A delivery that notes what it is offered."""

    def __init__(self) -> None:
        self.offered: list[TakeHomePictures] = []

    def offer(self, pictures: TakeHomePictures, agreed: DeliveryParameters | None) -> None:
        self.offered.append(pictures)

    def poll(self) -> Sequence[object]:
        return ()


@pytest.fixture
def delivery() -> Any:
    return NotedDelivery()


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> list[PortrayalResult]:
    """The results that films are asked of; none is finished before its test is."""
    asked: list[PortrayalResult] = []
    monkeypatch.setattr(FilmWorker, "begin", lambda _, result, *more, **named: asked.append(result))
    monkeypatch.setattr(FilmWorker, "done", property(lambda _: not asked))
    monkeypatch.setattr(FilmWorker, "drop", lambda _: asked.clear())
    return asked


def result_with_nearest() -> PortrayalResult:
    """Its two continua have nothing in common."""
    nearest = make_strip(border_t=0.15)
    flipped = np.ascontiguousarray(nearest.pictures[:, ::-1])
    return make_result(make_strip(), replace(nearest, pictures=flipped))


def test_film_pair_card_and_figures_are_of_one_crossing(
    delivery: Any, films: list[PortrayalResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = result_with_nearest()
    Downloads(delivery, False, 1.0).begin_film(result, "en", True, EVERYTHING)
    given = take_home_pictures(1, result, ENGLISH, True, None)
    (asked,) = films
    assert result.nearest is not None and given.pair is not None and given.match is not None
    assert asked.crossing.border_pair is not None
    for side, in_film, of_nearest in zip(
        given.pair, asked.crossing.border_pair, result.nearest.border_pair or (), strict=True
    ):
        assert np.array_equal(side, in_film) and np.array_equal(side, of_nearest)
    assert np.array_equal(given.match, asked.crossing.pictures[-1])
    assert asked.doppelganger is result.doppelganger and given.doppelganger is result.doppelganger
    written: list[str] = []
    monkeypatch.setattr(Canvas, "text", lambda _, words, *more, **named: written.append(words))
    card.draw(given, ENGLISH)
    assert ENGLISH.share(identical_share(*given.pair)) in " ".join(written)
    assert result.median.border_pair is not None  # the control: of the other crossing the share is another
    assert identical_share(*result.median.border_pair) != identical_share(*given.pair)


def test_a_film_is_made_only_for_a_phone_that_may_have_it(
    delivery: Any, films: list[PortrayalResult]
) -> None:
    alone = DeliveryParameters(gives="doppelganger")
    for agreed in (None, alone):
        Downloads(delivery, False, 1.0).begin_film(result_with_nearest(), "en", True, agreed)
    Downloads(None, False, 1.0).begin_film(result_with_nearest(), "en", True, EVERYTHING)
    assert films == []


def test_a_link_waits_for_the_film_and_not_for_a_late_one(
    delivery: Any, films: list[PortrayalResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    result, offering = result_with_nearest(), Downloads(delivery, False, 1.0)
    offering.begin_film(result, "en", True, EVERYTHING)
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    assert not offering.offer(1, result, ENGLISH, True, EVERYTHING) and not delivery.offered
    now_s += downloads.FILM_LIMIT_S + 1
    assert offering.offer(1, result, ENGLISH, True, EVERYTHING)
    (offered,) = delivery.offered
    assert offered.film is None and offered.pair is not None
    assert films == []  # given up
