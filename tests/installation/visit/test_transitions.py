"""The table of transitions, its page in the documentation, and what the modules of the visit may import."""

import ast
from dataclasses import astuple, fields
from pathlib import Path

import pytest

from engine.live.crowd.decision import Decision
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.visit import machine
from installation.visit.endings import Ending
from installation.visit.parameters import Timeouts
from installation.visit.participants import Participant, Sitter
from installation.visit.phases import TRAITS
from installation.visit.state import Show, State
from installation.visit.transitions import TRANSITIONS, Cause
from tests.conftest import REPO

# --- the table and the page ---


def test_the_table_says_everything_once_and_uses_all_it_names() -> None:
    seen = [(phase, row.cause) for row in TRANSITIONS for phase in row.phases]
    assert len(seen) == len(set(seen))
    assert {row.cause for row in TRANSITIONS} == set(Cause)
    assert {row.to for row in TRANSITIONS} == set(Phase)


PURE = (
    "phases",
    "gathering",
    "participants",
    "parameters",
    "events",
    "effects",
    "endings",
    "state",
    "transitions",
    "machine",
)


@pytest.mark.parametrize("module", PURE)
def test_the_state_machine_is_pure(module: str) -> None:
    path = Path(machine.__file__).with_name(f"{module}.py")
    tree = ast.parse(path.read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported <= {
        "math", "collections.abc", "dataclasses", "enum", "typing", "pydantic",
        "installation.settings.parameters", "installation.settings.phase", "engine.live.crowd.decision",
        *(f"installation.visit.{each}" for each in PURE),
    }  # fmt: skip


def test_the_state_holds_nothing_but_numbers_and_words() -> None:
    """No picture, no measurement of a face: those could survive the visit in it."""
    plain = (Phase, str, float, int, bool, float | None, str | None, Decision, Sitter, Ending | None)
    assert {field.type for field in fields(Participant)} <= {*plain}
    assert {field.type for field in fields(Show)} <= {*plain}
    assert {field.type for field in fields(State)} <= {*plain, tuple[Participant, ...], Show}


def in_words(phases: tuple[Phase, ...]) -> str:
    return phases[0] if len(phases) == 1 else f"{phases[0]} … {phases[-1]}"


def test_the_page_shows_the_tables() -> None:
    page = (REPO / "docs/visit.md").read_text("utf-8")
    rows = [
        f"| {in_words(row.phases)} | {row.cause.value} | {row.to} | {row.reason} |" for row in TRANSITIONS
    ]
    times = [
        f"| `{each.address.partition('/')[2]}` | {each.default:g} s | {each.range} | {each.description} |"
        for each in Registry(Timeouts).parameters.values()
    ]
    traits = [
        f"| {phase} | " + " | ".join("yes" if value else "" for value in astuple(each)) + " |"
        for phase, each in TRAITS.items()
    ]
    for lines in (rows, times, traits):
        assert "\n".join(lines) in page, "docs/visit.md must hold:\n" + "\n".join(lines)
    for row in TRANSITIONS:
        first, last = list(Phase).index(row.phases[0]), list(Phase).index(row.phases[-1])
        assert row.phases == tuple(Phase)[first : last + 1], "… in the table means all between"
