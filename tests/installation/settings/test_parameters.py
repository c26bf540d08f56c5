"""The registry of parameters: what it takes, what it refuses, and what it keeps."""

import math
import os
import struct
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator

from engine.common.errors import MachineError
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
from installation.settings.storage import save_with_backups
from installation.visit.parameters import Timeouts


class BorderParameters(Parameters):
    """One of each kind."""

    scene: ClassVar[str] = "border"

    speed_per_s: float = Field(0.3, ge=0.1, le=0.7, description="how fast")
    ride_s: Annotated[float, Applies.NEXT_SCENE] = Field(25, ge=5, le=120, description="how long")
    turns: int = Field(3, ge=1, le=9, description="how often")
    tilt_deg: Annotated[float, Outside.REFUSE] = Field(0, ge=-0.7, le=30, description="how far")
    needle: bool = Field(True, description="whether | there is one")
    hint: str = Field("turn your head", max_length=20, description="the line under the face")
    ground: Colour = Field("#000000", description="behind the face")
    way: Annotated[Literal["to", "fro"], Applies.NEXT_SCENE] = Field("to", description="which way")
    tilt: Literal["0", "90"] = Field("0", description="how it hangs")


class JuryParameters(Parameters):
    scene: ClassVar[str] = "jury"
    pause_s: float = Field(1, ge=0, le=5, description="between two judges")


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


def test_minimum_and_maximum_survive_the_way_through_osc(registry: Registry) -> None:
    for address, parameter in registry.parameters.items():
        for bound in (parameter.minimum, parameter.maximum):
            if bound is not None:
                (as_float32,) = struct.unpack(">f", struct.pack(">f", bound))
                assert registry.set(address, as_float32) == bound


ANYTHING = st.one_of(
    st.integers(), st.floats(), st.text(max_size=30), st.booleans(), st.none(), st.binary(max_size=5),
    st.lists(st.integers(), max_size=2), st.sampled_from(["to", "fro", "#abcdef", "#ABCDEF"]),
)  # fmt: skip
ADDRESSES = list(Registry(BorderParameters, JuryParameters).parameters)


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


# --- keeping ---


def test_only_what_differs_is_saved(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "new" / "parameters.toml"
    registry.set("border/ride_s", 60)
    registry.set("border/hint", 'say "näher"\nor \\ 🙂')
    registry.set("border/turns", 3)
    save_with_backups(file, registry.changes())
    assert tomllib.loads(file.read_text("utf-8")) == {
        "border": {"ride_s": 60.0, "hint": 'say "näher"\nor \\ 🙂'}
    }
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@given(st.lists(st.tuples(st.sampled_from(ADDRESSES), ANYTHING), max_size=12))
@settings(max_examples=100)
def test_what_is_saved_comes_back(tmp_path_factory: pytest.TempPathFactory, changes: list) -> None:
    file = tmp_path_factory.mktemp("kept") / "parameters.toml"
    registry, other = (Registry(BorderParameters, JuryParameters) for _ in range(2))
    for address, value in changes:
        registry.set(address, value)
    save_with_backups(file, registry.changes())
    other.set("border/turns", 9)
    assert other.load(file) == []
    assert other.changes() == registry.changes()


def test_the_last_ten_are_kept(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    for tenths in range(15):
        registry.set("jury/pause_s", 2 + tenths / 10)
        save_with_backups(file, registry.changes())
    backups = [tmp_path / f"parameters.toml.{number}" for number in range(1, 11)]
    kept = [tomllib.loads(backup.read_text())["jury"]["pause_s"] for backup in backups]
    assert kept == [3.3, 3.2, 3.1, 3.0, 2.9, 2.8, 2.7, 2.6, 2.5, 2.4]
    assert set(tmp_path.iterdir()) == {file, *backups}


def test_saving_the_same_again_costs_no_backup(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    for pause_s in (2, 3, 3, 3):
        registry.set("jury/pause_s", pause_s)
        save_with_backups(file, registry.changes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parameters.toml", "parameters.toml.1"]


def test_without_a_file_all_is_default(registry: Registry, tmp_path: Path) -> None:
    registry.set("border/turns", 5)
    assert registry.load(tmp_path / "parameters.toml") == []
    assert registry.changes() == {}


@pytest.mark.parametrize(
    "broken", [b"[border\n", b"\xff\xfe", b"", b"a = " + b"[" * 10_000, b"a = " + b"9" * 5000]
)
def test_a_broken_file_gives_way_to_the_last_good_one(
    registry: Registry, tmp_path: Path, broken: bytes
) -> None:
    file = tmp_path / "parameters.toml"
    for turns in (4, 5):
        registry.set("border/turns", turns)
        save_with_backups(file, registry.changes())
    file.write_bytes(broken)
    lines = registry.load(file)
    if broken == b"":  # An empty file is a good one: everything at its default.
        assert lines == [] and registry.get("border/turns") == 3
        return
    assert len(lines) == 1 and "broken" in lines[0] and "parameters.toml.1 is used" in lines[0]
    assert len(lines[0]) < 500
    assert registry.get("border/turns") == 4
    (tmp_path / "parameters.toml.1").write_bytes(broken)
    (line,) = registry.load(file)
    assert "no backup is better" in line
    assert registry.changes() == {}


def test_a_wrong_entry_costs_only_itself(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    file.write_text(
        "loose = 1\n[border]\nride_s = nan\nturns = 5\nneedle = 'maybe'\nhint = 1979-05-27\n"
        "[jury]\npause_s = 99\n[gone]\nspeed = 1\n"
    )
    lines = registry.load(file)
    assert registry.changes() == {"border": {"turns": 5}, "jury": {"pause_s": 5.0}}
    for line, part in zip(
        lines,
        [
            "loose",
            "border/ride_s: not a finite",
            "border/needle",
            "border/hint",
            "jury/pause_s is set to 5.0",
            "gone",
        ],
        strict=True,
    ):
        assert part in line and str(file) in line


def test_a_choice_may_be_written_as_the_number_it_is_called(registry: Registry) -> None:
    wanted, lines = registry.validate({"border": {"tilt": 90}}, "night")
    assert (wanted["border/tilt"], lines) == ("90", [])


def test_what_cannot_be_saved_leaves_the_file(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "parameters.toml"
    save_with_backups(file, registry.changes())
    before = file.read_bytes()
    registry.set("border/turns", 5)
    (tmp_path / f".parameters.toml.{os.getpid()}.unfinished").mkdir()
    with pytest.raises(MachineError, match=r"parameters\.toml: cannot be saved"):
        save_with_backups(file, registry.changes())
    assert file.read_bytes() == before


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_full_disk_costs_no_backup(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """There is room for so many files more; the next one can be made, and nothing be written into it."""
    file = tmp_path / "parameters.toml"
    for turns in (4, 5, 6):
        registry.set("border/turns", turns)
        save_with_backups(file, registry.changes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    really_open, made = Path.open, []

    def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "w" in mode:
            made.append(path)
        if "w" in mode and len(made) > room:
            path.touch()
            path = Path("/dev/full")
        return really_open(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    registry.set("border/turns", 7)
    if room < 2:
        with pytest.raises(MachineError, match="No space left"):
            save_with_backups(file, registry.changes())
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    else:
        save_with_backups(file, registry.changes())
        assert tomllib.loads((tmp_path / "parameters.toml.1").read_text())["border"]["turns"] == 6


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
