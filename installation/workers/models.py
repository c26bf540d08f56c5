"""Loads the networks that a configuration names: generator, encoder, judges, perceptual distance.

They are loaded once and kept for all visits.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from engine.common.arrays import Pixels
from engine.common.device import brought_to, choose, within_memory
from engine.common.errors import UsageError, WeightsError
from engine.faces.analyser import FaceAnalyser, open_analyser
from engine.faces.detector import Box
from engine.faces.mediapipe_detector import MediaPipeDetector
from engine.faces.mesh import FaceMesh
from engine.finders.beyond import with_reach
from engine.finders.registry import make_finders
from engine.inversion.projection import Place, SearchSettings, draw, fast_dtype
from engine.judges.base import Judge, OperatingPoint
from engine.judges.known_pair import load_known_pair, try_out
from engine.judges.registry import panel, require_binding
from engine.live.crowd.bank import Poses
from engine.live.crowd.bank_drawing import BankPainter
from engine.live.crowd.decision import Decision
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.decoders.live_training import LiveTraining
from engine.live.rigs.directions import Directions, face_box, find_directions, load_directions
from engine.live.rigs.photograph import SIDES_PX, rig_photograph
from engine.live.rigs.rig import Rig
from engine.live.rigs.rigging import make_rig
from engine.perceptual.distance import Distance
from engine.perceptual.encoder_features import EncoderFeatures
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.lpips import LPIPS
from engine.pipeline.group import GroupPainter, choices_of, find_heads, measure_members
from engine.pipeline.group_portrait import GroupPortrait
from engine.pipeline.meeting import Meeting, prepare_meeting
from engine.pipeline.people_file import load_people
from engine.pipeline.portrayal import Portrayal, portray
from engine.pipeline.progress import Progress
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.checkpoint import generator_sha256, load_generator
from engine.stylegan2.encoder import Encoder, load_encoder
from engine.stylegan2.network import Generator, to_uint8
from installation.outputs import report
from installation.outputs.record import Provenance
from installation.settings.configuration import PERCEPTUAL_WEIGHTS, Configuration
from installation.settings.manifest import Manifest, detector_choice, judge_files

# People 7 and 10 look unlike each other, as do most of that distance.
FIRST_LEARNED, LEARNED_APART = 7, 3


class ModelBundle:
    """The loaded networks of one configuration.

    Raises WeightsError where weights are missing or wrong, UsageError where no judge of the panel binds,
    MachineError where the GPU that is asked for is not there, or has too little memory.
    """

    @within_memory()
    def __init__(self, configuration: Configuration, for_stage: bool = False) -> None:
        """for_stage: leaves out what only a report has: a second doppelgänger, and the verdicts on the
        recorded search."""
        # Fixed, not what the machine has: the same photograph then has the same border on every machine.
        torch.set_num_threads(configuration.search.threads)
        self.device = choose(configuration.search.device)
        manifest = Manifest.load()
        weights = manifest.locate(configuration.generator)
        self.configuration = configuration
        self.generator = brought_to(load_generator(weights), self.device)
        self.generator_sha256 = generator_sha256(weights)
        self.encoder = _encoder(manifest, configuration.encoder, self.generator_sha256, self.device)
        self.people = _people(manifest, configuration.people, self.generator_sha256, self.generator)
        self.judges = load_judges(configuration)
        require_binding(self.judges)
        self.distance = _distance(manifest, configuration.perceptual, self.device)
        self._bank_painter: BankPainter | None = None
        self._alike: set[int] = set()  # numbers of nobodies; see `take_alike`
        search, judging = configuration.search, configuration.judging
        dtype = fast_dtype(self.device)
        self.settings = PortrayalSettings(
            search=SearchSettings(
                space=search.space,
                steps=search.steps,
                tuning_steps=search.tuning_steps,
                dtype=dtype,
                seed=0,
            ),
            finders=make_finders(search.finders, dtype, judging.seed),
            most_visible_change=search.most_visible_change,
            tuning=search.tuning,
            detector=detector_choice(configuration.faces.detector),
            k=judging.perturbations,
            seed=judging.seed,
            strip=configuration.film.pictures,
            all_finders=not for_stage,
            for_report=not for_stage,
        )

    def provenance(self) -> Provenance:
        """What the portrayals of this bundle are made with, for their reports."""
        generator = report.Generator(
            name=self.configuration.generator,
            sha256=self.generator_sha256,
            resolution=self.generator.resolution,
        )
        return Provenance(generator, report.VerdictSettings(k=self.settings.k, seed=self.settings.seed))

    @within_memory()
    def directions(self, analyser: FaceAnalyser) -> Directions:
        """How the generator turns a head: as a file says that came with it, else found now, which takes a
        minute at 256 px. Raises UsageError where the generator makes no faces."""
        return self._given_directions() or find_directions(self.generator, analyser)

    @within_memory()
    def rig(
        self,
        photograph: Pixels,
        analyser: FaceAnalyser,
        report: Callable[[float], None],
        largest_px: int = SIDES_PX[0],
    ) -> Rig:
        """The face in a photograph, ready to be moved; see `rig_photograph`."""
        return rig_photograph(
            photograph,
            analyser,
            self.generator,
            self.directions(analyser),
            self.distance,
            self.settings.search,
            self.encoder,
            report,
            largest_px,
        )

    @within_memory()
    def rig_of_nobody(
        self, number: int, analyser: FaceAnalyser, check: Callable[[], None] = lambda: None
    ) -> Rig:
        """One of the people who came with the generator, ready to be moved. check: see `make_rig`. Raises
        UsageError where there is none of this number."""
        count = 0 if self.people is None else len(self.people)
        if self.people is None or not 0 <= number < count:
            raise UsageError(
                f"There is no person {number}: {self.configuration.generator} came with {count} people, "
                "counted from 0."
            )
        place = self.people[number]
        with torch.no_grad():
            picture = to_uint8(draw(self.generator, place))[0].cpu().numpy()
        mesh = analyser.mesh(picture, face_box(len(picture)))
        if mesh is None:
            raise UsageError(f"Person {number} has no face that can be moved. Choose another number.")
        return make_rig(picture, mesh, self.generator, place, self.directions(analyser), analyser, check)

    def live_training(self, number: int, check: Callable[[], None]) -> LiveTraining | None:
        """Two decoders before they learn two of the people who came with the generator, another pair for each
        number. None where there are no two, or the generator has no directions of its own.

        check: called often; what it raises ends the work.
        """
        count = 0 if self.people is None else len(self.people)
        if count < 2 or self._given_directions() is None:
            return None
        first = (FIRST_LEARNED + 2 * number) % count
        second = (first + LEARNED_APART) % count if count > LEARNED_APART else (first + 1) % count
        with open_analyser(self.settings.detector) as analyser:
            a, b = (self.rig_of_nobody(each, analyser, check) for each in (first, second))
        return LiveTraining({"a": a, "b": b}, seed=number)

    def _given_directions(self) -> Directions | None:
        """Those that came with the generator; None where none did."""
        manifest = Manifest.load()
        name = f"{self.configuration.generator}-directions"
        if name not in manifest.entries:
            return None
        directions, sha256 = load_directions(manifest.locate(name), self.generator)
        return directions if sha256 == self.generator_sha256 else None

    def _needed_directions(self) -> Directions:
        directions = self._given_directions()
        if directions is None:
            raise UsageError("the generator has no directions, so it turns nobody's head.")
        return directions

    @within_memory()
    def portray(
        self,
        photographs: Sequence[Pixels],
        notify: Callable[[Progress], None] = lambda _: None,
        on_part: Callable[[Portrayal], None] = lambda _: None,
        meets: bool = False,
        reach: float = 0.0,
    ) -> Portrayal:
        """Portrays one sitter; see `portray`. meets: the doppelgänger is going to move, and has more in hand.
        reach: how far beyond its border it is looked for, 0 to 1.

        Raises MachineError where the GPU's memory is not enough.
        """
        settings = replace(self.settings, finders=with_reach(self.settings.finders, reach))
        if meets:
            settings = replace(settings, margin=settings.margin + settings.meeting_margin)
        found = portray(
            photographs,
            self.generator,
            self.judges,
            self.distance,
            settings,
            notify,
            on_part,
            self.encoder,
        )
        if self._bank_painter is not None and found.doppelganger is not None:
            self._alike |= self._bank_painter.alike(found.doppelganger.picture)
        return found

    @within_memory()
    def draw_nobody(self, number: int, check: Callable[[], None] = lambda: None) -> Poses:
        """A nobody in every pose for the live picture; see `BankPainter`. Doppelgängers made from then on are
        compared with it.

        Raises UsageError for a generator without directions of its own: finding them takes longer than a
        visit.
        """
        if self._bank_painter is None:
            nobodies = Nobodies(self.generator, self._needed_directions(), MediaPipeDetector(), self.people)
            self._bank_painter = BankPainter(nobodies, FaceMesh(), self.judges)
        return self._bank_painter.draw(number, check)

    def take_alike(self) -> frozenset[int]:
        """The nobodies drawn here that look like a doppelgänger made since the last call."""
        alike, self._alike = frozenset(self._alike), set()
        return alike

    @within_memory()
    def paint_group(
        self,
        photograph: Pixels,
        decided: Sequence[tuple[Box, Decision]],
        report: Callable[[int, int, Progress], None] = lambda *_: None,
    ) -> GroupPortrait:
        """The group portrait of a photograph uint8 (H, W, 3) RGB, for the stage; see `GroupPainter`.

        decided: as `choices_of` takes it; nothing is measured of anybody else. report: told of each
        doppelgänger its number, of how many, and how far it is. Raises NoUsableFace where nobody is found,
        UsageError for a generator without directions of its own: finding them takes longer than a visit.
        """
        directions = self._needed_directions()
        detector, mesh = MediaPipeDetector(), FaceMesh()
        heads = find_heads(photograph, Lookout(detector))
        choices = choices_of(heads, decided)
        count, begun = choices.count(Decision.DOPPELGANGER), -1

        def portray(picture: Pixels) -> Portrayal:
            nonlocal begun
            begun += 1
            return self.portray([picture], lambda progress: report(begun, count, progress), meets=True)

        painter = GroupPainter(
            photograph,
            measure_members(photograph, heads, mesh, choices),
            portray,
            Nobodies(self.generator, directions, detector, self.people),
            self.judges,
            mesh,
            self.settings,
            lenient=True,
        )
        return painter.paint(choices)

    @contextmanager
    def meeting(self, found: Portrayal, check: Callable[[], None]) -> Iterator[Meeting | None]:
        """The doppelgänger of a portrayal, ready to be moved; see `prepare_meeting`.

        None also for a generator without directions of its own: finding them takes longer than a visit.
        """
        directions = self._given_directions()
        if directions is None:
            yield None
            return
        with open_analyser(self.settings.detector) as analyser:
            yield prepare_meeting(found, directions, analyser, self.settings, check)


def _distance(manifest: Manifest, name: str, device: torch.device) -> Distance:
    paths = [manifest.locate(each) for each in PERCEPTUAL_WEIGHTS[name]]
    if name == "lpips":
        return brought_to(LPIPS.from_files(*paths), device)
    if name == "features":
        # The feature maps of the embedded encoder.
        return EncoderFeatures(brought_to(load_encoder(*paths)[0], device))
    return NormalisedLaplacianPyramid()


def load_judges(configuration: Configuration, names: Sequence[str] | None = None) -> list[Judge]:
    """The judges of these names, by default the panel's, at the operating points of the configuration.

    Its own recognisers are tried on the known pair. The witness binds nobody, whatever kind of judge it is.
    Raises UsageError and WeightsError.
    """
    names = configuration.judging.panel if names is None else names
    judges = panel(
        names,
        judge_files([name for name in names if name not in configuration.judges]),
        {name: point for name, point in configuration.judging.thresholds.items() if name in names},
        list(configuration.judges.values()),
        {
            name: {point: OperatingPoint(point, **measured.model_dump()) for point, measured in named.items()}
            for name, named in configuration.judging.points.items()
        },
    )
    for judge in judges:
        if judge.name == configuration.judging.witness:
            judge.binding = False
    own = [judge for judge in judges if judge.name in configuration.judges]
    if own:
        pair = load_known_pair(Manifest.load().locate("known-pair"))
        for judge in own:
            try_out(judge, pair)
    return judges


def _encoder(
    manifest: Manifest, name: str | None, sha256_of_generator: str, device: torch.device
) -> Encoder | None:
    """The encoder of that name. Raises WeightsError where it was trained for another generator."""
    if name is None:
        return None
    path = manifest.locate(name)
    encoder, metadata = load_encoder(path)
    _check_same(path, metadata.generator_sha256, sha256_of_generator, "encoder")
    return brought_to(encoder, device)


def _people(
    manifest: Manifest, name: str | None, sha256_of_generator: str, generator: Generator
) -> tuple[Place, ...] | None:
    """The people of that name. Raises WeightsError where they lie in another generator."""
    if name is None:
        return None
    path = manifest.locate(name)
    people, sha256 = load_people(path, generator)
    _check_same(path, sha256, sha256_of_generator, "people")
    return people


def _check_same(path: Path, sha256: str, sha256_of_generator: str, entry: str) -> None:
    if sha256 != sha256_of_generator:
        raise WeightsError(
            f'{path}: was made for another generator. Put {entry} = "" into the configuration, or make one '
            "for this generator (docs/training.md)."
        )
