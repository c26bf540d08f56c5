"""The counters: what they count, what they keep, and that no person is in them."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from installation.app.counters import COUNTS, Counters
from installation.app.registration import load_scenes, registry_of
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.view import View
from installation.visit.endings import Ending
from installation.visit.parameters import Timeouts
from installation.visit.state import State
from scenes.consent import Consent

NOW = datetime(2026, 5, 2, 14, 35)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counters.json"


def ask(counters: Counters, values: Registry, language: str) -> None:
    """Puts the question on a screen that the counters see."""
    state = State(phase=Phase.CONSENT)
    lasts_s = values.of(Timeouts).consent_s
    view = View(1.0, state, values.snapshot(), Texts.load(language), entered_s=0.0, duration_s=lasts_s)
    canvas = Canvas(540, 960)
    Consent().draw(canvas, view)
    counters.frame(canvas, view, ())


@pytest.fixture
def values() -> Registry:
    return registry_of(load_scenes(dict.fromkeys(Phase, "consent")).values())


def go(counters: Counters, *phases: Phase) -> None:
    for before, after in pairwise(phases):
        counters.passed(before, after, "")


def read(path: Path) -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = json.loads(path.read_text())
    return found


def test_each_way_a_visit_can_go_is_counted(path: Path):
    with Counters(path, 100, lambda: NOW) as counters:
        for reason in ("the visitor says no", "silence is no consent", "the visit is ended from outside"):
            counters.passed(Phase.ATTRACT, Phase.CONSENT, "somebody is there")
            counters.passed(Phase.CONSENT, Phase.ATTRACT, reason)
        go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.SEARCH, Phase.ATTRACT)
        go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.PORTRAIT, Phase.FAREWELL, Phase.ATTRACT)
        go(counters, Phase.ATTRACT, *list(Phase)[1:], Phase.ATTRACT)
        counters.count("saved")
        counters.passed(Phase.SEARCH, Phase.FAREWELL, "the search takes too long", Ending.NOT_FOUND)
        today = counters.today()
    assert {what: count for what, count in today.items() if count} == read(path)["days"]["2026-05-02"]
    assert read(path)["days"] == {
        "2026-05-02": {
            "begun": 6, "declined": 2, "left in consent": 1, "unseen": 1, "left in search": 1, "agreed": 2,
            "left in portrait": 1, "finished": 1, "saved": 1, "not_found": 1,
        }
    }  # fmt: skip


def test_an_agreement_is_the_words_on_the_screen_their_language_and_the_hour(path: Path, values: Registry):
    with Counters(path, 100, lambda: NOW) as counters:
        for _ in range(2):
            ask(counters, values, "de")
            go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.PORTRAIT, Phase.ATTRACT)
    ((text, words),) = read(path)["texts"].items()
    assert read(path)["days"]["2026-05-02"][f"agreed 14h de {text}"] == 2
    assert "spätestens 20 Sekunden" in str(words) and "10 Minuten" in str(words) and "Ja Nein" in str(words)
    # Nothing finer than an hour, and no number of a visit.
    assert "35" not in path.read_text().replace(text, "") and "visit" not in path.read_text()


def test_another_text_is_another_agreement(path: Path, values: Registry):
    with Counters(path, 100, lambda: NOW) as counters:
        for minutes in (10, 20):
            values.set("delivery/life_s", 60.0 * minutes)
            ask(counters, values, "en")
            go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.PORTRAIT, Phase.ATTRACT)
    assert len(read(path)["texts"]) == 2


def test_counts_go_on_after_a_restart_and_old_days_go(path: Path, values: Registry):
    for day in range(5):
        now = NOW + timedelta(days=day // 2)
        with Counters(path, 2, lambda now=now: now) as counters:  # type: ignore[misc]
            ask(counters, values, "de")
            go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.PORTRAIT, Phase.ATTRACT)
    days = read(path)["days"]
    assert {day: counts["begun"] for day, counts in days.items()} == {"2026-05-03": 2, "2026-05-04": 1}
    assert len(read(path)["texts"]) == 1 and path.stat().st_size < 2000


def test_what_is_old_goes_however_few_days_were_counted(path: Path):
    for days_later in (0, 100):
        now = NOW + timedelta(days=days_later)
        with Counters(path, 100, lambda now=now: now) as counters:  # type: ignore[misc]
            counters.count("saved")
    assert read(path)["days"] == {"2026-08-10": {"saved": 1}}


def test_no_days_leave_no_file(path: Path):
    for days in (1, 0):
        with Counters(path, days, lambda: NOW) as counters:
            go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.ATTRACT)
        assert path.exists() == (days > 0)
    assert list(path.parent.iterdir()) == []


def test_a_broken_file_is_put_aside(path: Path):
    path.write_text("{")
    with Counters(path, 100, lambda: NOW) as counters:
        counters.count("saved")
    assert read(path)["days"] == {"2026-05-02": {"saved": 1}}
    assert path.with_suffix(".broken").read_text() == "{"


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "no").touch()
    with Counters(tmp_path / "no" / "counters.json", 100, lambda: NOW) as counters:
        go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.ATTRACT)
    assert "cannot be written" in caplog.text


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path):
    """The curators' own, before anything has been saved into it."""
    path = tmp_path / "show" / "counters.json"
    with Counters(path, 100, lambda: NOW) as counters:
        counters.count("saved")
    assert read(path)["days"] == {"2026-05-02": {"saved": 1}}


def test_without_a_path_nothing_is_written(tmp_path: Path):
    with Counters(None, 100, lambda: NOW) as counters:
        go(counters, Phase.ATTRACT, Phase.CONSENT, Phase.ATTRACT)
    assert list(tmp_path.iterdir()) == []


def test_a_new_day_begins_with_nothing_and_rehearsals_tell_nothing(path: Path):
    now = [NOW]
    with Counters(path, 100, lambda: now[0]) as counters:
        counters.count("saved")
        assert counters.today()["saved"] == 1
        now[0] += timedelta(days=1)
        assert tuple(counters.today()) == COUNTS and not any(counters.today().values())
    with Counters(None, 100, lambda: NOW) as counters:
        counters.count("saved")
        assert counters.today() == {}
