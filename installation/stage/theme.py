"""What all scenes have in common: the stage's parameters, colours, easing, and text for the sitter."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from engine.common.errors import UsageError
from installation.settings.parameters import Choices, Parameters
from installation.settings.parameters import Colour as ColourCode
from installation.settings.texts import Texts, languages
from installation.stage.typesetting import Colour
from installation.stage.view import View


class StageParameters(Parameters):
    """What holds in every scene."""

    scene: ClassVar[str] = "stage"

    language: Annotated[str, Choices("", *languages())] = Field(
        "", description="the language of all words; empty: visitors choose"
    )
    light_percent: float = Field(
        100, ge=10, le=100, description="of the whole screen, as a dimmer on a lamp: darker rooms need less"
    )
    reduced_motion: bool = Field(False, description="stills instead of rides, and nothing breathes")
    ink: ColourCode = Field("#ffffff", description="of words and signs that matter")
    quiet_ink: ColourCode = Field("#a8a8a8", description="of words and lines in second place")
    ease_s: float = Field(0.8, ge=0, le=3, description="how long words take to come and go")
    away_s: float = Field(
        2,
        ge=0.5,
        le=60,
        description="a visitor not seen for this long: the pictures of their face fade out",
    )
    breath_s: float = Field(5, ge=2, le=20, description="from one breath of the light to the next")
    breath_percent: float = Field(8, ge=0, le=30, description="how much darker the light gets in a breath")

    glow_s: float = Field(
        14, ge=4, le=60, description="the quiet light, seen where no face is, from disc to ring and back"
    )
    glow_percent: float = Field(60, ge=10, le=100, description="how bright the quiet light is")

    @field_validator("language")
    @classmethod
    def _known(cls, language: str) -> str:
        try:
            return Texts.load(language).language if language else ""
        except UsageError as fault:
            raise ValueError(str(fault).rstrip(".")) from None


@dataclass(frozen=True)
class Theme:
    """Colours and brightnesses of one frame, computed from the stage's parameters and the time.

    ink, quiet_ink: RGB colours of primary and of secondary text and signs. reduced_motion: stills instead of
    continuous motion. The rest are factors from 0 to 1. fade_in: rises when the scene begins. fade: the same,
    and falls when the scene's time ends (for scenes of a fixed duration). breath: slow periodic dimming.
    glow: brightness of the idle glow. ring: its shape, from a disc (0) to a ring (1).
    """

    ink: Colour
    quiet_ink: Colour
    reduced_motion: bool
    fade_in: float
    fade: float
    breath: float
    glow: float
    ring: float


def theme_of(view: View) -> Theme:
    """The theme of this frame."""
    stage = view.parameters.of(StageParameters)
    fade_in = ease(view.elapsed_s, stage.ease_s)
    depth = 0.0 if stage.reduced_motion else stage.breath_percent / 100
    return Theme(
        ink=rgb(stage.ink),
        quiet_ink=rgb(stage.quiet_ink),
        reduced_motion=stage.reduced_motion,
        fade_in=fade_in,
        fade=min(fade_in, ease(view.duration_s - view.elapsed_s, stage.ease_s)),
        breath=1 - depth * _swing(view.elapsed_s / stage.breath_s),
        glow=stage.glow_percent / 100 * fade_in,
        ring=0.35 if stage.reduced_motion else _swing(view.now_s / stage.glow_s),
    )


def screen_light(view: View) -> float:
    """Brightness of the whole screen, 0 to 1."""
    return view.parameters.of(StageParameters).light_percent / 100


def _swing(turns: float) -> float:
    """Raised cosine: from 0 to 1 and back to 0 in each turn."""
    return (1 - math.cos(2 * math.pi * turns)) / 2


@cache
def rgb(code: str) -> Colour:
    """`#rrggbb` as (red, green, blue), each 0 to 255."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def smooth(x: float) -> float:
    """Smoothstep: `x` clamped to 0..1, with zero slope at both ends."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def ease(elapsed_s: float, duration_s: float) -> float:
    """Smoothstep over a duration: 0 before it, 1 after it; always 1 for a duration of 0."""
    return smooth(elapsed_s / duration_s) if duration_s > 0 else 1.0


def sitter_text(view: View, key: str, **values: object) -> str:
    """The text of a key, in its variant for a real or a synthetic sitter."""
    return view.text.for_sitter(sitter_exists(view), key, **values)


def sitter_exists(view: View) -> bool:
    """Whether the sitter is a real person, not a synthetic one."""
    return not view.visit.is_synthetic


def format_number(view: View, value: float, decimals: int) -> str:
    """A number with the language's decimal mark."""
    return view.text.number(value, decimals)
