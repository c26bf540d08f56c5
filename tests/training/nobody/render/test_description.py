"""Who is drawn from a seed, and the parameters that are printed."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import UsageError
from tests.conftest import REPO
from tests.support.renders import RENDERS
from training.nobody.render import casting
from training.nobody.render.archive import parameters_of
from training.nobody.render.casting import Restrictions, matching_people
from training.nobody.render.description.movement import EYE_REACH
from training.nobody.render.description.person import Person
from training.nobody.render.description.population import draw_person
from training.nobody.render.description.recipe import SECOND_RECIPE_FROM, shots_of
from training.nobody.render.description.shares import FIRST_SHARES, SECOND_SHARES, STYLES, Shares
from training.nobody.render.description.shot import Shot, draw_shot

BLENDER = importlib.util.find_spec("bpy") is not None
# Mean places, measured on the first renders: the right and the left eye, both corners of the mouth.
FFHQ_PLACES = np.array([[0.380, 0.471], [0.623, 0.469], [0.402, 0.729], [0.598, 0.729]])

# Of the parameters of 199800_0 to 199999_1, before there was a second recipe.
FIRST_RECIPE_SHA256 = "e846332b5a07c73b4814f1cd17dbcb7c8ac19a9f317103212aec26bd6bbddeaf"


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


@pytest.fixture(scope="module")
def moving() -> list[tuple[Person, Shot]]:
    """1,500 people of the second recipe and their first pictures."""
    seeds = range(SECOND_RECIPE_FROM, SECOND_RECIPE_FROM + 1500)
    return [(draw_person(seed), draw_shot(seed, 0)) for seed in seeds]


def test_the_second_recipe_reaches_wide_movements_and_keeps_faces_at_rest(moving: list[tuple[Person, Shot]]):
    def weights(name: str) -> np.ndarray:
        return np.array([shot.expression.get(name, 0.0) for _, shot in moving])

    for name, reached in {
        "eyeBlink": 0.98,
        "jawOpen": 0.78,
        "mouthFunnel": 0.95,
        "mouthPucker": 0.95,
        "mouthSmile": 0.95,
        "browInnerUp": 0.95,
        "browOuterUp": 0.75,
        "browDown": 0.95,
        "eyeWide": 0.95,
    }.items():
        assert reached < weights(name).max() <= 1, name
        assert weights(name).min() >= 0, name
    assert weights("jawOpen").max() <= 0.8
    assert 0.12 < (weights("eyeBlink") > 0.9).mean() < 0.18
    assert 0.2 < (weights("jawOpen") > 0.15).mean() < 0.45
    assert (weights("eyeBlink") < 0.15).mean() > 0.7 and (weights("jawOpen") < 0.05).mean() > 0.45
    yaw, pitch = np.array([(shot.yaw, shot.pitch) for _, shot in moving]).T
    assert 0.2 < (np.abs(yaw) > np.radians(25)).mean() < 0.4 and np.abs(yaw).max() > 0.7
    assert pitch.max() > 0.075 + np.radians(12) and pitch.min() < 0.075 - np.radians(12)
    gaze = np.array([shot.gaze for _, shot in moving])
    assert (gaze.min(0) < -0.95).all() and (gaze.max(0) > 0.95).all() and np.abs(gaze).max() <= 1


def test_most_open_eyes_look_into_the_camera(moving: list[tuple[Person, Shot]]):
    """The direction of the eyes in the room is that of the head and the eyeballs together."""
    seen = [shot for _, shot in moving if shot.expression["eyeBlink"] < 0.9 and abs(shot.yaw) < 0.5]
    reach = np.array(EYE_REACH)
    away = np.array([[s.yaw, -s.pitch] + reach * s.gaze for s in seen])
    assert 0.5 < (np.abs(away) < 0.12).all(1).mean() < 0.75
    assert (np.abs(away[:, 0]) > 0.3).mean() > 0.1


def test_rare_looks_are_more_frequent_in_the_second_recipe(moving: list[tuple[Person, Shot]]):
    people = [person for person, _ in moving]
    first = [draw_person(seed) for seed in range(100_000, 101_500)]

    def share(group: list[Person], look: Callable[[Person], bool]) -> float:
        return sum(map(look, group)) / len(group)

    for look, at_least in (
        (lambda p: p.glasses.worn, 0.22),
        (lambda p: p.hair.style == "hijab", 0.04),
        (lambda p: p.hair.style in ("curly_short", "curly_long", "afro", "wavy"), 0.25),
        (lambda p: p.hair.style in ("long", "wavy", "bangs", "curly_long"), 0.25),
        (lambda p: p.age > 0.68, 0.34),
    ):
        assert share(people, look) > max(at_least, 1.2 * share(first, look))
    assert {person.hair.style for person in people} == set(STYLES)
    spread = [np.std([p.shape[6:] for p in group]) for group in (first, people)]
    assert spread[1] > 1.05 * spread[0]


@pytest.mark.parametrize("shares", [FIRST_SHARES, SECOND_SHARES])
def test_shares_of_looks_are_whole(shares: Shares):
    for styles in (shares.mens_styles, shares.womens_styles):
        assert sum(styles.values()) == pytest.approx(1)


def test_a_third_of_the_second_recipe_has_three_pictures_each_another(moving: list[tuple[Person, Shot]]):
    counts = [shots_of(person.seed) for person, _ in moving]
    assert set(counts) == {1, 3} and counts.count(3) == len(counts) // 3
    assert {shots_of(seed) for seed in range(SECOND_RECIPE_FROM - 500, SECOND_RECIPE_FROM)} == {1}
    seed = next(person.seed for person, _ in moving if shots_of(person.seed) == 3)
    rows = [parameters_of(f"{seed}_{number}") for number in range(3)]
    assert rows[0]["identity"] == rows[1]["identity"] == rows[2]["identity"]
    for part in ("expr", "yaw", "lights"):
        assert len({json.dumps(row["shot"][part]) for row in rows}) == 3, part


def test_seeds_give_the_same_again(moving: list[tuple[Person, Shot]]):
    for person, shot in moving[:50]:
        assert draw_shot(person.seed, 0) == shot
        assert parameters_of(f"{person.seed}_0")["identity"]["c"] == [
            round(float(c), 4) for c in person.shape
        ]


def test_the_first_recipe_stays_as_it_was():
    names = [f"{seed}_{number}" for seed in range(199_800, 200_000) for number in range(2)]
    lines = "".join(json.dumps(parameters_of(name), sort_keys=True) for name in names)
    assert hashlib.sha256(lines.encode()).hexdigest() == FIRST_RECIPE_SHA256


def test_the_command_makes_the_recipes_number_of_pictures():
    done = command("unused", SECOND_RECIPE_FROM, 6, "--parameters")
    names = [json.loads(line)["name"] for line in done.stdout.splitlines()]
    assert names == [
        f"{seed}_{number}"
        for seed in range(SECOND_RECIPE_FROM, SECOND_RECIPE_FROM + 6)
        for number in range(shots_of(seed))
    ]


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
