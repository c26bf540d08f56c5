"""What the curators' desk offers over OSC: undo, defaults, cues, counters, the log, and restarts."""

import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from installation.control.show.history import LONGEST, SAME_MOVE_S, History
from installation.control.show.log_tail import LINES, LONGEST_LINE
from installation.control.show.replies import CommandRefused
from installation.visit.events import Skipped
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.osc_clients import OscJs, osc_js

CUES = """
[[cue]]
at = 10:00:00
send = [["/scene/rehearsed/turns", 10]]
[[cue]]
at = 18:00:00
days = ["tue"]
send = [["/scene/rehearsed/turns", 18]]
[[cue]]
phase = "jury"
every = 3
send = [["/show/next"]]
"""


def test_changes_are_taken_back_one_after_the_other(stage: HeadlessStage, client: OscJs) -> None:
    for address, tag, value in (("glow", "f", 0.75), ("turns", "i", 9)):
        client.send(f"/scene/rehearsed/{address}", (tag, value))
        eventually(lambda address=address, value=value: stage.value(f"rehearsed/{address}") == value)  # type: ignore[misc]
    client.send("/config/undo")
    assert client.receive("/done")[1] == ("/config/undo", "rehearsed/turns")
    assert stage.value("rehearsed/turns") == 3 and stage.value("rehearsed/glow") == 0.75
    client.send("/config/undo")
    client.receive("/done")
    assert stage.value("rehearsed/glow") == 0.5
    client.send("/config/undo")
    assert "nothing to undo" in client.receive("/error")[1][1]


def test_a_preset_is_taken_back_as_one(stage: HeadlessStage, client: OscJs) -> None:
    client.send("/preset/save", ("s", "day"))
    client.receive("/done")
    for address, tag, value in (("glow", "f", 0.75), ("turns", "i", 9)):
        client.send(f"/scene/rehearsed/{address}", (tag, value))
    client.send("/preset/load", ("s", "day"))
    client.receive("/done")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.5, 3)
    client.send("/config/undo")
    client.receive("/done")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.75, 9)


def test_a_move_of_a_fader_is_one_change() -> None:
    history = History()
    for number in range(20):
        history.record_move("stage/glow", float(number), now_s=0.05 * number)
        history.record_move("stage/ride", float(number), now_s=0.05 * number)
    history.record_move("stage/glow", 99.0, now_s=1.0 + 2 * SAME_MOVE_S)
    assert [history.take_back() for _ in range(4)] == [
        {"stage/glow": 99.0},
        {"stage/ride": 0.0},
        {"stage/glow": 0.0},
        {},
    ]
    for number in range(2 * LONGEST):
        history.record({f"stage/{number}": 1.0})
    assert sum(bool(history.take_back()) for _ in range(2 * LONGEST)) == LONGEST


def test_defaults_come_back_for_one_parameter_or_a_scene(stage: HeadlessStage, client: OscJs) -> None:
    def change() -> None:
        for address, tag, value in (("glow", "f", 0.75), ("turns", "i", 9)):
            client.send(f"/scene/rehearsed/{address}", (tag, value))
        eventually(lambda: stage.value("rehearsed/turns") == 9)

    change()
    client.send("/config/reset", ("s", "/scene/rehearsed/glow"))
    client.receive("/done")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.5, 9)
    change()
    client.send("/config/reset", ("s", "rehearsed"))
    client.receive("/done")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.5, 3)
    client.send("/config/undo")
    client.receive("/done")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.75, 9)
    for unknown in ("", "/scene/", "rehearsed/", "rehears"):
        client.send("/config/reset", ("s", unknown))
        assert "no such parameter" in client.receive("/error")[1][1]
    assert stage.value("rehearsed/turns") == 9


