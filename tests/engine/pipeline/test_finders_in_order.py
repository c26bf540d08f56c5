"""The pipeline asks its finders in their order, and gives what changes the face least of what they find."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
import torch

from engine.border.continuum import Continuum
from engine.border.tracing import trace
from engine.common.arrays import Pixels
from engine.common.errors import UsageError
from engine.finders import registry
from engine.finders.base import STAGES, Doppelganger, Finder, FinderTask
from engine.finders.registry import FINDERS, make_finders
from engine.inversion.projection import Place, median_face
from engine.judges.judging import make_reference
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline import assessment
from engine.pipeline.curves import JudgeCurves, sampler
from engine.pipeline.portrayal import Portrayal, _with_doppelganger
from engine.pipeline.progress import Progress, Stopwatch
from engine.pipeline.result import PictureKind
from engine.pipeline.settings import PortrayalSettings
from engine.pipeline.summary import summarise
from engine.runtime.visit_share import SHARES
from engine.stylegan2.network import Generator
from installation.cli.portray import ProgressBar
from tests.support.judge_kit import NO_LANDMARKS, Brightness


@dataclass
class FakeFinder(Finder):
    """Finds the picture at `t`, or nothing; notes that it was asked."""

    description = "is a fake"
    name: str  # type: ignore[misc]  # of each one, for the test
    asked: list[str]
    t: float | None
    own_continuum: bool = False  # type: ignore[misc]
    last_resort: bool = False  # type: ignore[misc]
    stays_among_faces: bool = True  # type: ignore[misc]

    def find(self, task: FinderTask) -> Doppelganger | None:
        self.asked.append(self.name)
        if self.t is None:
            return None
        return Doppelganger(self.name, self.t, task.continuum.place(self.t), task.continuum.picture(self.t))


@dataclass
class Asking:
    """A portrayal on a small generator, as far as the border."""

    monkeypatch: pytest.MonkeyPatch
    asked: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    likeness: Callable[..., dict[str, float]] = field(default_factory=lambda: likeness)

    def finder(self, name: str, t: float | None, **traits: bool) -> FakeFinder:
        return FakeFinder(name, self.asked, t, **traits)

    def complete(
        self, finders: Sequence[Finder], all_finders: bool = True, most_visible_change: float = 12.0
    ) -> Portrayal:
        torch.manual_seed(2)
        generator = Generator(z_dim=16, w_dim=16, resolution=16, channel_base=128, channel_max=8)
        generator.requires_grad_(False)
        continuum = Continuum(generator, median_face(generator), Place(torch.randn(1, generator.num_ws, 16)))
        judge = Brightness(1000.0)
        reference = make_reference(judge, [(continuum.picture(1.0), NO_LANDMARKS)])
        settings = PortrayalSettings(
            finders=tuple(finders),
            all_finders=all_finders,
            most_visible_change=most_visible_change,
            nearest_strip=2,
        )
        sample = sampler(judge, reference, continuum.picture, settings, lambda _: None)
        curve = trace(continuum.picture, sample, judge.threshold, [0.0, 1.0])
        begun = Portrayal(
            face=cast(Any, None),
            portrait=cast(Any, None),
            init="mean",
            steps=1,
            tuning_steps=0,
            loss=0.0,
            continuum=continuum,
            judged=[JudgeCurves(judge, reference, curve, curve)],
            strip=cast(Any, None),
            nearest=None,
            doppelganger=None,
            on_the_way=None,
            seconds={},
        )
        self.monkeypatch.setattr(assessment, "_likeness", self.likeness)
        change = cast(VisibleChange, None)
        return _with_doppelganger(
            begun, begun.judged, change, lambda _: 0.0, settings, self._report, Stopwatch()
        )

    def _report(self, progress: Progress) -> None:
        if progress.stage not in self.stages:
            self.stages.append(progress.stage)


def likeness(picture: Pixels, match: Pixels, *_: object) -> dict[str, float]:
    """A visible change in grey levels: what lies farther from the match has changed more."""
    return {"visible_change": float(np.abs(picture.astype(int) - match).mean())}


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(monkeypatch)


def test_the_one_that_changes_the_face_least_is_given(asking: Asking) -> None:
    found = asking.complete(
        [
            asking.finder("none", None),
            asking.finder("near", 0.9, own_continuum=True),
            asking.finder("far", 0.2),
        ]
    )
    assert asking.asked == ["none", "near", "far"]
    assert found.doppelganger is not None and found.doppelganger.kind == "near"
    assert found.on_the_way is not None and found.on_the_way.kind == "far"
    assert found.nearest is not None and found.nearest.continuum.end is found.continuum.end
    assert summarise(found).nearest is found.nearest.strip
    assert set(found.doppelganger.verdicts) == set(found.doppelganger.worst_case) == {"brightness"}


def test_the_order_is_that_of_the_settings_and_does_not_say_which_is_given(asking: Asking) -> None:
    found = asking.complete([asking.finder("far", 0.2), asking.finder("near", 0.9, own_continuum=True)])
    assert asking.asked == ["far", "near"]
    assert found.doppelganger is not None and found.doppelganger.kind == "near"
    assert found.on_the_way is not None and found.on_the_way.kind == "far"


def test_a_way_of_its_own_is_not_shown_where_another_one_is_given(asking: Asking) -> None:
    found = asking.complete([asking.finder("own", 0.2, own_continuum=True), asking.finder("way", 0.9)])
    assert found.doppelganger is found.on_the_way and found.doppelganger is not None
    assert found.doppelganger.kind == "way" and found.nearest is not None
    assert summarise(found).nearest is None  # the doppelgänger that is given does not lie there


FREE = {"own_continuum": True, "stays_among_faces": False}


def test_what_has_changed_too_much_is_refused_and_the_next_finder_asked(asking: Asking) -> None:
    """The kiosk, too, asks on; a picture between two faces may change as much as it does."""
    finders = [asking.finder("free", 0.3, **FREE), asking.finder("way", 0.1)]
    found = asking.complete(finders, all_finders=False, most_visible_change=1.0)
    assert asking.asked == ["free", "way"]
    assert found.doppelganger is not None and found.doppelganger.kind == "way" and found.nearest is None
    (refused,) = found.refused
    assert (refused.kind, refused.limit) == ("free", 1.0) and refused.visible_change > 1.0
    assert summarise(found).picture_to_take_home[1] is PictureKind.HOLDS


@pytest.mark.parametrize("faceless", [False, True])
def test_where_only_a_refused_one_was_found_none_is_given(asking: Asking, faceless: bool) -> None:
    if faceless:
        asking.likeness = lambda *_: {}
    limit = 1e9 if faceless else 1.0
    found = asking.complete([asking.finder("free", 0.3, **FREE)], most_visible_change=limit)
    assert found.doppelganger is None and found.nearest is None and found.enlargement is None
    (refused,) = found.refused
    assert (refused.visible_change == float("inf")) is faceless
    assert summarise(found).refused and summarise(found).doppelganger is None


def test_what_has_changed_little_is_given_though_the_search_was_free(asking: Asking) -> None:
    found = asking.complete([asking.finder("free", 0.9, **FREE)], most_visible_change=50.0)
    assert found.doppelganger is not None and found.refused == ()
    assert not summarise(found).refused


def test_the_others_are_left_out_where_one_is_enough(asking: Asking) -> None:
    found = asking.complete([asking.finder("near", 0.9), asking.finder("far", 0.2)], all_finders=False)
    assert asking.asked == ["near"] and found.nearest is None


@pytest.mark.parametrize(("t", "asked"), [(0.9, ["near"]), (None, ["near", "last"])])
def test_the_last_resort_is_asked_only_where_nothing_was_found(
    asking: Asking, t: float | None, asked: list[str]
) -> None:
    found = asking.complete([asking.finder("near", t), asking.finder("last", 0.0, last_resort=True)])
    assert asking.asked == asked
    assert found.doppelganger is not None and found.doppelganger.kind == asked[-1]


def test_where_nothing_is_found_there_is_no_doppelganger(asking: Asking) -> None:
    found = asking.complete([asking.finder("near", None)])
    assert found.doppelganger is None and found.on_the_way is None and found.nearest is None


def test_finders_are_made_by_name_in_the_order_asked_for() -> None:
    names = list(FINDERS)
    assert names == ["nearest", "on-the-way", "towards-others"]
    assert [one.name for one in make_finders()] == names
    assert [one.name for one in make_finders(names[::-1], seed=3)] == names[::-1]
    assert all(one.description for one in make_finders())
    with pytest.raises(UsageError, match="no finder 'nearst': choose among nearest, on-the-way"):
        make_finders(["nearst"])


def test_every_stage_of_a_finder_has_a_share_and_a_name() -> None:
    assert set(STAGES) <= SHARES.keys()
    assert set(STAGES) <= ProgressBar.NAMES.keys()
    assert {stage for each in make_finders() for stage in (each.stage, each.judging_stage)} <= set(STAGES)


@pytest.mark.parametrize("attribute", ["stage", "judging_stage"])
def test_a_finder_with_an_unknown_stage_is_refused_when_it_is_made(
    monkeypatch: pytest.MonkeyPatch, attribute: str
) -> None:
    finder = FakeFinder("near", [], None)
    setattr(finder, attribute, "elsewhere")
    module = ModuleType("finder_of_this_test")
    module.build = lambda dtype, seed: finder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "FINDERS", {"near": module.__name__})
    with pytest.raises(UsageError, match=r"'near' names the stage 'elsewhere'.* doppelganger, nearest"):
        make_finders(["near"])
