"""Views as the stage makes them, for every scene: somebody who does not exist, before a real judge.

The sitter is a picture of the embedded generator, and the continuum leads there from the median face: a
border without a search.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch

from engine.border.continuum import Continuum, filmstrip
from engine.border.strip import NoBorderReason, Strip
from engine.border.tracing import Curve, Sample, trace
from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.inversion.projection import Place, median_face
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_pictures, make_reference
from engine.judges.registry import panel
from engine.judges.verdict import Verdict
from engine.pipeline.result import JudgeResult, PortrayalResult
from engine.stylegan2.checkpoint import load_generator
from hardware.camera.base import Frame
from installation.settings.configuration import load
from installation.settings.manifest import Manifest, judge_files
from installation.settings.phase import Phase
from installation.settings.registry import Registry
from installation.settings.texts import Texts
from installation.stage.canvas import Canvas
from installation.stage.scene import Scene, scene_of
from installation.stage.sound import SoundParameters
from installation.stage.theme import StageParameters
from installation.stage.view import Guidance, Link, MeetingView, ParticipantView, SearchStatus, Sighting, View
from installation.visit.parameters import DeliveryParameters, Timeouts
from installation.visit.participants import Participant, Sitter
from installation.visit.state import State

BEGAN_S = 1000.0
SEED = 2
TRUNCATION = 0.7
K = 1
# Stricter than in the installation: what this generator draws is soon the same person to dlib.
POINT = "fmr-1e-4"


@cache
def scene_types() -> Mapping[Phase, type[Scene]]:
    """The scene of each phase."""
    return {phase: scene_of(phase) for phase in Phase}


def registry() -> Registry:
    """All parameters that scenes read, at their defaults."""
    return Registry(
        Timeouts,
        StageParameters,
        SoundParameters,
        DeliveryParameters,
        *(each.parameters for each in scene_types().values()),
    )


@dataclass(frozen=True)
class Somebody:
    """A sitter who does not exist: a photograph of them, where their face is in it, and what was found."""

    photograph: Pixels
    box: tuple[float, float, float, float]
    result: PortrayalResult


@cache
def somebody() -> Somebody:
    """Made once: the median's way and a shorter one from beyond the border, and what two judges say."""
    configuration = load()
    generator = load_generator(Manifest.load().locate(configuration.generator))
    names = configuration.judging.panel
    judges = panel(names, judge_files(names), {"dlib": POINT})
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(SEED))
    with torch.no_grad():
        match = Place(generator.truncate(generator.broadcast(generator.mapping(z)), TRUNCATION))
    median = Continuum(generator, median_face(generator), match)

    photograph = np.asarray(
        cv2.resize(median.picture(1.0), (512, 512), interpolation=cv2.INTER_CUBIC), np.uint8
    )
    with FaceAnalyser() as finder:
        (face,) = finder.find(photograph)
    references = {one.name: make_reference(one, [(photograph, face.landmarks)], k=4) for one in judges}
    curves = {one.name: _curve(one, references[one.name], median) for one in judges}
    first = judges[0]
    strip = _strip(first, references[first.name], median, curves[first.name], 32)
    assert strip.border is not None
    beyond_t = float(strip.t[max(min(strip.border) - 3, 0)])
    short = Continuum(generator, median.place(beyond_t), match)
    nearest = _strip(first, references[first.name], short, _curve(first, references[first.name], short), 24)
    judge_results = tuple(_judge_result(one, curves[one.name]) for one in judges)
    # A photograph has more around the face than the picture that the generator makes.
    room = cv2.copyMakeBorder(photograph, 104, 104, 384, 384, cv2.BORDER_CONSTANT, value=(40, 40, 40))
    points = face.landmarks + np.array([384, 104])
    left, top = points.min(axis=0) / (1280, 720)
    right, bottom = points.max(axis=0) / (1280, 720)
    found = PortrayalResult(strip, nearest, judge_results, median.picture(beyond_t))
    return Somebody(np.asarray(room, np.uint8), (float(left), float(top), float(right), float(bottom)), found)


def _curve(judge: Judge, reference: Reference, continuum: Continuum) -> Curve:
    def sample(ts: Any) -> list[Sample]:
        verdicts = judge_pictures(judge, reference, [continuum.picture(t) for t in ts], k=K)
        return [Sample(t, one) for t, one in zip(ts, verdicts, strict=True)]

    return trace(continuum.picture, sample, judge.threshold, [i / 8 for i in range(9)])


