"""Everything of one visitor that the window's process holds, in one object that is replaced as a whole."""

from dataclasses import dataclass

from engine.pipeline.result import PortrayalResult
from installation.stage.view import Link, SearchStatus
from installation.visit.parameters import DeliveryParameters


@dataclass
class VisitorData:
    """What the session knows of the visitor. Tracker, engine, film worker and delivery erase their own data.

    agreed: the delivery's parameters as the consent screen described them. download_due: the pictures are to
    be offered once result and film are complete. link_ended: the link was there, and is no longer valid.
    """

    agreed: DeliveryParameters | None = None
    search: SearchStatus | None = None
    result: PortrayalResult | None = None
    download_due: bool = False
    link: Link | None = None
    link_ended: bool = False

    def erased(self) -> "VisitorData":
        """What remains when the visit is erased: the link, whose remaining time farewell still shows."""
        return VisitorData(link=self.link, link_ended=self.link_ended)
