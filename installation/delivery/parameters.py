"""What curators can turn about the delivery while it runs."""

from typing import ClassVar, Literal

from pydantic import Field

from installation.settings.parameters import Parameters


class DeliveryParameters(Parameters):
    """What a visitor's phone gets, for how long, and how much the server puts up with."""

    scene: ClassVar[str] = "delivery"

    gives: Literal["everything", "doppelganger"] = Field(
        "everything", description="also the border's pair and the film, or the doppelgänger alone"
    )
    life_s: float = Field(600, ge=60, le=3600, description="how long a link lives")
    saves: int = Field(20, ge=1, le=1000, description="files saved through one link, then it is spent")
    misses_per_minute: int = Field(
        60, ge=1, le=10_000, description="wrong links one address may try before it is turned away"
    )
    connections: int = Field(2000, ge=10, le=20_000, description="connections at once, in all")
    connections_per_address: int = Field(
        64, ge=6, le=20_000, description="connections at once from one address; a phone opens up to six"
    )
