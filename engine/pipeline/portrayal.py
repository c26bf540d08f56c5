"""The whole way: a photograph in, the border and the doppelgänger out.

    faces -> alignment -> projection -> continuum -> judges -> border -> doppelgänger -> its own continuum

`portray` is the library's one call. It opens no window, no network and no file.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from engine.border.continuum import Continuum
from engine.border.strip import NoBorderReason, Strip
from engine.border.strip_builder import make_strip, pictures_seen
from engine.border.tracing import COARSE, Curve, Sample, trace
from engine.common.arrays import Pixels
from engine.faces.acceptance import FaceLimits, choose_sitter
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.analyser import FaceAnalyser, open_analyser
from engine.faces.measurement import Face
from engine.finders import doppelganger
from engine.finders.doppelganger import Doppelganger
from engine.finders.nearest import JudgeConstraint, NearestSettings, search_nearest
from engine.inversion.projection import Loss, Place, SearchSettings, Step, median_face, search_latent, tune
from engine.inversion.target import aim_at, to_target
from engine.judges.base import Judge
from engine.judges.judging import K, Reference, judge_pictures, judge_worst_case, make_reference
from engine.judges.registry import require_binding
from engine.judges.verdict import Verdict
from engine.perceptual.distance import Distance
from engine.perceptual.visible_change import VisibleChange, picture_likeness
from engine.pipeline.result import JudgeResult, PortrayalResult
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import Generator

Tuning = Literal["auto", "always", "never"]

BISECTIONS = 8  # pictures a judge is asked about to find a border, about
HOLDING = 16  # pictures that are tried before a doppelgänger holds, about
NEAREST_WIDTH = 1 / 128
"""How far apart in t the border pair of the second continuum is at most: the whole of it is a few grey levels
long, and the border's place shall be as well known as the first one's."""


@dataclass(frozen=True)
class PortrayalSettings:
    """How a sitter is portrayed.

    Attributes:
        search: of the projection.
        nearest: of the shortest way across; None leaves it out.
        limits: which faces are accepted.
        scrfd_file: the face detector's file; None takes MediaPipe's detector.
        tuning: whether the generator's weights are tuned for this visit; `auto` does it where a binding
            judge's distance at the match is above `tuning_target` times its threshold.
        k, seed: how many perturbations make a verdict, and which.
        margin: how far beyond the threshold a doppelgänger has to stay in the worst case, as a share of it.
        recorded: how many pictures of the search are kept, at most.
        both: whether the doppelgänger through the median is looked for even where there is a nearer one.
        strip, nearest_strip: how many pictures the strip of each continuum holds, besides those judged to
            find the border; the ends of the second one look alike, so it needs fewer.
        portrait_px: side of the sitter's portrait.
    """

    search: SearchSettings = field(default_factory=SearchSettings)
    nearest: NearestSettings | None = field(default_factory=NearestSettings)
    limits: FaceLimits = field(default_factory=FaceLimits)
    scrfd_file: Path | None = None
    tuning: Tuning = "auto"
    tuning_target: float = 0.6
    k: int = K
    seed: int = 0
    margin: float = 0.01
    recorded: int = 300
    strip: int = 120
    nearest_strip: int = 33
    both: bool = True
    portrait_px: int = 512


@dataclass(frozen=True)
class Progress:
    """What is being done: `share` of this stage in [0, 1], and the `picture` it is being done with, uint8
    (R, R, 3) RGB. `step` comes with each step of a search."""

    stage: str
    share: float
    step: Step | None = None
    picture: Pixels | None = None


@dataclass(frozen=True)
class JudgeCurves:
    """One judge on one sitter. The `search_curve` runs from the first picture of the search to the last."""

    judge: Judge
    reference: Reference
    curve: Curve
    search_curve: Curve

    @property
    def at_match(self) -> float:
        return self.curve.samples[-1].verdict.distance

    @property
    def at_median(self) -> float:
        return self.curve.samples[0].verdict.distance


@dataclass(frozen=True, eq=False)
class NearestContinuum:
    """A second continuum: from the nearest doppelgänger (t = 0) to the closest match (t = 1).

    curves: by judge. strip: of the leading judge.
    """

    continuum: Continuum
    curves: dict[str, Curve]
    strip: Strip


@dataclass(frozen=True)
class AssessedDoppelganger(Doppelganger):
    """A doppelgänger and what is said of it: by each judge its verdict, and that of the worst case;
    `likeness` compares it with the closest match (docs/outputs.md)."""

    verdicts: dict[str, Verdict]
    worst: dict[str, Verdict]
    likeness: dict[str, float]


@dataclass(frozen=True)
class Portrayal:
    """Everything a visit has found. Arrays are uint8 (R, R, 3), RGB.

    continuum, strip and the judges' curves: of the way from the median face. nearest: the way from the
    nearest doppelgänger, where there is one. doppelganger: the one to give. on_the_way: the one beyond the
    border through the median; the same one where no nearer one was found.
    `init` says where the search began to optimise: at the median face, or where an encoder guessed.
    """

    face: Face
    portrait: Portrait
    init: Literal["mean", "encoder"]
    steps: int
    tuning_steps: int
    loss: float
    continuum: Continuum
    judged: list[JudgeCurves]
    strip: Strip
    nearest: NearestContinuum | None
    doppelganger: AssessedDoppelganger | None
    on_the_way: AssessedDoppelganger | None
    seconds: dict[str, float]


def summarise(portrayal: Portrayal, complete: bool = True) -> PortrayalResult:
    """What of it is shown; nothing of the sitter's own face is in it. `complete`: see `PortrayalResult`."""
    twin = portrayal.doppelganger
    return PortrayalResult(
        median=portrayal.strip,
        nearest=portrayal.nearest.strip if portrayal.nearest else None,
        judge_results=tuple(
            _judge_result(one.judge, one.curve, twin.verdicts.get(one.judge.name) if twin else None)
            for one in portrayal.judged
        ),
        doppelganger=twin.picture if twin else None,
        complete=complete,
    )


