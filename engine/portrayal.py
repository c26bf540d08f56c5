"""The whole way: a photograph in, the border and the doppelgänger out.

    faces -> alignment -> projection -> continuum -> judges -> border -> doppelgänger

`portray` is the library's one call. It opens no window, no network and no file.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import torch
from skimage.metrics import structural_similarity

from engine import doppelganger
from engine.alignment import Portrait, crop_ffhq
from engine.arrays import Pixels
from engine.border import COARSE, Curve, Sample, trace
from engine.continuum import Continuum
from engine.doppelganger import Doppelganger
from engine.encoder import Encoder
from engine.faces import Face, FaceFinder, FaceLimits, choose_sitter
from engine.filming import make_strip, pictures_seen
from engine.finding import Finding, Opinion
from engine.judges.base import Judge
from engine.judges.verdict import K, Reference, Verdict, judge_pictures, judge_worst_case, make_reference
from engine.perceptual import Distance
from engine.projection import Loss, Place, SearchSettings, Step, median_face, search_latent, tune
from engine.strip import Strip, WithoutBorder
from engine.stylegan2 import Generator

Tuning = Literal["auto", "always", "never"]

BISECTIONS = 8  # pictures a judge is asked about to find a border, about
HOLDING = 16  # pictures that are tried before a doppelgänger holds, about


@dataclass(frozen=True)
class PortrayalSettings:
    """How a sitter is portrayed.

    Attributes:
        search: of the projection.
        limits: which faces are accepted.
        tuning: whether the generator's weights are tuned for this visit; `auto` does it where a binding
            judge's distance at the match is above `tuning_target` times its threshold.
        k, seed: how many perturbations make a verdict, and which.
        margin: how far beyond the threshold a doppelgänger has to stay in the worst case, as a share of it.
        recorded: how many pictures of the search are kept, at most.
        strip: how many pictures the film's strip holds, besides those judged to find the border.
        portrait_px: side of the sitter's portrait.
    """

    search: SearchSettings = field(default_factory=SearchSettings)
    limits: FaceLimits = field(default_factory=FaceLimits)
    tuning: Tuning = "auto"
    tuning_target: float = 0.6
    k: int = K
    seed: int = 0
    margin: float = 0.01
    recorded: int = 300
    strip: int = 97
    portrait_px: int = 512


@dataclass(frozen=True)
class Progress:
    """What is being done: `share` of this stage in [0, 1], and the `picture` it is being done with, uint8
    (R, R, 3) RGB. `step` comes with each step of the search."""

    stage: str
    share: float
    step: Step | None = None
    picture: Pixels | None = None


@dataclass(frozen=True)
class Judged:
    """One judge on one sitter. The `search_curve` runs from the first picture of the search to the last."""

    judge: Judge
    reference: Reference
    curve: Curve
    search_curve: Curve

    @property
    def at_match(self) -> float:
        return self.curve.samples[-1].distance

    @property
    def at_median(self) -> float:
        return self.curve.samples[0].distance


@dataclass(frozen=True)
class Portrayal:
    """Everything a visit has found. Arrays are uint8 (R, R, 3), RGB.

    `init` says where the search began to optimise: at the median face, or where an encoder guessed.
    `verdicts` and `worst` are of the doppelgänger, by judge; `likeness` compares it with the closest match.
    """

    face: Face
    portrait: Portrait
    init: Literal["mean", "encoder"]
    steps: int
    tuning_steps: int
    loss: float
    continuum: Continuum
    judged: list[Judged]
    strip: Strip
    doppelganger: Doppelganger | None
    verdicts: dict[str, Verdict]
    worst: dict[str, Verdict]
    likeness: dict[str, float]
    seconds: dict[str, float]


def summarise(portrayal: Portrayal) -> Finding:
    """What of it is shown; nothing of the sitter's own face is in it."""
    twin = portrayal.doppelganger
    return Finding(
        median=portrayal.strip,
        nearest=None,
        opinions=tuple(
            _opinion(one.judge, one.curve, portrayal.verdicts.get(one.judge.name)) for one in portrayal.judged
        ),
        doppelganger=twin.picture if twin else None,
    )


