"""Parameters that scenes and services share: the visit's times, the capture of the portrait, the delivery.

A scene's own parameters are declared in the scene's file. The classes here are read by scenes as well as by
the state machine, the tracker or the delivery, so they live below all of these.
"""

import math
from typing import ClassVar, Literal

from pydantic import Field

from installation.settings.parameters import Parameters
from installation.settings.phase import Phase


class Timeouts(Parameters):
    """How long the visit waits, and for what. Each phase but attract ends by a time of its own name."""

    scene: ClassVar[str] = "visit"

    hold_s: float = Field(2, ge=0.3, le=5, description="how long *yes* is held to agree")
    double_tap_s: float = Field(
        0, ge=0, le=2, description="two taps on *yes* within this time agree, too; 0: they do not"
    )
    consent_s: float = Field(45, ge=20, le=300, description="the question, at most; a touch restarts it")
    portrait_s: float = Field(60, ge=20, le=300, description="the mirror, at most")
    countdown_s: float = Field(3, ge=0, le=10, description="how long a face is usable before it is taken")
    lapse_s: float = Field(0.5, ge=0, le=2, description="unusable for less than this, the countdown goes on")
    gathering_s: float = Field(
        180, ge=20, le=900, description="in place of the mirror: several people are asked, at most"
    )
    search_s: float = Field(300, ge=10, le=1800, description="the search, at most")
    silence_s: float = Field(30, ge=5, le=300, description="the search without a sign of the engine, at most")
    nearest_s: float = Field(
        90,
        ge=0,
        le=600,
        description="the search for the nearest picture, at most; then the best so far is shown",
    )
    border_s: float = Field(30, ge=5, le=300, description="the border and its crossings")
    jury_s: float = Field(
        22, ge=5, le=120, description="the judges' borders, their verdicts on the picture, and the witness"
    )
    meeting_s: float = Field(
        20,
        ge=0,
        le=120,
        description="the doppelgänger moves as the visitor does; 0: never, and no expression is followed",
    )
    doppelganger_s: float = Field(
        60,
        ge=20,
        le=300,
        description="the picture and its link; a touch restarts it, and so does the link when it comes",
    )
    farewell_s: float = Field(10, ge=3, le=60, description="what has been erased")
    left_s: float = Field(8, ge=4, le=60, description="no face for this long: the visitor has left")
    left_doppelganger_s: float = Field(
        20, ge=5, le=120, description="the same in doppelganger, where a raised phone hides the face"
    )

    def of(self, phase: Phase) -> float:
        """The phase's own time in seconds; infinite for attract."""
        return math.inf if phase is Phase.ATTRACT else float(getattr(self, f"{phase}_s"))


class CaptureParameters(Parameters):
    """What the mirror asks for, and how the portrait is taken."""

    scene: ClassVar[str] = "portrait_taking"

    take_s: float = Field(0.7, ge=0.1, le=3, description="for how long frames are gathered for the portrait")
    frames: int = Field(
        5, ge=1, le=16, description="frames kept; the best is portrayed, all are the judges' reference"
    )
    far_share: float = Field(
        0.12,
        ge=0.02,
        le=0.4,
        description="a face less wide than this share of the picture's shorter side: nearer",
    )
    near_share: float = Field(
        0.45,
        ge=0.2,
        le=0.9,
        description="a face wider than this share of the picture's shorter side: farther",
    )
    outside_share: float = Field(
        0.15,
        ge=0,
        le=0.5,
        description="how much of the portrait's side may lie outside of the picture and be made up",
    )
    turned_deg: float = Field(25, ge=5, le=40, description="a head turned aside by more: look here")
    words_s: float = Field(0.4, ge=0, le=3, description="for how long something is wrong before words say so")


class MeetingParameters(Parameters):
    """The doppelgänger as a mirror."""

    scene: ClassVar[str] = "meeting"

    verdicts: bool = Field(True, description="whether the judges' verdicts stand beside the face")
    headline: str = Field(
        "", max_length=60, description="while it does what the visitor does; empty: the language's own"
    )
    speaks: bool = Field(
        True,
        description="whether it says a sentence; without speech or volume it is only written",
    )
    sentence: str = Field(
        "", max_length=60, description="what it says to the next visitor; empty: the language's own"
    )


class GatheringParameters(Parameters):
    """Several people, of whom each decides about their own face."""

    scene: ClassVar[str] = "gathering"

    most_people: int = Field(6, ge=2, le=6, description="with more people nobody is asked")
    ask_s: float = Field(15, ge=5, le=60, description="who has said nothing for this long stays anonymous")
    signs: bool = Field(
        False,
        description="whether the answers can be touched beside the ring, too: anybody who reaches the screen "
        "can then answer for whoever is ringed, so only with staff beside it",
    )
    follow_s: float = Field(0.12, ge=0, le=1, description="how slowly the ring follows a head")


class DecodersParameters(Parameters):
    """Two decoders learn two people who do not exist, in front of everybody."""

    scene: ClassVar[str] = "decoders"

    shown: bool = Field(
        False, description="whether they learn while nobody takes part, and are what attract shows"
    )
    people_s: float = Field(
        300, ge=60, le=86400, description="how long the same two people are learned; then two others are"
    )
    sentence_s: float = Field(8, ge=3, le=60, description="how long each sentence is there")
    curve: bool = Field(True, description="whether a line shows how far off they have been so far")
    headline: str = Field("", max_length=60, description="the headline; empty: the language's own")


class DoppelgangerParameters(Parameters):
    """The picture, its code, and what there is to answer."""

    scene: ClassVar[str] = "doppelganger"

    reach: float = Field(
        0,
        ge=0,
        le=1,
        description="the next visitor's: 0, as like them as can be and just beyond the border of the binding "
        "judges; to 1, less like them and beyond the border of more judges",
    )
    alone_s: float = Field(
        5, ge=0, le=20, description="the picture with its sentence, before the code stands beside it"
    )
    ground: int = Field(216, ge=150, le=255, description="grey of the field that the code stands on")
    making_s: float = Field(
        15, ge=0, le=120, description="without a link for this long, nothing is said of taking it home"
    )
    choice: bool = Field(True, description="whether *I have it* and *forget now* are offered")
    headline: str = Field("", max_length=80, description="the headline; empty: the language's own")


class DeliveryParameters(Parameters):
    """What a visitor's phone gets, for how long, and how much the server puts up with."""

    scene: ClassVar[str] = "delivery"

    gives: Literal["everything", "doppelganger"] = Field(
        "everything", description="also the border's pair and the film, or the doppelgänger alone"
    )
    meeting_in_film: bool = Field(
        True, description="whether six seconds of the meeting, as the visitor moved it, are in the film"
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