def _judge_result(judge: Judge, curve: Curve, of_doppelganger: Verdict | None) -> JudgeResult:
    return JudgeResult(
        judge=judge.name,
        binding=judge.binding,
        threshold=judge.threshold,
        fmr=judge.fmr,
        samples=tuple(sample for sample in curve.samples if sample.verdict.measured),
        border_t=curve.border.t if curve.border else None,
        no_border_reason=_no_border_reason(curve),
        of_doppelganger=of_doppelganger,
    )


def _no_border_reason(curve: Curve) -> NoBorderReason | None:
    if curve.border:
        return None
    if not any(sample.verdict.measured for sample in curve.samples):
        return NoBorderReason.UNDECIDED
    return NoBorderReason.ALWAYS if curve.samples[-1].verdict.same else NoBorderReason.NEVER


@torch.no_grad()
def guess(generator: Generator, encoder: Encoder, target: torch.Tensor) -> Place:
    """Where the encoder, which was trained for this generator, thinks that pictures (N, 3, R, R) lie."""
    return Place(median_face(generator).latent + encoder(target))


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began


class _Stage:
    """Counts the pictures of a stage, and reports each; `expected` is how many there will be, about."""

    def __init__(self, name: str, expected: int, report: Callable[[Progress], None]) -> None:
        self.name, self.expected, self.report = name, expected, report
        self.count = 0

    def see(self, picture: Pixels) -> None:
        self.report(Progress(self.name, min(self.count / self.expected, 1.0), picture=picture))
        self.count += 1


def follow_steps(
    steps: Iterator[Step], stage: str, report: Callable[[Progress], None], keep: Callable[[Step], None]
) -> Step:
    """Runs a search to its end, reporting and keeping each step, and returns the last one."""
    for step in steps:
        keep(step)
        report(Progress(stage, (step.index + 1) / step.steps, step, step.picture.numpy()))
    return step