def _opinion(judge: Judge, curve: Curve, of_doppelganger: Verdict | None) -> Opinion:
    seen = [sample for sample in curve.samples if math.isfinite(sample.distance)]
    return Opinion(
        judge=judge.name,
        binding=judge.binding,
        threshold=judge.threshold,
        fmr=judge.fmr,
        curve=tuple((sample.t, sample.distance) for sample in seen),
        border_t=curve.border.t if curve.border else None,
        without_border=_without_border(curve),
        of_doppelganger=of_doppelganger.same if of_doppelganger else None,
    )


def _without_border(curve: Curve) -> WithoutBorder | None:
    if curve.border:
        return None
    if not any(math.isfinite(sample.distance) for sample in curve.samples):
        return WithoutBorder.UNDECIDED
    return WithoutBorder.ALWAYS if curve.samples[-1].same else WithoutBorder.NEVER


def face_importance(portrait: Portrait, resolution: int) -> torch.Tensor:
    """(1, 1, R, R): the face within the mesh counts fully, everything about it a quarter."""
    size = portrait.image.shape[0]
    mask = np.zeros((size, size), np.float32)
    hull = cv2.convexHull(portrait.landmarks.astype(np.int32))
    cv2.fillPoly(mask, [hull], (1.0,))
    soft = cv2.GaussianBlur(cv2.dilate(mask, np.ones((9, 9), np.uint8)), (0, 0), size / 40)
    small = cv2.resize(soft, (resolution, resolution), interpolation=cv2.INTER_AREA)
    return torch.from_numpy((0.25 + 0.75 * small).astype(np.float32))[None, None]


def to_target(image: Pixels, resolution: int) -> torch.Tensor:
    """uint8 (S, S, 3) -> (1, 3, R, R) in [-1, 1], shrunk by area averaging."""
    method = cv2.INTER_AREA if resolution < image.shape[0] else cv2.INTER_CUBIC
    small = cv2.resize(image, (resolution, resolution), interpolation=method)
    return (torch.from_numpy(small).permute(2, 0, 1)[None].float() - 127.5) / 127.5


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


class _Recorder:
    """Follows the search: reports each step, keeps evenly spaced pictures of it, the last one always."""

    def __init__(self, settings: PortrayalSettings, report: Callable[[Progress], None]) -> None:
        steps = settings.search.steps + settings.search.tuning_steps
        self.every = math.ceil(steps / settings.recorded)
        self.report = report
        self.pictures: list[Pixels] = []

    def follow(self, steps: Iterator[Step], stage: str) -> Step:
        """Runs a phase of the search to its end and returns its last step."""
        for step in steps:
            picture = step.picture.numpy()
            if step.index % self.every == 0:
                self.pictures.append(picture)
            self.report(Progress(stage, (step.index + 1) / step.steps, step, picture))
        if step.index % self.every:
            self.pictures.append(step.picture.numpy())
        return step


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
            samples.append(Sample(t, verdict.distance, verdict.spread / settings.k**0.5, verdict.same))
        return samples

    return sample


