"""The registry of parameters: what it takes, what it refuses, and what it keeps."""

import math
import struct
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator

from installation.control.protocol.parameter_table import parameter_table
from installation.settings.parameters import (
    Applies,
    Colour,
    Kind,
    Outside,
    Parameters,
    Reason,
    Refusal,
    Value,
)
from installation.settings.registry import Registry
from installation.visit.parameters import Timeouts
from tests.support.sample_parameters import ADDRESSES, ANYTHING, BorderParameters, JuryParameters


@pytest.fixture
def registry() -> Registry:
    return Registry(BorderParameters, JuryParameters)


def reason(outcome: Value | Refusal) -> Reason:
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


# --- declaring ---


def test_a_declaration_becomes_addresses(registry: Registry) -> None:
    assert list(registry.parameters) == [
        "border/speed_per_s", "border/ride_s", "border/turns", "border/tilt_deg", "border/needle",
        "border/hint", "border/ground", "border/way", "border/tilt", "jury/pause_s",
    ]  # fmt: skip
    ride = registry.parameters["border/ride_s"]
    assert (ride.kind, ride.minimum, ride.maximum, ride.unit) == (Kind.FLOAT, 5, 120, "s")
    assert (ride.default, ride.applies, ride.outside) == (25.0, Applies.NEXT_SCENE, Outside.CLAMP)
    assert registry.parameters["border/speed_per_s"].unit == "1/s"
    assert registry.parameters["border/way"].choices == ("to", "fro")
    assert registry.parameters["border/hint"].longest == 20
    assert registry.parameters["border/ground"].kind is Kind.COLOUR


@pytest.mark.parametrize(
    ("annotation", "field", "wrong"),
    [
        (float, Field(1.0, ge=0, le=2), "description"),
        (float, Field(1.0, ge=0, description="x"), "range"),
        (float, Field(3.0, ge=0, le=2, description="x"), "less than or equal"),
        (float, Field(ge=0, le=2, description="x"), "required"),
        (float, Field(1 / 3, ge=0, le=2, description="x"), "default"),
        (float, Field(1.0, ge=0, le=math.pi, description="x"), "six digits"),
        (str, Field("x", description="x"), "max_length"),
        (bytes, Field(b"x", description="x"), "neither"),
        (Colour, Field("black", description="x"), "pattern"),
    ],
)
def test_a_wrong_declaration_fails_at_once(annotation: Any, field: Any, wrong: str) -> None:
    with pytest.raises(TypeError, match=wrong):
        type(
            "Wrong",
            (Parameters,),
            {
                "__annotations__": {"scene": ClassVar[str], "value": annotation},
                "__module__": __name__,
                "scene": "wrong",
                "value": field,
            },
        )


def test_scenes_and_names_are_addresses() -> None:
    with pytest.raises(TypeError, match="no address"):
        type("Wrong", (BorderParameters,), {"__module__": __name__, "scene": "Not/One"})
    with pytest.raises(TypeError, match="scene"):
        type(
            "Wrong",
            (Parameters,),
            {
                "__annotations__": {"on": bool},
                "__module__": __name__,
                "on": Field(True, description="x"),
            },
        )
    with pytest.raises(ValueError, match="two declarations"):
        Registry(BorderParameters, BorderParameters)


# --- setting ---


@pytest.mark.parametrize(
    ("address", "sent", "really_set"),
    [
        ("border/ride_s", 30, 30.0),
        ("border/ride_s", 30.5, 30.5),
        ("border/ride_s", 1000, 120.0),
        ("border/ride_s", -(2**40), 5.0),
        ("border/turns", 4, 4),
        ("border/turns", 3.7, 4),
        ("border/turns", 1e300, 9),
        ("border/needle", 0, False),
        ("border/needle", 1.0, True),
        ("border/needle", False, False),
        ("border/hint", "näher\nkommen", "näher\nkommen"),
        ("border/hint", "", ""),
        ("border/ground", "#A0b1C2", "#a0b1c2"),
        ("border/way", "fro", "fro"),
        ("border/tilt", 90, "90"),
        ("border/tilt", 90.0, "90"),
    ],
)
def test_what_is_really_set_is_returned(
    registry: Registry, address: str, sent: object, really_set: Value
) -> None:
    outcome = registry.set(address, sent)
    assert outcome == really_set and type(outcome) is type(really_set)
    assert registry.get(address) == really_set


