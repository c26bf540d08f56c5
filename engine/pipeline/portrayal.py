"""The whole portrayal: a photograph in, the border and the doppelgänger out.

    faces -> alignment -> projection -> continuum -> judges -> border -> finders -> doppelgänger

`portray` is the library's one call. It opens no window, no network and no file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Literal

from engine.border.continuum import Continuum
from engine.border.strip import Strip
from engine.border.strip_builder import make_strip, pictures_seen
from engine.border.tracing import trace
from engine.common.arrays import Pixels
from engine.faces.alignment import Portrait
from engine.faces.analyser import FaceAnalyser, open_analyser
from engine.faces.measurement import Face
from engine.faces.sitter import find_sitter
from engine.finders.base import Finder, FinderTask, Holds
from engine.finders.metric import LatentMetric
from engine.inversion.projection import guess_place, median_face, search_latent, tune
from engine.inversion.target import aim_at
from engine.judges.base import Judge
from engine.judges.judging import judge_pictures, make_reference
from engine.judges.plain import PlainReading, plain_reading
from engine.judges.registry import require_binding
from engine.perceptual.distance import Distance
from engine.perceptual.visible_change import VisibleChange
from engine.pipeline.assessment import (
    AssessedDoppelganger,
    assess,
    constraints_of,
    constraints_of_others,
    distance_to_portrait,
    holding,
    t_beyond_border,
)
from engine.pipeline.choice import Refusal, least_changed, refusal
from engine.pipeline.curves import (
    JUDGED_PICTURES,
    JudgeCurves,
    JudgeOfSitter,
    NearestContinuum,
    judge_nearest_continuum,
    judge_search,
    sampler,
)
from engine.pipeline.enlargement import Enlargement, enlarge
from engine.pipeline.prices import PriceList, find_prices
from engine.pipeline.progress import PictureCounter, Progress, Report, SearchRecorder, Stopwatch, report_step
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.encoder import Encoder
from engine.stylegan2.network import Generator

HELD_PICTURES = 16  # about how many pictures are tried before one holds


@dataclass(frozen=True)
class Portrayal:
    """Everything that was found about one sitter. Arrays are uint8 (R, R, 3), RGB.

    Attributes:
        face, portrait: the sitter's, of the first photograph.
        init: where the search began to optimise: at the median face, or where an encoder guessed.
        steps, tuning_steps: of the search; no tuning: 0.
        loss: the perceptual distance at the closest match.
        continuum, strip, judged: of the way from the median face (t = 0) to the closest match (t = 1).
        nearest: the doppelgänger's own continuum, where its finder gives it one.
        doppelganger: the one to give, of those found the one with the least visible change.
        refused: why others were not to be given, whatever else was found.
        enlargement: of `doppelganger`; None where the enlarged picture does not hold, or none is needed.
        on_the_way: the first one to give that has no continuum of its own; the same as `doppelganger` where
            no nearer one was found.
        prices: what it costs until the next judge lets go; None unless the settings ask for it, or where no
            judge can be convinced.
        settled: whether the doppelgänger is no longer looked for: it is found, or not to be had.
        seconds: by stage.
        plain: the sitter as the judges' own packages know them, by the judges' names.
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
    settled: bool = False
    enlargement: Enlargement | None = None
    refused: tuple[Refusal, ...] = ()
    prices: PriceList | None = None
    plain: Mapping[str, PlainReading] = field(default_factory=dict)


def portray(
    photographs: Sequence[Pixels],
    generator: Generator,
    judges: Sequence[Judge],
    distance: Distance,
    settings: PortrayalSettings | None = None,
    report: Report = lambda _: None,
    on_part: Callable[[Portrayal], None] = lambda _: None,
    encoder: Encoder | None = None,
) -> Portrayal:
    """Portrays one sitter.

    Args:
        photographs: uint8 (H, W, 3) RGB, upright; the first is portrayed, all make the judges' reference.
        judges: the panel; at least one of them binding.
        distance: what the search minimises; no judge.
        report: called often with what is being done; what it raises cancels the visit.
        on_part: called with what is known so far, three times: as soon as the leading judge, the first of
            them, has judged the continuum from the median face, its strip being the judged pictures; with the
            whole strip and every binding judge; and with the doppelgänger (`settled`), while judges that do
            not bind may still have to judge that continuum, and the picture is to be enlarged.
        encoder: the generator's own, whose guess the search walks to first; without one it starts at the
            median face.

    Raises:
        NoUsableFace: where a photograph holds no face that can be portrayed.
        UsageError: where no judge binds.
    """
    require_binding(judges)
    settings = settings or PortrayalSettings()
    with open_analyser(settings.detector) as analyser:
        return _portray(
            photographs, generator, judges, distance, settings, report, on_part, encoder, analyser
        )


