"""What all scenes have in common: the stage's parameters, colours, easing, and how numbers are written."""

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from pydantic import Field, field_validator

from installation.settings.parameters import Colour as ColourCode
from installation.settings.parameters import Parameters
from installation.settings.texts import languages
from installation.stage.typesetting import Colour
from installation.stage.view import View


class StageParameters(Parameters):
    """What holds in every scene."""

    scene: ClassVar[str] = "stage"

    language: str = Field(
        "", max_length=8, description="the language of all words (en, de); empty: visitors choose"
    )
    light_percent: float = Field(
        100, ge=10, le=100, description="of the whole screen, as a dimmer on a lamp: darker rooms need less"
    )
    reduced_motion: bool = Field(False, description="stills instead of rides, and nothing breathes")
    ink: ColourCode = Field("#ffffff", description="of words and signs that matter")
    quiet_ink: ColourCode = Field("#a8a8a8", description="of words and lines in second place")
    ease_s: float = Field(0.8, ge=0, le=3, description="how long words take to come and go")
    breath_s: float = Field(5, ge=2, le=20, description="from one breath of the light to the next")
    breath_percent: float = Field(8, ge=0, le=30, description="how much darker the light gets in a breath")

    glow_s: float = Field(
        14, ge=4, le=60, description="the quiet light, seen where no face is, from disc to ring and back"
    )
    glow_percent: float = Field(60, ge=10, le=100, description="how bright the quiet light is")

    @field_validator("language")
    @classmethod
    def _known(cls, language: str) -> str:
        if language and language not in languages():
            raise ValueError(f"there are {', '.join(languages())}, and empty")
        return language


@dataclass(frozen=True)
class Look:
    """The stage's parameters as scenes use them in one frame.

    coming: the light of what comes when the scene begins, 0 to 1. passing: the same, and it goes when the
    scene's time is over; for scenes that nothing prolongs. breath: the light of what breathes. glow: the
    brightness of the quiet light, 0 to 1. ring: how much of a ring it is, 0 to 1.
    """

    ink: Colour
    quiet: Colour
    reduced: bool
    coming: float
    passing: float
    breath: float
    glow: float
    ring: float


def look(view: View) -> Look:
    """The look of this frame."""
    stage = view.registry.of(StageParameters)
    coming = ease(view.elapsed_s, stage.ease_s)
    depth = 0.0 if stage.reduced_motion else stage.breath_percent / 100
    return Look(
        ink=rgb(stage.ink),
        quiet=rgb(stage.quiet_ink),
        reduced=stage.reduced_motion,
        coming=coming,
        passing=min(coming, ease(view.lasts_s - view.elapsed_s, stage.ease_s)),
        breath=1 - depth * _swing(view.elapsed_s / stage.breath_s),
        glow=stage.glow_percent / 100 * coming,
        ring=0.35 if stage.reduced_motion else _swing(view.now_s / stage.glow_s),
    )


def screen_light(view: View) -> float:
    """The light of the whole screen, 0 to 1."""
    return view.registry.of(StageParameters).light_percent / 100


def _swing(turns: float) -> float:
    """From 0 to 1 and back in each turn."""
    return (1 - math.cos(2 * math.pi * turns)) / 2


@cache
def rgb(code: str) -> Colour:
    """`#rrggbb` as numbers."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def smooth(x: float) -> float:
    """Ease in and out: from 0 to 1 with no speed at both ends."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def ease(elapsed_s: float, lasts_s: float) -> float:
    """`smooth` of the share of a time that is over; 1 where it takes no time."""
    return smooth(elapsed_s / lasts_s) if lasts_s > 0 else 1.0


def words(view: View, key: str, **values: object) -> str:
    """The line of a key, as it is for this visit's sitter."""
    return view.text.about(exists(view), key, **values)


def exists(view: View) -> bool:
    """Whether the sitter does."""
    return not view.visit.is_synthetic


def number(view: View, value: float, decimals: int) -> str:
    """A number as the language writes it."""
    return view.text.number(value, decimals)
