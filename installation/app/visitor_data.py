"""Everything of one visitor that the window's process holds, in one object that is replaced as a whole."""

from dataclasses import dataclass

from engine.pipeline.result import PortrayalResult
from engine.runtime.messages import RigReady, Words
from installation.app.gathering import Gathering
from installation.app.meeting import Meeting
from installation.stage.view import GroupView, Link, SearchStatus
from installation.visit.parameters import DeliveryParameters


@dataclass
class VisitorData:
    """What the session knows of the visitor. Tracker, engine, film worker and delivery erase their own data.

    agreed: the delivery's parameters as the consent screen described them. may_meet: whether it said that
    expression is followed. says: what the doppelgänger is to say to them. rig: of the doppelgänger, and how
    far it may go. gathering: several people who are asked. group: their portrait. download_due: the pictures
    are to be offered once result and film are complete. link_ended: the link was there, and is no longer
    valid.
    """

    agreed: DeliveryParameters | None = None
    search: SearchStatus | None = None
    result: PortrayalResult | None = None
    may_meet: bool = False
    says: Words | None = None
    rig: RigReady | None = None
    meeting: Meeting | None = None
    gathering: Gathering | None = None
    group: GroupView | None = None
    download_due: bool = False
    link: Link | None = None
    link_ended: bool = False

    @property
    def may_record(self) -> bool:
        """Whether the consent screen said that seconds of the meeting are in the film for their phone."""
        agreed = self.agreed
        return (
            self.may_meet and agreed is not None and agreed.meeting_in_film and agreed.gives == "everything"
        )

    def end_meeting(self) -> None:
        """Drops what moves the doppelgänger."""
        if self.meeting is not None:
            self.meeting.erase()
        self.meeting = self.rig = None

    def erased(self) -> "VisitorData":
        """What remains when the visit is erased: the link, whose remaining time farewell still shows."""
        self.end_meeting()
        return VisitorData(link=self.link, link_ended=self.link_ended)
