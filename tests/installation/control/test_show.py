"""The commands of the show and the cue list, over OSC."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from installation.settings.phase import Phase
from installation.visit.events import BlackoutChanged, Halted, ShowClosed, ShowOpened, Skipped, WokeUp
from tests.support.headless_stage import HeadlessStage, eventually, headless_stage
from tests.support.osc_clients import OscJs, osc_js

# --- the show ---


SHOW = [
    ("/show/start", (), [BlackoutChanged(False), ShowOpened()]),
    ("/show/stop", (), [Halted(), ShowClosed()]),
    ("/show/blackout", (("T", True),), [Halted(), BlackoutChanged(True)]),
    ("/show/blackout", (("f", 0.0),), [BlackoutChanged(False)]),
    ("/show/next", (("f", 1.0),), [Skipped()]),
    ("/show/next", (("f", 0.0),), []),  # the button is let go
    ("/show/next", (("I", None),), [Skipped()]),
    ("/show/go", (("s", "attract"),), [Halted()]),
    ("/show/go", (("s", "jury"),), [Skipped()]),
    ("/show/panic", (), [Halted(), ShowClosed(), BlackoutChanged(True)]),
]


def test_the_show_is_told(stage: HeadlessStage, client: OscJs) -> None:
    for address, arguments, happens in SHOW:
        stage.happened.clear()
        client.send(address, *arguments)
        client.send("/ping")
        if happens:
            assert client.receive("/done")[1][0] == address
        client.receive("/pong")
        eventually(lambda happens=happens: stage.happened == happens)  # type: ignore[misc]
    assert client.ask("/show/blackout") == (False,)


def test_only_visitors_lead_where_their_word_is_needed(stage: HeadlessStage, client: OscJs) -> None:
    stage.status = replace(stage.status, phase=Phase.ATTRACT)
    eventually(lambda: client.ask("/visit/phase")[0] == "attract")
    for phase in ("portrait", "search", "border", "jury", "doppelganger", "farewell"):
        client.send("/show/go", ("s", phase))
        assert "only a visitor" in client.receive("/error")[1][1]
    client.send("/show/go", ("s", "consent"))
    client.receive("/done")
    eventually(lambda: stage.happened == [WokeUp()])


# --- cues ---

CUES = """
[[cue]]
at = 10:00:00
send = [["/show/start"], ["/scene/rehearsed/turns", 10]]
[[cue]]
at = 18:00:00
send = [["/show/stop"], ["/scene/rehearsed/turns", 18]]
[[cue]]
phase = "jury"
every = 2
send = [["/scene/rehearsed/glow", 0.25]]
"""


def test_cues_follow_the_clock_and_the_visit(tmp_path: Path) -> None:
    (tmp_path / "cues.toml").write_text(CUES)
    stage = HeadlessStage(tmp_path)
    stage.control._cue_player._played_until = datetime(2026, 3, 2, 12)  # as if begun a week before this
    stage.wall_clock = lambda: datetime(2026, 3, 9, 12)
    with stage:
        eventually(lambda: stage.happened == [Halted(), ShowClosed(), BlackoutChanged(False), ShowOpened()])
        assert stage.value("rehearsed/turns") == 10, "what the clock brought last"
        stage.wall_clock = lambda: datetime(2026, 3, 9, 18)
        eventually(lambda: stage.happened[4:] == [Halted(), ShowClosed()])
        assert stage.value("rehearsed/turns") == 18
        stage.wall_clock = lambda: datetime(2026, 3, 9, 12)  # it was ahead
        eventually(
            lambda: stage.happened[6:] == [Halted(), ShowClosed(), BlackoutChanged(False), ShowOpened()]
        )
        assert stage.value("rehearsed/turns") == 10
        for visit in (800, 900):
            stage.status = replace(stage.status, phase=Phase.BORDER, visit=visit)
            stage.wait_frames(2)
        stage.status = replace(stage.status, phase=Phase.JURY)
        eventually(lambda: stage.value("rehearsed/glow") == 0.25)


def test_a_cue_list_is_read_anew_and_a_broken_one_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "cues.toml").write_text("[[cue]]\nat = 10:00:00\n")
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        client.send("/cue/load")
        assert "cue.0.send: Field required" in client.receive("/error")[1][1]
        (tmp_path / "cues.toml").write_text(CUES)
        client.send("/cue/load")
        assert client.receive("/done")[1] == ("/cue/load", "3 cues")


def test_a_cue_may_load_what_another_one_saves(tmp_path: Path) -> None:
    lists = "[[cue]]\nphase = 'jury'\nsend = [['/preset/load', 'late']]\n"
    (tmp_path / "cues.toml").write_text(lists)
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        client.send("/cue/load")
        assert "no preset 'late'" in client.receive("/error")[1][1]
        (tmp_path / "cues.toml").write_text(
            lists + "[[cue]]\nphase = 'border'\nsend = [['/preset/save', 'late']]\n"
        )
        client.send("/cue/load")
        assert client.receive("/done")[1] == ("/cue/load", "2 cues")


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ('["/preset/laod", "day"]', "/preset/laod: unknown address"),
        ('["/show/stop", "now"]', "/show/stop: takes nothing"),
        ('["/preset/load", "day", "10"]', "fade_s: wrong type"),
        ('["/visit/phase", "jury"]', "can only be read"),
        ('["/scene/rehearsed/glow"]', "takes one value"),
        ('["/scene/rehearsed/way", "up"]', "not among the choices"),
        ('["/scene/*/glows", 1]', "/scene/*/glows: unknown address"),
        ('["/preset/load", "nihgt"]', "there is no preset 'nihgt'"),
    ],
)
def test_a_cue_that_would_be_refused_is_told_before_its_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: str, fault: str
) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "day.toml").write_text("")
    right = '["/show/stop"], ["/show/next", 1], ["/preset/load", "day", 3], ["/scene/*/glow", 0.25]'
    (tmp_path / "cues.toml").write_text(f"[[cue]]\nphase = 'jury'\nsend = [{right}, {sent}]\n")
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        assert [
            fault in line and "cue.0.send.4" in line for line in caplog.messages if "cues.toml" in line
        ] == [True]
        client.send("/cue/load")
        assert fault in client.receive("/error")[1][1]
        stage.status = replace(stage.status, phase=Phase.JURY)
        # What is right in it holds, patterns too.
        eventually(lambda: stage.happened == [Halted(), ShowClosed(), Skipped()])
        assert stage.value("rehearsed/glow") == 0.25