class _Recorder:
    """Follows the search: reports each step, keeps evenly spaced pictures of it, the last one always."""

    def __init__(self, settings: PortrayalSettings, report: Callable[[Progress], None]) -> None:
        steps = settings.search.steps + settings.search.tuning_steps
        self.every = math.ceil(steps / settings.recorded)
        self.report = report
        self.pictures: list[Pixels] = []

    def follow(self, steps: Iterator[Step], stage: str) -> Step:
        """Runs a phase of the search to its end and returns its last step."""
        step = follow_steps(steps, stage, self.report, self._keep)
        if step.index % self.every:
            self.pictures.append(step.picture.numpy())
        return step

    def _keep(self, step: Step) -> None:
        if step.index % self.every == 0:
            self.pictures.append(step.picture.numpy())


def _is_far(
    match: Pixels, judges: Sequence[Judge], references: Sequence[Reference], settings: PortrayalSettings
) -> bool:
    """Whether a binding judge does not, or barely, recognise the match."""
    for judge, reference in zip(judges, references, strict=True):
        if judge.binding:
            (verdict,) = judge_pictures(judge, reference, [match], settings.seed, settings.k)
            if verdict.distance > settings.tuning_target * judge.threshold:
                return True
    return False


def sampler(
    judge: Judge,
    reference: Reference,
    picture: Callable[[float], Pixels],
    settings: PortrayalSettings,
    see: Callable[[Pixels], None],
) -> Callable[[Sequence[float]], list[Sample]]:
    """Joins a judge and a row of pictures: several t -> samples. `see` is called with each picture."""

    def sample(ts: Sequence[float]) -> list[Sample]:
        samples = []
        for t in ts:
            see(picture(t))
            (verdict,) = judge_pictures(judge, reference, [picture(t)], settings.seed, settings.k)
            samples.append(Sample(t, verdict))
        return samples

    return sample


def _trace_search(
    judge: Judge,
    reference: Reference,
    recorded: Sequence[Pixels],
    settings: PortrayalSettings,
    see: Callable[[Pixels], None],
) -> Curve:
    """The crossings of the recorded search, which has only the pictures it has."""
    last = max(len(recorded) - 1, 1)

    def picture(t: float) -> Pixels:
        return recorded[round(t * last)]

    def split(low: float, high: float) -> float | None:
        middle = (round(low * last) + round(high * last)) // 2
        return middle / last if round(low * last) < middle else None

    coarse = sorted({round(t * (len(recorded) - 1)) for t in np.linspace(0, 1, 17)})
    sample = sampler(judge, reference, picture, settings, see)
    return trace(picture, sample, judge.threshold, [i / last for i in coarse], split)


def portray(
    photographs: Sequence[Pixels],
    generator: Generator,
    judges: Sequence[Judge],
    distance: Distance,
    settings: PortrayalSettings | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    bordered: Callable[[Portrayal], None] = lambda _: None,
    encoder: Encoder | None = None,
) -> Portrayal:
    """Portrays one sitter.

    Args:
        photographs: uint8 (H, W, 3) RGB, upright; the first is portrayed, all make the judges' reference.
        judges: the panel; at least one of them binding.
        distance: what the search minimises; no judge.
        report: called often with what is being done; what it raises cancels the visit.
        bordered: called once with the way through the median, as soon as it is judged and while the
            doppelgänger is still to be found.
        encoder: the generator's own, whose guess the search walks to first; without one it starts at the
            median face.

    Raises:
        NoUsableFace: where a photograph holds no face that can be portrayed.
        UsageError: where no judge binds.
    """
    require_binding(judges)
    settings = settings or PortrayalSettings()
    with open_analyser(settings.scrfd_file) as finder:
        return _portray(photographs, generator, judges, distance, settings, report, bordered, encoder, finder)


