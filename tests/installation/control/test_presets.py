"""Presets and the saved configuration, over OSC and as files."""

import time
from pathlib import Path

import pytest

from engine.common.errors import UsageError
from installation.control.show.presets import Preset, Presets
from tests.support.headless_stage import HeadlessStage, Rehearsed, eventually, headless_stage
from tests.support.osc_clients import OscJs, osc_js


def test_presets_are_saved_listed_and_faded_in(stage: HeadlessStage, client: OscJs, tmp_path: Path) -> None:
    client.ask("/scene/rehearsed/glow", ("f", 0.875))
    client.ask("/scene/rehearsed/needle", ("F", False))
    client.send("/preset/save", ("s", "night"))
    assert client.receive("/done")[1] == ("/preset/save", "night")
    assert (tmp_path / "presets" / "night.toml").read_text().count("=") == 2
    for address, tag, value in (("glow", "f", 0.125), ("needle", "T", True), ("turns", "i", 5)):
        client.ask(f"/scene/rehearsed/{address}", (tag, value))
    client.send("/preset/list")
    assert client.receive("/preset/list")[1] == ("night",)
    stage.registry.history.clear()
    client.send("/preset/load", ("s", "night"), ("f", 1.0))
    assert client.receive("/done")[1] == ("/preset/load", "night")
    eventually(lambda: stage.value("rehearsed/glow") == 0.875)
    glow = stage.registry.set_to("rehearsed/glow")
    assert len(glow) > 2 and glow == sorted(glow)
    # Before the next scene begins, only what glides has changed.
    assert (stage.registry.of(Rehearsed).needle, stage.registry.of(Rehearsed).turns) == (True, 5)
    stage.begin_scene()
    assert (stage.registry.of(Rehearsed).needle, stage.registry.of(Rehearsed).turns) == (False, 3)


def test_what_is_sent_after_a_preset_wins_over_it(stage: HeadlessStage, client: OscJs) -> None:
    client.send("/preset/save", ("s", "plain"))
    client.receive("/done")
    client.ask("/scene/rehearsed/glow", ("f", 1.0))
    client.send_bundle(
        None,
        ("/preset/load", ("s", "plain")),
        ("/scene/rehearsed/turns", ("i", 9)),
        ("/preset/save", ("s", "more")),
    )
    assert client.receive("/done")[1] == ("/preset/load", "plain")
    assert client.receive("/done")[1] == ("/preset/save", "more")
    assert (stage.value("rehearsed/glow"), stage.value("rehearsed/turns")) == (0.5, 9)
    client.send("/preset/load", ("s", "plain"))
    client.send("/preset/load", ("s", "more"))
    eventually(lambda: stage.value("rehearsed/turns") == 9)
    client.ask("/scene/rehearsed/glow", ("f", 0.875))
    client.send_bundle(None, ("/preset/load", ("s", "plain"), ("f", 0.2)), ("/show/panic",))
    assert client.receive("/done")[1] == ("/preset/load", "plain")
    time.sleep(0.5)
    assert stage.value("rehearsed/glow") == 0.875, "panic stops the fade"


def test_a_broken_preset_gives_way_to_the_last_good_one(
    stage: HeadlessStage, client: OscJs, tmp_path: Path
) -> None:
    for glow in (0.25, 0.75):
        client.ask("/scene/rehearsed/glow", ("f", glow))
        client.send("/preset/save", ("s", "day"))
        client.receive("/done")
    (tmp_path / "presets" / "day.toml").write_text("[rehearsed\n")
    client.send("/preset/list")
    client.receive("/preset/list")
    client.send("/preset/load", ("s", "day"))
    assert "day.toml.1 is used" in client.receive("/error")[1][1]
    eventually(lambda: stage.value("rehearsed/glow") == 0.25)


def test_what_is_saved_is_there_at_the_next_start(tmp_path: Path) -> None:
    with headless_stage(tmp_path) as stage, osc_js(stage.port) as client:
        client.ask("/scene/rehearsed/ride_s", ("f", 60.0))
        client.send("/config/save")
        assert client.receive("/done")[1] == ("/config/save", "saved")
    with headless_stage(tmp_path) as stage:
        assert stage.registry.of(Rehearsed).ride_s == 60


def test_a_full_disk_is_told_and_nothing_else_happens(
    stage: HeadlessStage, client: OscJs, tmp_path: Path
) -> None:
    (tmp_path / "presets").write_text("a file where the folder should be")
    client.send("/preset/save", ("s", "night"))
    assert "cannot be saved" in client.receive("/error")[1][1]
    client.send("/ping")
    client.receive("/pong")


def test_presets_are_files_in_one_folder_only(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text("[rehearsed]\nglow = 1.0\n")
    presets = Presets(tmp_path / "presets")
    for name in ("../secret", "/etc/passwd", "", "a" * 41, "Night", "a.b", "a/b", "a\x00", ".night"):
        with pytest.raises(UsageError):
            presets.save(name, {})
    assert presets.read() == {} and not presets.folder.exists()
    presets.save("night-2", {"rehearsed": {"glow": 0.25}})
    assert presets.read() == {"night-2": Preset({"rehearsed": {"glow": 0.25}}, [])}
