"""Taking the doppelgänger home by phone: a process of its own that faces the visitors' phones.

    stage                                   delivery process
    client.Delivery  -- Parcel, revoke -->  package -> links -> server  -->  phones
                     <-- Offered, Saved --

The process is handed finished pictures only, and keeps them in memory only. It outlives the stage for as long
as a link lives; both sides take the other's restart. docs/network.md and docs/privacy.md tell more.
"""

from installation.delivery.client import Delivery
from installation.delivery.messages import Ended, Forgotten, Lost, News, Offered, Saved, Unreachable
from installation.delivery.parameters import DeliveryParameters
from installation.delivery.parcel import Parcel, Saying

__all__ = [
    "Delivery",
    "DeliveryParameters",
    "Ended",
    "Forgotten",
    "Lost",
    "News",
    "Offered",
    "Parcel",
    "Saved",
    "Saying",
    "Unreachable",
]