def _portray(
    photographs: Sequence[Pixels],
    generator: Generator,
    judges: Sequence[Judge],
    distance: Distance,
    settings: PortrayalSettings,
    report: Report,
    on_part: Callable[[Portrayal], None],
    encoder: Encoder | None,
    analyser: FaceAnalyser,
) -> Portrayal:
    stopwatch = Stopwatch()

    with stopwatch("faces"):
        report(Progress("faces", 0.0))
        sitters = [find_sitter(analyser, p, settings.limits, settings.portrait_px) for p in photographs]
    face, portrait = sitters[0]

    with stopwatch("reference"):
        report(Progress("reference", 0.0))
        aligned = [(shot.portrait.image, shot.portrait.landmarks) for shot in sitters]
        panel = [JudgeOfSitter(judge, make_reference(judge, aligned, settings.seed)) for judge in judges]

    target = aim_at(portrait, generator.resolution, distance, generator.device)
    search = settings.search
    recorder = SearchRecorder(search.steps + search.tuning_steps, settings.recorded, report)
    with stopwatch("search"):
        start = guess_place(generator, encoder, target.picture) if encoder else None
        found = recorder.follow(search_latent(generator, target.loss, search, start), "search")
    searched, tuned = found.index + 1, 0
    if settings.tuning == "always" or (
        settings.tuning == "auto" and is_far(found.picture.numpy(), panel, settings)
    ):
        with stopwatch("tuning"):
            tuning = tune(generator, target.loss, found.place, search, target.head, target.sees_px)
            found = recorder.follow(tuning, "tuning")
        tuned = found.index + 1

    continuum = Continuum(generator, median_face(generator), found.place)
    rows = 1 + settings.for_report
    on_picture = PictureCounter("judging", len(judges) * rows * JUDGED_PICTURES, report).add

    def curves(member: JudgeOfSitter) -> JudgeCurves:
        judge, reference = member.judge, member.reference
        sample = sampler(judge, reference, continuum.picture, settings, on_picture)
        curve = trace(continuum.picture, sample, judge.threshold)
        search_curve = (
            judge_search(judge, reference, recorder.pictures, settings, on_picture)
            if settings.for_report
            else None
        )
        return JudgeCurves(judge, reference, curve, search_curve)

    # The visitor waits for the leading judge's border, then for the doppelgänger: who need not be convinced
    # of that is asked while it is shown.
    with stopwatch("judging"):
        leading = curves(panel[0])
    on_film = PictureCounter("film", pictures_seen(leading.curve, settings.strip), report).add
    sample = sampler(leading.judge, leading.reference, continuum.picture, settings, on_film)
    begun = Portrayal(
        face=face,
        portrait=portrait,
        init="encoder" if encoder else "mean",
        steps=searched,
        tuning_steps=tuned,
        loss=found.loss,
        continuum=continuum,
        judged=[leading],
        strip=make_strip(continuum, leading.judge, leading.curve, sample, 0),
        nearest=None,
        doppelganger=None,
        on_the_way=None,
        seconds=stopwatch.seconds,
    )
    on_part(begun)
    with stopwatch("film"):
        strip = make_strip(continuum, leading.judge, leading.curve, sample, settings.strip, on_film)
    with stopwatch("judging"):
        now = [member for member in panel[1:] if member.judge.binding or settings.for_report]
        begun = replace(begun, strip=strip, judged=[leading, *map(curves, now)])
    recorder.pictures.clear()  # at 1024 px up to a gigabyte
    on_part(begun)

    with stopwatch("doppelganger"):
        readings = [plain_reading(judge, portrait.image) for judge in judges]
    known = {reading.judge.name: reading for reading in readings if reading is not None}
    begun = replace(begun, plain=known)
    metric = LatentMetric(recorder.gradients)
    match = continuum.picture(1.0)
    change = VisibleChange(match, target.importance, distance, analyser)
    portrait_distance = partial(distance_to_portrait, loss=target.loss, device=generator.device)
    done = _with_doppelganger(begun, panel, change, portrait_distance, settings, report, stopwatch, metric)
    on_part(done)

    curves_by_judge = {each.judge.name: each for each in done.judged}
    with stopwatch("judging"):
        judged = [curves_by_judge.get(member.judge.name) or curves(member) for member in panel]
    done = replace(done, judged=judged)
    if done.doppelganger is not None:
        # The margin is for what becomes of the picture later, and this is the first of it.
        demands = constraints_of(panel, replace(settings, margin=0.0), done.plain)
        on_picture = PictureCounter("doppelganger", HELD_PICTURES, report).add
        with stopwatch("doppelganger"):
            enlargement = enlarge(done.doppelganger.picture, holding(demands, settings, on_picture))
        done = replace(done, enlargement=enlargement)
    if settings.price_list:
        with stopwatch("prices"):
            prices = find_prices(continuum, begun.judged, change, done.doppelganger, settings, report, metric)
        done = replace(done, prices=prices)
    return done


