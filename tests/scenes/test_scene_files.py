"""Scenes as files, and their documentation."""

import re
from pathlib import Path

import pytest

import scenes
from engine.common.errors import UsageError
from installation.control.protocol.parameter_table import parameter_table
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.stage import scene as scene_module
from installation.stage.canvas import Canvas
from installation.stage.scene import scene_of
from installation.stage.sound import SoundParameters
from installation.stage.theme import StageParameters
from installation.visit.parameters import Timeouts
from scenes.border import Border
from tests.conftest import REPO
from tests.support import scene_views
from tests.support.scene_checks import WIDE, faults
from tests.support.scene_views import make_view


def test_scenes_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scene_of("border") is Border
    with pytest.raises(UsageError, match=r"scene 'nowhere' is not there: it needs a file scenes/nowhere\.py"):
        scene_of("nowhere")
    for outside in ("../widgets/sweep", "widgets.sweep", ""):
        with pytest.raises(UsageError, match="is not there"):
            scene_of(outside)
    (tmp_path / "empty.py").write_text('"""No scene."""', "utf-8")
    monkeypatch.setattr(scenes, "__path__", [*scenes.__path__, str(tmp_path)])
    with pytest.raises(UsageError, match=r"scenes/empty\.py: has 0 scenes"):
        scene_of("empty")
    assert scene_module.__doc__ and "class Blink(Scene)" in scene_module.__doc__


def test_the_example_in_the_documentation_is_a_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Registry
) -> None:
    page = (REPO / "docs" / "scenes.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    name = "example_of_the_documentation"
    (tmp_path / f"{name}.py").write_text(example, "utf-8")
    monkeypatch.setattr(scenes, "__path__", [*scenes.__path__, str(tmp_path)])
    found = scene_of(name)
    own = Registry(Timeouts, StageParameters, found.parameters)
    canvas = Canvas(*WIDE)
    scene = found()
    view = make_view(Phase.ATTRACT, 2.0, own)
    scene.enter(view)
    scene.update(view)
    scene.draw(canvas, view)
    assert not faults(canvas) and canvas.pixels.any()


def test_the_documentation_has_every_parameter(values: Registry) -> None:
    page = (REPO / "docs" / "scenes.md").read_text("utf-8")
    found = (each.parameters for each in scene_views.scene_types().values())
    wanted = Registry(StageParameters, SoundParameters, *found)
    assert parameter_table(wanted).strip() in page, (
        "replace the tables in docs/scenes.md by what `parameter_table` returns"
    )