def _portray(
    photographs: Sequence[Pixels],
    generator: Generator,
    judges: Sequence[Judge],
    distance: Distance,
    settings: PortrayalSettings,
    report: Callable[[Progress], None],
    bordered: Callable[[Portrayal], None],
    encoder: Encoder | None,
    finder: FaceAnalyser,
) -> Portrayal:
    watch = _Stopwatch()

    with watch("faces"):
        report(Progress("faces", 0.0))
        faces = [choose_sitter(finder.find(p), settings.limits) for p in photographs]
        portraits = [
            crop_ffhq(p, face.landmarks, settings.portrait_px)
            for p, face in zip(photographs, faces, strict=True)
        ]
    portrait = portraits[0]

    with watch("reference"):
        report(Progress("reference", 0.0))
        seen = [(one.image, one.landmarks) for one in portraits]
        references = [make_reference(judge, seen, settings.seed) for judge in judges]

    target = aim_at(portrait, generator.resolution, distance, generator.device)
    recorder = _Recorder(settings, report)
    with watch("search"):
        start = guess(generator, encoder, target.picture) if encoder else None
        found = recorder.follow(search_latent(generator, target.loss, settings.search, start), "search")
    searched, tuned = found.index + 1, 0
    if settings.tuning == "always" or (
        settings.tuning == "auto" and _is_far(found.picture.numpy(), judges, references, settings)
    ):
        with watch("tuning"):
            tuning = tune(generator, target.loss, found.place, settings.search, target.head, target.sees_px)
            found = recorder.follow(tuning, "tuning")
        tuned = found.index + 1

    continuum = Continuum(generator, median_face(generator), found.place)
    judged = []
    with watch("judging"):
        see = _Stage("judging", len(judges) * 2 * (COARSE + BISECTIONS), report).see
        for judge, reference in zip(judges, references, strict=True):
            sample = sampler(judge, reference, continuum.picture, settings, see)
            curve = trace(continuum.picture, sample, judge.threshold)
            search_curve = _trace_search(judge, reference, recorder.pictures, settings, see)
            judged.append(JudgeCurves(judge, reference, curve, search_curve))
    recorder.pictures.clear()  # at 1024 px up to a gigabyte

    with watch("film"):
        first = judged[0]
        see = _Stage("film", pictures_seen(first.curve, settings.strip), report).see
        sample = sampler(first.judge, first.reference, continuum.picture, settings, see)
        strip = make_strip(continuum, first.judge, first.curve, sample, settings.strip, see)

    begun = Portrayal(
        face=faces[0],
        portrait=portrait,
        init="encoder" if encoder else "mean",
        steps=searched,
        tuning_steps=tuned,
        loss=found.loss,
        continuum=continuum,
        judged=judged,
        strip=strip,
        nearest=None,
        doppelganger=None,
        on_the_way=None,
        seconds=watch.seconds,
    )
    bordered(begun)

    match = continuum.picture(1.0)
    change = VisibleChange(match, target.importance, distance, finder)
    unlikeness = partial(_unlikeness, loss=target.loss, device=generator.device)
    beyond = [_beyond(one.curve) for one in judged if one.judge.binding]
    start_t = min((t for t in beyond if t is not None), default=1.0)

    through, nearest, way = None, None, None
    with watch("doppelganger"):
        holds = _holds(judged, settings, _Stage("doppelganger", HOLDING, report).see)
        (match_holds,) = holds([match])
    # A match that holds itself is its own nearest picture.
    if settings.nearest and not match_holds:
        sittings = [
            JudgeConstraint(one.judge, one.reference, _limit(one.judge, settings))
            for one in judged
            if one.judge.binding
        ]
        with watch("nearest"):
            steps = search_nearest(generator, found.place, sittings, change, settings.nearest)
            ended = follow_steps(steps, "nearest", report, lambda _: None)
            holds_nearby = _holds(judged, settings, _Stage("nearest_judging", HOLDING, report).see)
            nearest = doppelganger.nearest(generator, ended.place, found.place, holds_nearby)
        if nearest:
            with watch("nearest_judging"):
                way = _way(Continuum(generator, nearest.place, found.place), judged, settings, report)
    # A judge that knows the sitter all the way leaves nothing on it to be found.
    if None not in beyond and (settings.both or not nearest):
        with watch("doppelganger"):
            through = doppelganger.on_the_way(continuum, start_t, holds)
    if not (through or nearest):
        with watch("doppelganger"):
            border = continuum.place(start_t)
            through = doppelganger.towards_others(generator, border, holds, unlikeness, settings.seed)

    def appraise(twin: Doppelganger | None) -> AssessedDoppelganger | None:
        likeness = _likeness(twin.picture, match, change, unlikeness(twin.picture)) if twin else {}
        return _appraise(twin, judged, settings, likeness) if twin else None

    with watch("doppelganger"):
        on_the_way = appraise(through)
        given = appraise(nearest) or on_the_way
    return replace(begun, nearest=way, doppelganger=given, on_the_way=on_the_way)