def is_far(match: Pixels, panel: Sequence[JudgeOfSitter], settings: PortrayalSettings) -> bool:
    """Whether a binding judge does not, or barely, recognise the match, so that tuning is worth its time."""
    for member in panel:
        if member.judge.binding:
            (verdict,) = judge_pictures(member.judge, member.reference, [match], settings.seed, settings.k)
            if verdict.distance > settings.tuning_target * member.judge.threshold:
                return True
    return False


def _with_doppelganger(
    begun: Portrayal,
    panel: Sequence[JudgeOfSitter],
    change: VisibleChange,
    portrait_distance: Callable[[Pixels], float],
    settings: PortrayalSettings,
    report: Report,
    stopwatch: Stopwatch,
    metric: LatentMetric | None = None,
) -> Portrayal:
    """Asks the finders in their order, and completes the portrayal with what may be given of their finds."""
    continuum = begun.continuum
    match = continuum.picture(1.0)
    constraints = constraints_of(panel, settings, begun.plain)
    beyond = [t_beyond_border(each.curve) for each in begun.judged if each.judge.binding]

    @cache
    def holds(stage: str) -> Holds:
        return holding(constraints, settings, PictureCounter(stage, HELD_PICTURES, report).add)

    with stopwatch("doppelganger"):
        (match_holds,) = holds("doppelganger")([match])
    found: list[tuple[Finder, AssessedDoppelganger]] = []
    refused: list[Refusal] = []
    nearest: NearestContinuum | None = None
    for finder in settings.finders:
        if found and (finder.last_resort or not settings.all_finders):
            continue
        task = FinderTask(
            generator=continuum.generator,
            continuum=continuum,
            border_t=min((t for t in beyond if t is not None), default=1.0),
            recognised_throughout=None in beyond,
            constraints=constraints,
            others=constraints_of_others(panel),
            most_visible_change=settings.most_visible_change,
            holds=holds(finder.judging_stage),
            match_holds=match_holds,
            change=change,
            metric=metric or LatentMetric(),
            portrait_distance=portrait_distance,
            report_step=partial(report_step, stage=finder.stage, report=report),
        )
        with stopwatch(finder.stage):
            doppelganger = finder.find(task)
        if doppelganger is None:
            continue
        with stopwatch("doppelganger"):
            to_portrait = portrait_distance(doppelganger.picture)
            assessed = assess(doppelganger, panel, match, change, to_portrait, settings)
        refused_for = refusal(assessed, finder.stays_among_faces, settings.most_visible_change)
        if refused_for is not None:
            refused.append(refused_for)
            continue
        found.append((finder, assessed))
        if finder.own_continuum and nearest is None:
            with stopwatch(finder.judging_stage):
                own = Continuum(continuum.generator, doppelganger.place, continuum.end)
                asked = panel if settings.for_report else panel[:1]
                nearest = judge_nearest_continuum(own, asked, settings, finder.judging_stage, report)

    return replace(
        begun,
        nearest=nearest,
        doppelganger=least_changed([assessed for _, assessed in found]),
        settled=True,
        on_the_way=next((each for finder, each in found if not finder.own_continuum), None),
        refused=tuple(refused),
    )
