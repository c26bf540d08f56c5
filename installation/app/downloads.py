"""The pictures for the visitor's phone: when they are complete, they are handed to the delivery."""

import logging
import time
from collections.abc import Sequence

from engine.pipeline.result import PictureKind, PortrayalResult
from installation.delivery.captions import captions
from installation.delivery.client import DeliveryClient
from installation.delivery.messages import LinkEvent, Lost, Offered, Unreachable
from installation.delivery.pictures import TakeHomePictures
from installation.outputs.films.meeting_film import DURATION_S, RecordedMeeting
from installation.outputs.group.marking import source_type_of
from installation.settings.texts import Texts
from installation.stage.view import GroupView
from installation.visit.parameters import DeliveryParameters
from installation.workers.film_worker import FilmWorker
from installation.workers.supervision import Condition

log = logging.getLogger(__name__)

FILM_LIMIT_S = 10.0
"""How long a link waits for a film that is late; then it goes without. Less than `doppelganger/making_s`."""


class Downloads:
    """Joins the film worker and the delivery. `delivery` None: there are no downloads.

    lock_step: waits for the film and for the delivery's answer, at most `limit_s`, so that nothing depends on
    the speed of the machine.
    """

    def __init__(self, delivery: DeliveryClient | None, lock_step: bool, limit_s: float) -> None:
        self._delivery, self._lock_step, self._limit_s = delivery, lock_step, limit_s
        self._film_worker = FilmWorker()
        self._awaits_answer = False
        self._film_limit_s: float | None = None  # when the link stops waiting for the film

    @property
    def available(self) -> bool:
        """Whether pictures can be downloaded at all."""
        return self._delivery is not None

    def begin_film(
        self,
        result: PortrayalResult,
        language: str,
        is_real: bool,
        agreed: DeliveryParameters | None,
        meets: bool = False,
    ) -> None:
        """Starts on the film of a complete result's crossing, if the visitor's phone may have it.

        is_real: whether the sitter is a real person.
        agreed: what the consent screen said about downloads.
        meets: the film ends with seconds of the meeting, and waits for `finish_film`.
        """
        if self._delivery and agreed and agreed.gives == "everything":
            self._film_worker.begin(result.crossing_alone(), language, not is_real, meets)

    def begin_group_film(self, group: GroupView, language: str, agreed: DeliveryParameters | None) -> None:
        """Starts on the film of a group portrait, if their phones may have it; see `begin_film`."""
        if self._delivery and agreed and agreed.gives == "everything":
            self._film_worker.begin_group(group, language)

    def finish_film(self, meeting: RecordedMeeting | None) -> None:
        """What the film shows of the meeting, which is over; None: nothing."""
        if meeting is not None:
            log.info("the film shows %.0f s of the meeting", DURATION_S)
        self._film_worker.finish(meeting)

    def offer(
        self,
        visit_id: int,
        result: PortrayalResult,
        text: Texts,
        is_real: bool,
        agreed: DeliveryParameters | None,
    ) -> bool:
        """Offers the pictures if the film is done; returns whether it has done so.

        A film that is not there within `FILM_LIMIT_S` of the first call is given up.

        is_real: whether the sitter is a real person.
        agreed: what the consent screen said about downloads.
        """
        if self._delivery is None or not self._film_settled(visit_id):
            return False
        film = self._film_worker.film
        self._delivery.offer(take_home_pictures(visit_id, result, text, is_real, film), agreed)
        self._awaits_answer = self._lock_step
        return True

    def offer_group(
        self, visit_id: int, group: GroupView, text: Texts, agreed: DeliveryParameters | None
    ) -> bool:
        """Offers a group portrait as `offer` does a result; returns whether it has done so."""
        if self._delivery is None or not self._film_settled(visit_id):
            return False
        film = self._film_worker.film
        pictures = TakeHomePictures(
            visit_id,
            text.language,
            group.picture,
            film=film,
            is_group=True,
            source_type=source_type_of(group.faces),
        )
        self._delivery.offer(pictures, agreed)
        self._awaits_answer = self._lock_step
        return True

    def _film_settled(self, visit_id: int) -> bool:
        """Whether the film is done, or was given up because it is late."""
        if self._lock_step:
            self._film_worker.wait()
        if self._film_limit_s is None:
            self._film_limit_s = time.monotonic() + FILM_LIMIT_S
        if not self._film_worker.done:
            if time.monotonic() < self._film_limit_s:
                return False
            log.warning("visit %d: the film is late, the phone gets the pictures without it", visit_id)
            self._film_worker.drop()
        return True

    def poll(self) -> Sequence[LinkEvent]:
        """The delivery's events since the last frame; in lock step an offer's answer is waited for."""
        if self._delivery is None:
            return ()
        events = self._delivery.poll()
        limit_s = time.monotonic() + self._limit_s
        while self._awaits_answer and time.monotonic() < limit_s:
            if any(isinstance(each, Offered | Unreachable | Lost) for each in events):
                break
            if self._delivery.health.condition in (Condition.WAITING, Condition.FAILED):
                break
            time.sleep(0.02)
            events += self._delivery.poll()
        self._awaits_answer = False
        return events

    def erase(self, visit_id: int, link_shown: bool) -> None:
        """Drops the film, and the offered pictures if nobody has seen their code."""
        if self._delivery and not link_shown:
            self._delivery.revoke(visit_id)
        self._film_worker.drop()
        self._film_limit_s = None


def take_home_pictures(
    visit_id: int, result: PortrayalResult, text: Texts, is_real: bool, film: bytes | None
) -> TakeHomePictures:
    """What the visitor's phone gets of a result, with the words for it."""
    picture, kind = result.picture_to_take_home
    return TakeHomePictures(
        visit_id=visit_id,
        language=text.language,
        doppelganger=picture,
        enlarged=result.enlarged,
        match=result.match,
        captions=captions(result, text, is_real),
        pair=result.crossing.border_pair,
        film=film,
        same=kind is PictureKind.SAME,
        is_real=is_real,
    )