@pytest.mark.parametrize(
    ("address", "sent", "why"),
    [
        ("border/ride_s", math.nan, Reason.NOT_FINITE),
        ("border/turns", math.inf, Reason.NOT_FINITE),
        ("border/turns", -math.inf, Reason.NOT_FINITE),
        ("border/turns", 10**400, Reason.TOO_LARGE),
        ("border/ride_s", 10**400, Reason.TOO_LARGE),
        ("border/ride_s", True, Reason.WRONG_TYPE),
        ("border/ride_s", "30", Reason.WRONG_TYPE),
        ("border/ride_s", None, Reason.WRONG_TYPE),
        ("border/ride_s", [30.0], Reason.WRONG_TYPE),
        ("border/tilt_deg", 31, Reason.OUT_OF_RANGE),
        ("border/needle", 2, Reason.WRONG_TYPE),
        ("border/needle", math.nan, Reason.WRONG_TYPE),
        ("border/needle", "yes", Reason.WRONG_TYPE),
        ("border/hint", "x" * 21, Reason.TOO_LONG),
        ("border/hint", "x" * 10**6, Reason.TOO_LONG),
        ("border/hint", "\x1b[2J", Reason.NOT_TEXT),
        ("border/hint", "\ud800", Reason.NOT_TEXT),
        ("border/hint", "tilt\ue000", Reason.NO_TYPEFACE),
        ("border/hint", "\ue000\ue001\ue002\U0010fffd", Reason.NO_TYPEFACE),
        ("border/hint", " ", Reason.INVISIBLE),
        ("border/hint", "\u200d", Reason.INVISIBLE),
        ("border/hint", "\u200e \u00a0\u3000\n", Reason.INVISIBLE),
        ("border/hint", "\u2060\ufeff\u00ad\u2066\u3164\u115f\ufe0f\u034f\U000e0020", Reason.INVISIBLE),
        ("border/hint", b"bytes", Reason.WRONG_TYPE),
        ("border/ground", "#00000g", Reason.INVALID),
        ("border/way", "up", Reason.NOT_A_CHOICE),
        ("border/way", "x" * 10**6, Reason.NOT_A_CHOICE),
        ("border/tilt", 45, Reason.NOT_A_CHOICE),
        ("border/tilt", math.nan, Reason.NOT_A_CHOICE),
        ("border/tilt", 10**400, Reason.NOT_A_CHOICE),
        ("border/tilt", True, Reason.WRONG_TYPE),
        ("border/nothing", 1, Reason.UNKNOWN),
        ("border", 1, Reason.UNKNOWN),
        ("", 1, Reason.UNKNOWN),
        ("border/__class__", 1, Reason.UNKNOWN),
        ("\n" * 10**6, 1, Reason.UNKNOWN),
    ],
)
def test_what_is_refused_changes_nothing(registry: Registry, address: str, sent: object, why: Reason) -> None:
    outcome = registry.set(address, sent)
    assert reason(outcome) is why
    assert len(str(outcome)) < 300 and str(outcome).isprintable()
    assert registry.changes() == {}


def test_a_text_may_be_empty_or_any_visible_sign(registry: Registry) -> None:
    for words in ("", ".", " - ", "\u200fש", "か", "e\u0301"):
        assert registry.set("border/hint", words) == words


def test_minimum_and_maximum_survive_the_way_through_osc(registry: Registry) -> None:
    for address, parameter in registry.parameters.items():
        for bound in (parameter.minimum, parameter.maximum):
            if bound is not None:
                (as_float32,) = struct.unpack(">f", struct.pack(">f", bound))
                assert registry.set(address, as_float32) == bound


@given(st.lists(st.tuples(st.sampled_from(ADDRESSES), ANYTHING), max_size=12), st.booleans())
@settings(max_examples=200)
def test_whatever_is_sent_the_values_stay_valid(changes: list, begins: bool) -> None:
    registry = Registry(BorderParameters, JuryParameters)
    for address, value in changes:
        outcome = registry.set(address, value)
        if not isinstance(outcome, Refusal):
            assert registry.get(address) == outcome
            # What was really set can be set again, and stays.
            assert registry.set(address, outcome) == outcome
    if begins:
        registry.begin_scene()
    for declaration in (BorderParameters, JuryParameters):
        values = registry.of(declaration)
        assert declaration.model_validate(values.model_dump(), strict=True) == values


def test_what_else_a_declaration_demands_holds() -> None:
    class Even(Parameters):
        scene: ClassVar[str] = "even"
        turns: int = Field(2, ge=0, le=8, description="an even number")

        @field_validator("turns")
        @classmethod
        def even(cls, turns: int) -> int:
            if turns % 2:
                raise ValueError("must be even")
            return turns

    registry = Registry(Even)
    assert registry.set("even/turns", 4) == 4
    outcome = registry.set("even/turns", 5)
    assert reason(outcome) is Reason.INVALID
    assert str(outcome) == "even/turns: not valid. Must be even."
    wanted, lines = registry.validate({"even": {"turns": 5}}, "night")
    assert wanted == {"even/turns": 2}, "a preset's, too, before anything is set"
    assert lines == ["night: even/turns: not valid. Must be even. The default is used."]


def test_what_is_no_colour_is_told_in_words_for_people(registry: Registry) -> None:
    outcome = registry.set("border/ground", "red")
    assert str(outcome) == "border/ground: not valid. It takes #rrggbb."


# --- applying ---


def test_a_change_applies_when_it_says(registry: Registry) -> None:
    before = registry.of(BorderParameters)
    registry.set("border/ride_s", 60)
    registry.set("border/turns", 5)
    values = registry.of(BorderParameters)
    assert (values.ride_s, values.turns) == (25, 5)
    assert registry.get("border/ride_s") == 60
    registry.begin_scene()
    assert registry.of(BorderParameters).ride_s == 60
    assert (before.ride_s, before.turns) == (25, 3), "a frame's values never change under it"


# --- telling ---


def test_the_table_shows_everything(registry: Registry) -> None:
    page = parameter_table(registry)
    assert "## border\n" in page and "## jury\n" in page
    assert "| `border/ride_s` | float | 5 … 120 s | 25 | next scene | how long |" in page
    assert "| `border/needle` | bool | yes, no | yes | at once | whether \\| there is one |" in page
    assert "refused beyond" in page and page.count("\n| `") == len(registry.parameters)


def test_the_visit_takes_its_times_from_the_registry() -> None:
    registry = Registry(Timeouts)
    assert registry.of(Timeouts) == Timeouts()
    assert registry.set("visit/hold_s", 1) == 1.0
    assert registry.of(Timeouts).hold_s == 1.0