def _limit(judge: Judge, settings: PortrayalSettings) -> float:
    """The distance that a doppelgänger must be beyond in the worst case."""
    return judge.threshold * (1 + settings.margin)


def _holds(
    judged: Sequence[JudgeCurves], settings: PortrayalSettings, see: Callable[[Pixels], None]
) -> doppelganger.Holds:
    """Whether every binding judge says someone else, in the worst case too. `see` is called with each
    picture."""

    def stays_beyond(one: JudgeCurves, picture: Pixels) -> bool:
        see(picture)
        (plain,) = judge_pictures(one.judge, one.reference, [picture], settings.seed, settings.k)
        if plain.same:
            return False
        (worst,) = judge_worst_case(one.judge, one.reference, [picture])
        return worst.worst_distance > _limit(one.judge, settings)

    binding = [one for one in judged if one.judge.binding]
    return lambda pictures: [all(stays_beyond(one, picture) for one in binding) for picture in pictures]


def _way(
    continuum: Continuum,
    judged: Sequence[JudgeCurves],
    settings: PortrayalSettings,
    report: Callable[[Progress], None],
) -> NearestContinuum:
    """The second continuum, judged like the first."""
    expected = len(judged) * (COARSE + BISECTIONS) + settings.nearest_strip
    see = _Stage("nearest_judging", expected, report).see
    samplers = {
        one.judge.name: sampler(one.judge, one.reference, continuum.picture, settings, see) for one in judged
    }
    curves = {
        one.judge.name: trace(
            continuum.picture, samplers[one.judge.name], one.judge.threshold, max_width=NEAREST_WIDTH
        )
        for one in judged
    }
    first = judged[0].judge
    strip = make_strip(
        continuum, first, curves[first.name], samplers[first.name], settings.nearest_strip, see
    )
    return NearestContinuum(continuum, curves, strip)


def _appraise(
    twin: Doppelganger, judged: Sequence[JudgeCurves], settings: PortrayalSettings, likeness: dict[str, float]
) -> AssessedDoppelganger:
    """Asks all judges about a doppelgänger."""
    verdicts, worst = {}, {}
    for one in judged:
        (verdicts[one.judge.name],) = judge_pictures(
            one.judge, one.reference, [twin.picture], settings.seed, settings.k
        )
        (worst[one.judge.name],) = judge_worst_case(one.judge, one.reference, [twin.picture])
    return AssessedDoppelganger(twin.kind, twin.t, twin.place, twin.picture, verdicts, worst, likeness)


def _beyond(curve: Curve) -> float | None:
    """The t just beyond the border; 1 where the judge does not know the match itself, None where it knows
    every picture of the way."""
    if curve.border is None and curve.samples[-1].verdict.same:
        return None
    return curve.border.low.t if curve.border and curve.border.high.verdict.same else 1.0


@torch.no_grad()
def _unlikeness(picture: Pixels, loss: Loss, device: torch.device) -> float:
    """The perceptual distance to the portrait."""
    return float(loss(to_target(picture, picture.shape[0]).to(device)))


def _likeness(picture: Pixels, match: Pixels, change: VisibleChange, to_portrait: float) -> dict[str, float]:
    """How alike the doppelgänger and the closest match look, by several measures."""
    figures = picture_likeness(picture, match) | {
        "perceptual": change.perceptual(picture),
        "perceptual_to_portrait": to_portrait,
    }
    measured = change.measure(picture)
    seen = {"visible_change": measured.total} | {f"noticed_{k}": v for k, v in asdict(measured).items()}
    return figures | {name: value for name, value in seen.items() if math.isfinite(value)}
