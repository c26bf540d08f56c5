"""The cue list without a network: times, phases, faulty files."""

import tomllib
from datetime import datetime
from pathlib import Path

import pytest

from engine.common.errors import UsageError
from installation.control.protocol.packets import (
    Message,
)
from installation.control.show.cues import CueList, load_cues
from installation.settings.phase import Phase


def cues(text: str) -> CueList:
    return CueList.model_validate(tomllib.loads(text))


HOURS = cues(
    """
    [[cue]]
    at = 10:00:00
    days = ["tue", "wed"]
    send = [["/show/start"], ["/preset/load", "day", 30.0]]
    [[cue]]
    at = 18:00:00
    send = [["/show/stop"]]
    [[cue]]
    phase = "border"
    every = 3
    send = [["/preset/load", "slow", 5.0]]
    """
)
START, DAY, STOP = Message("/show/start"), Message("/preset/load", ("day", 30.0)), Message("/show/stop")


@pytest.mark.parametrize(
    ("after", "until", "expected"),
    [
        # 3 March 2026 is a Tuesday.
        ("2026-03-03 09:59:59", "2026-03-03 10:00:00", [START, DAY]),
        ("2026-03-03 10:00:00", "2026-03-03 10:00:01", []),
        ("2026-03-02 09:59:59", "2026-03-02 10:00:00", []),
        ("2026-03-03 09:00:00", "2026-03-03 19:00:00", [START, DAY, STOP]),
        # The clock was set back: nothing comes twice.
        ("2026-03-03 10:00:01", "2026-03-03 09:00:00", []),
        # It was ahead, and is set right: as things would stand.
        ("2026-03-03 19:00:00", "2026-03-03 12:00:00", [STOP, START, DAY]),
        ("2030-01-01 00:00:00", "2026-03-03 20:00:00", [START, DAY, STOP]),
        # Started at some time of the week, or years after the clock stood still: as things would stand.
        ("2026-02-24 12:00:00", "2026-03-03 12:00:00", [STOP, START, DAY]),
        ("2026-02-23 12:00:00", "2026-03-02 12:00:00", [START, DAY, STOP]),
        ("1970-01-01 00:00:00", "2026-03-03 20:00:00", [START, DAY, STOP]),
    ],
)
def test_the_clock_brings_what_is_due(after: str, until: str, expected: list[Message]) -> None:
    assert HOURS.between(datetime.fromisoformat(after), datetime.fromisoformat(until)) == expected


def test_a_phase_brings_its_cue_every_so_many_visits() -> None:
    brought = [HOURS.at_phase(Phase.BORDER, visit) for visit in range(1, 7)]
    assert [len(each) for each in brought] == [0, 0, 1, 0, 0, 1]
    assert HOURS.at_phase(Phase.JURY, 3) == []


@pytest.mark.parametrize(
    "text",
    [
        "[[cue]]\nat = 10:00:00",
        "[[cue]]\nsend = [['/show/start']]",
        "[[cue]]\nat = 10:00:00\nphase = 'jury'\nsend = [['/show/start']]",
        "[[cue]]\nat = 10:00:00\nsend = []",
        "[[cue]]\nat = 10:00:00\nsend = [[]]",
        "[[cue]]\nat = 10:00:00\nsend = [[1]]",
        "[[cue]]\nat = 10:00:00\nsend = [['show']]",
        "[[cue]]\nat = 10:00:00\nsend = [['/show/start', [1]]]",
        "[[cue]]\nat = 25\nsend = [['/show/start']]",
        "[[cue]]\nphase = 'lunch'\nsend = [['/show/start']]",
        "[[cue]]\nat = 10:00:00\nrun = 'rm'\nsend = [['/show/start']]",
        "[[cue",
        "cue = 1",
    ],
)
def test_a_wrong_cue_list_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "cues.toml").write_text(text)
    with pytest.raises(UsageError) as fault:
        load_cues(tmp_path / "cues.toml")
    assert "cues.toml" in str(fault.value) and "/cue/load" in str(fault.value)
    assert "\n" not in str(fault.value)
    assert load_cues(tmp_path / "none.toml") == CueList()