def test_the_cue_list_is_told_and_a_cue_can_be_played(tmp_path: Path) -> None:
    (tmp_path / "cues.toml").write_text(CUES)
    stage = HeadlessStage(tmp_path)
    stage.wall_clock = lambda: datetime(2026, 3, 9, 12)  # a Monday
    with stage, osc_js(stage.port) as client:
        assert client.ask("/cue/count") == (3,)
        eventually(lambda: client.ask("/cue/next") == (0, "Tue 10:00:00", "/scene/rehearsed/turns 10"))
        assert client.ask("/cue/entry") == (0, "10:00:00 every day", "/scene/rehearsed/turns 10")
        client.send("/cue/go", ("i", 1))
        client.receive("/done")
        assert stage.value("rehearsed/turns") == 18
        client.send("/cue/go")
        client.receive("/done")
        assert stage.value("rehearsed/turns") == 10, "the next one"
        client.send("/cue/go", ("i", 2))
        client.receive("/done")
        eventually(lambda: stage.happened == [Skipped()])
        client.send("/cue/go", ("i", 3))
        assert "has 3 cues" in client.receive("/error")[1][1]
        stage.wall_clock = lambda: datetime(2026, 3, 10, 10, 0, 1)
        eventually(lambda: client.ask("/cue/next")[:2] == (1, "Tue 18:00:00"))
        (tmp_path / "cues.toml").write_text('[[cue]]\nat = 10:00:00\nsend = [["/cue/go", 0]]\n')
        client.send("/cue/load")
        assert "starts no other cue" in client.receive("/error")[1][1]
        assert client.ask("/cue/count") == (3,), "the list without a fault stays"
        (tmp_path / "cues.toml").write_text("")
        client.send("/cue/load")
        client.receive("/done")
        assert client.ask("/cue/count") == (0,) and client.ask("/cue/next")[0] == -1
        client.send("/cue/go")
        assert "no cue has a time" in client.receive("/error")[1][1]


def test_a_cue_that_starts_a_cue_is_not_played(tmp_path: Path) -> None:
    """A list with a fault still counts at the start: it must not go round in circles."""
    (tmp_path / "cues.toml").write_text('[[cue]]\nphase = "jury"\nsend = [["/cue/go", 0]]\n')
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        client.send("/cue/go", ("i", 0))
        client.receive("/done")
        stage.wait_frames(2)
        assert client.ask("/health/dropped")[0] >= 0


def test_todays_counts_are_told(stage: HeadlessStage, client: OscJs) -> None:
    stage.status = replace(stage.status, today={"begun": 41, "finished": 27})
    client.send("/visit/today")
    eventually(lambda: client.ask("/visit/today") in (("begun", 41), ("finished", 27)))


def test_the_last_lines_of_the_log_are_told_and_no_more(stage: HeadlessStage, client: OscJs) -> None:
    log = logging.getLogger("installation.test_desk")
    log.setLevel(logging.INFO)
    try:
        raise ValueError("a traceback is not told")
    except ValueError:
        log.warning("first\nof %d", 2 * LINES, exc_info=True)
    eventually(lambda: client.ask("/log/line")[1:] == ("warning", f"first of {2 * LINES}"))
    for number in range(2 * LINES):
        log.info("line %d %s", number, "x" * 400)
    eventually(lambda: client.ask("/log/line")[2].startswith(f"line {2 * LINES - 1} "))
    lines = stage.control._feedback.known("/log/line")
    assert len(lines) == LINES and all(len(str(line[2])) <= LONGEST_LINE for line in lines)
    assert len({line[0] for line in lines}) == LINES


def test_a_service_is_restarted_by_its_name_only(tmp_path: Path) -> None:
    restarted: list[str] = []

    def restart(name: str, _: float) -> None:
        if name == "delivery":
            raise CommandRefused("there is no delivery here")
        restarted.append(name)

    with headless_stage(tmp_path, restart=restart) as stage, osc_js(stage.port) as client:
        for name in ("camera", "engine"):
            client.send("/service/restart", ("s", name))
            assert client.receive("/done")[1] == ("/service/restart", name)
        for name, reason in (("stage", "choices"), ("delivery", "no delivery"), ("", "choices")):
            client.send("/service/restart", ("s", name))
            assert reason in client.receive("/error")[1][1]
        client.send("/*/restart", ("s", "camera"))
        assert "unknown address" in client.receive("/error")[1][1], "no pattern reaches a command"
        client.send("/service/restart")
        client.receive("/error")
    assert restarted == ["camera", "engine"]