def _trace_search(
    judge: Judge,
    reference: Reference,
    recorded: Pixels,
    settings: PortrayalSettings,
    see: Callable[[Pixels], None],
) -> Curve:
    """The crossings of the recorded search, which has only the pictures it has."""
    last = max(len(recorded) - 1, 1)

    def picture(t: float) -> Pixels:
        return np.asarray(recorded[round(t * last)])

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
    encoder: Encoder | None = None,
) -> Portrayal:
    """Portrays one sitter.

    Args:
        photographs: uint8 (H, W, 3) RGB, upright; the first is portrayed, all make the judges' reference.
        judges: the panel; at least one of them binding.
        distance: what the search minimises; no judge.
        report: called often with what is being done; what it raises cancels the visit.
        encoder: the generator's own, whose guess the search walks to first; without one it starts at the
            median face.

    Raises:
        NoUsableFace: where a photograph holds no face that can be portrayed.
    """
    settings = settings or PortrayalSettings()
    watch = _Stopwatch()

    with watch("faces"), FaceFinder() as finder:
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

    target = to_target(portrait.image, generator.resolution)
    loss = distance.towards(target, face_importance(portrait, generator.resolution))
    recorder = _Recorder(settings, report)
    with watch("search"):
        start = guess(generator, encoder, target) if encoder else None
        found = recorder.follow(search_latent(generator, loss, settings.search, start), "search")
    searched, tuned = found.index + 1, 0
    if settings.tuning == "always" or (
        settings.tuning == "auto" and _is_far(found.picture.numpy(), judges, references, settings)
    ):
        with watch("tuning"):
            found = recorder.follow(tune(generator, loss, found.place, settings.search), "tuning")
        tuned = found.index + 1
    recorded = np.stack(recorder.pictures)

    continuum = Continuum(generator, median_face(generator), found.place)
    judged = []
    with watch("judging"):
        see = _Stage("judging", len(judges) * 2 * (COARSE + BISECTIONS), report).see
        for judge, reference in zip(judges, references, strict=True):
            sample = sampler(judge, reference, continuum.picture, settings, see)
            curve = trace(continuum.picture, sample, judge.threshold)
            search_curve = _trace_search(judge, reference, recorded, settings, see)
            judged.append(Judged(judge, reference, curve, search_curve))

    with watch("doppelganger"):
        see = _Stage("doppelganger", HOLDING, report).see
        twin = _find_doppelganger(generator, continuum, judged, loss, settings, see)
    verdicts, worst, likeness = {}, {}, {}
    if twin:
        for one in judged:
            (verdicts[one.judge.name],) = judge_pictures(
                one.judge, one.reference, [twin.picture], settings.seed, settings.k
            )
            (worst[one.judge.name],) = judge_worst_case(one.judge, one.reference, [twin.picture])
        likeness = _likeness(twin.picture, continuum.picture(1.0), loss)

    with watch("film"):
        first = judged[0]
        see = _Stage("film", pictures_seen(first.curve, settings.strip), report).see
        sample = sampler(first.judge, first.reference, continuum.picture, settings, see)
        strip = make_strip(continuum, first.judge, first.curve, sample, settings.strip, see)

    return Portrayal(
        face=faces[0],
        portrait=portrait,
        init="encoder" if encoder else "mean",
        steps=searched,
        tuning_steps=tuned,
        loss=found.loss,
        continuum=continuum,
        judged=judged,
        strip=strip,
        doppelganger=twin,
        verdicts=verdicts,
        worst=worst,
        likeness=likeness,
        seconds=watch.seconds,
    )


def _find_doppelganger(
    generator: Generator,
    continuum: Continuum,
    judged: Sequence[Judged],
    loss: Loss,
    settings: PortrayalSettings,
    see: Callable[[Pixels], None],
) -> Doppelganger | None:
    binding = [one for one in judged if one.judge.binding]

    def holds(pictures: Sequence[Pixels]) -> list[bool]:
        return [all(stays_beyond(one, picture) for one in binding) for picture in pictures]

    def stays_beyond(one: Judged, picture: Pixels) -> bool:
        see(picture)
        (plain,) = judge_pictures(one.judge, one.reference, [picture], settings.seed, settings.k)
        (worst,) = judge_worst_case(one.judge, one.reference, [picture])
        return not plain.same and worst.worst_distance > one.judge.threshold * (1 + settings.margin)

    def unlikeness(picture: Pixels) -> float:
        with torch.no_grad():
            return float(loss(to_target(picture, picture.shape[0])))

    start_t = min(_beyond(one.curve) for one in binding)
    found = doppelganger.on_the_way(continuum, start_t, holds)
    return found or doppelganger.nearest(
        generator, continuum.place(start_t), holds, unlikeness, settings.seed
    )


def _beyond(curve: Curve) -> float:
    """The t just beyond the border; a judge that does not know the match itself sets no limit."""
    return curve.border.low.t if curve.border and curve.border.high.same else 1.0


def _likeness(picture: Pixels, match: Pixels, loss: Loss) -> dict[str, float]:
    """How alike the doppelgänger and the closest match look; `perceptual` is to the portrait itself."""
    with torch.no_grad():
        perceptual = float(loss(to_target(picture, picture.shape[0])))
    ssim = structural_similarity(picture, match, channel_axis=2)
    return {"ssim": float(ssim), "perceptual_to_portrait": perceptual}
