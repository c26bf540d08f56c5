"""Who is drawn from a seed, and the parameters that are printed."""

import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import UsageError
from tests.conftest import RENDERS, REPO
from training.nobody.render import casting
from training.nobody.render.archive import parameters_of
from training.nobody.render.casting import Restrictions, matching_people
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import draw_person
from training.nobody.render.description.shot import draw_shot

BLENDER = importlib.util.find_spec("bpy") is not None
# Mean places, measured on the first renders: the right and the left eye, both corners of the mouth.
FFHQ_PLACES = np.array([[0.380, 0.471], [0.623, 0.469], [0.402, 0.729], [0.598, 0.729]])


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "training.nobody.render", *map(str, arguments)]
    return subprocess.run(line, cwd=REPO, capture_output=True, text=True, timeout=600)


def someone(style: str | None = None, beard: str | None = None) -> Person:
    styles = frozenset([style]) if style else None
    beards = frozenset([beard]) if beard else None
    return next(matching_people(100_000, 1, Restrictions(styles=styles, beards=beards)))


def archived_parameters() -> dict[str, dict[str, Any]]:
    """Those made with the present spread of shapes: names from 020000 on."""
    with tarfile.open(RENDERS) as tar:
        meta = tar.extractfile("meta.jsonl")
        assert meta is not None
        rows = [json.loads(line) for line in meta.read().decode().splitlines()]
    return {row["name"]: row for row in rows if row["name"] >= "02"}


def test_parameters_are_those_of_the_archived_renders():
    archived = archived_parameters()
    for name in sorted(archived):
        printed = json.loads(json.dumps(parameters_of(name)))
        assert printed == archived[name], name


def test_another_seed_is_another_person():
    archived = archived_parameters()
    assert parameters_of("020005_0")["identity"] != archived["020017_0"]["identity"]
    assert parameters_of("020005_1")["identity"] == archived["020005_0"]["identity"]
    assert parameters_of("020005_1")["shot"] != archived["020005_0"]["shot"]


def test_the_command_prints_parameters_without_assets_or_blender():
    done = command("unused", 100_000, 3, "--parameters", "--shots", 2)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == [f"{100_000 + i // 2}_{i % 2}" for i in range(6)]
    assert rows[0] == json.loads(json.dumps(parameters_of("100000_0")))
    assert not Path(REPO / "unused").exists()


@given(st.integers(0, 10**7), st.integers(0, 50))
def test_draws_stay_in_their_ranges(seed: int, number: int):
    person, shot = draw_person(seed), draw_shot(seed, number)
    assert 0 <= person.age <= 1 and 0 <= person.tone <= 1
    assert np.abs(person.shape[6:]).max() <= 2.7
    assert ((person.skin.colour > 0) & (person.skin.colour < 1)).all()
    assert person.masculine or (person.beard.kind == "none" and person.beard.shade == 0)
    assert 70 <= shot.distance <= 160 and 1 <= len(shot.lights) <= 3
    json.dumps(parameters_of(f"{seed:06d}_{number}"), allow_nan=False)


def test_restrictions_hold_and_leave_people_as_they_are():
    wanted = Restrictions((0.7, 1.0), (0.2, 0.8), frozenset(["bald", "buzz"]), frozenset(["full", "goatee"]))
    found = list(matching_people(100_000, 5, wanted))
    assert len(found) == 5
    assert [person.seed for person in found] == sorted({person.seed for person in found})
    for person in found:
        assert 0.7 <= person.age <= 1.0 and 0.2 <= person.tone <= 0.8
        assert person.hair.style in ("bald", "buzz") and person.beard.kind in ("full", "goatee")
        assert parameters_of(f"{person.seed}_0")["identity"]["age"] == round(person.age, 4)
    passed_over = set(range(100_000, found[-1].seed)) - {person.seed for person in found}
    assert not any(wanted.admit(draw_person(seed)) for seed in sorted(passed_over)[:200])


def test_what_nobody_looks_like_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(casting, "SEARCHED_PER_PERSON", 300)
    bearded_woman = Restrictions(styles=frozenset(["hijab"]), beards=frozenset(["full"]))
    with pytest.raises(UsageError, match="widen the restrictions"):
        list(matching_people(100_000, 1, bearded_woman))


def test_the_command_restricts_and_refuses_unknown_looks():
    done = command("unused", 100_000, 4, "--parameters", "--age", 0.7, 1, "--hair", "afro", "buzz")
    rows = [json.loads(line)["identity"] for line in done.stdout.splitlines()]
    assert len(rows) == 4
    assert all(row["age"] >= 0.7 and row["style"] in ("afro", "buzz") for row in rows)
    assert command("unused", 100_000, 4, "--parameters", "--hair", "mohawk").returncode == 2