def _strip(judge: Judge, reference: Reference, continuum: Continuum, curve: Curve, count: int) -> Strip:
    border = curve.border
    asked = {sample.t: sample for sample in curve.samples}
    more = [t for t in filmstrip(border.t if border else None, count).tolist() if t not in asked]
    verdicts = judge_pictures(judge, reference, [continuum.picture(t) for t in more], k=K)
    asked |= {t: Sample(t, one) for t, one in zip(more, verdicts, strict=True)}
    ts = sorted(asked)
    return Strip(
        pictures=np.stack([continuum.picture(t) for t in ts]),
        t=np.array(ts),
        distances=np.array([asked[t].verdict.distance for t in ts]),
        measured=np.ones(len(ts), bool),
        judge=judge.name,
        threshold=judge.threshold,
        border=(ts.index(border.same.t), ts.index(border.other.t)) if border else None,
    )


def _judge_result(judge: Judge, curve: Curve) -> JudgeResult:
    same = [sample.verdict.same for sample in curve.samples]
    without = (
        NoBorderReason.ALWAYS
        if all(same)
        else NoBorderReason.UNDECIDED
        if any(same)
        else NoBorderReason.NEVER
    )
    return JudgeResult(
        judge=judge.name,
        binding=judge.binding,
        threshold=judge.threshold,
        fmr=judge.fmr,
        samples=curve.samples,
        border_t=curve.border.t if curve.border else None,
        no_border_reason=None if curve.border else without,
    )


def with_threshold(strip: Strip, threshold: float) -> Strip:
    """The same pictures before a judge with another threshold, and so perhaps without a border."""
    same = strip.distances <= threshold
    changes = np.flatnonzero(same[1:] != same[:-1])
    border = None
    if len(changes):
        low, high = int(changes[-1]), int(changes[-1]) + 1
        border = (high, low) if same[high] else (low, high)
    return replace(strip, threshold=threshold, border=border)


def meeting(distance: float = 0.64, visitor: float = 0.28) -> MeetingView:
    """The doppelgänger as the visitor moves it: what a judge says of it, and of the visitor."""
    picture = somebody().result.doppelganger
    assert picture is not None
    return MeetingView(picture, True, Verdict("dlib", 0.6, visitor), Verdict("dlib", 0.6, distance))


def make_view(phase: Phase, at_s: float, values: Registry, language: str = "en", **changes: Any) -> View:
    """The view `at_s` seconds after `phase` began; `changes` replace fields of any of its parts."""
    who = somebody()
    camera = phase not in (Phase.ATTRACT, Phase.CONSENT, Phase.FAREWELL)
    sitter: Sitter | None = changes.pop("sitter", Sitter.CAMERA if camera else None)
    state = State(
        phase=phase,
        entered_s=BEGAN_S,
        timer_start_s=BEGAN_S,
        visit_id=1,
        engine_ready=True,
        participants=(Participant(sitter=sitter),) if sitter else (),
    )
    of_state = {name: changes.pop(name) for name in list(changes) if name in State.__dataclass_fields__}
    now_s = BEGAN_S + at_s
    fields: dict[str, Any] = {
        "now_s": now_s,
        "visit": replace(state, **of_state),
        "parameters": values.snapshot(),
        "text": Texts.load(language),
        "entered_s": BEGAN_S,
        "duration_s": values.of(Timeouts).of(phase),
    }
    participant: dict[str, Any] = {}
    if camera:
        participant["sighting"] = Sighting(Guidance.READY, who.box, 0.0)
    match phase:
        case Phase.ATTRACT:
            fields["people"] = (who.result.median, who.result.nearest)
        case Phase.PORTRAIT:
            fields["camera"] = Frame(who.photograph, now_s, int(30 * at_s))
        case Phase.SEARCH:
            participant["search"] = SearchStatus(
                "search", min(at_s / 20, 1.0), who.result.median.pictures[-1]
            )
        case Phase.BORDER | Phase.JURY | Phase.DOPPELGANGER:
            participant["result"] = who.result
        case Phase.MEETING:
            participant["result"], participant["meeting"] = who.result, meeting()
    of_participant = {
        name: changes.pop(name) for name in list(changes) if name in ParticipantView.__dataclass_fields__
    }
    fields["participants"] = (ParticipantView(**(participant | of_participant)),)
    return View(**(fields | changes))


def play(
    canvas: Canvas, phase: Phase, until_s: float, values: Registry, language: str = "en", **changes: Any
) -> Scene:
    """A scene from its beginning to a moment, which is drawn; frames come ten times a second."""
    scene = scene_types()[phase]()
    scene.enter(make_view(phase, 0.0, values, language, **changes))
    for at_s in [*np.arange(0.0, until_s, 0.1).tolist(), until_s]:
        view = make_view(phase, at_s, values, language, **changes)
        scene.update(view)
    canvas.clear()
    scene.draw(canvas, view)
    return scene


LINK = Link("http://192.168.178.42:8080/a1b2c3d4e5f6g7h8", BEGAN_S + 600)
WIFI = replace(LINK, wifi="WIFI:S:Doppelganger;T:WPA;P:nobody-was-here;;")
