"""People who do not exist: found in the generator, for the attract scene and as sitters without a camera.

To a judge, most people whom a generator makes look much like its median face. Those are taken whom the
leading judge clearly distinguishes from it, so that there is a border on the continuum to them. Random people
at that distance are rare, and often no longer look like a face; so a generator may come with a file of
better ones (`engine.pipeline.people_file`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from engine.border.continuum import Continuum
from engine.border.strip import Strip
from engine.border.strip_builder import make_strip
from engine.border.tracing import trace
from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace
from engine.faces.acceptance import choose_sitter
from engine.faces.analyser import open_analyser
from engine.faces.measurement import Face
from engine.inversion.projection import Place, median_face
from engine.judges.base import Judge
from engine.judges.judging import REFERENCE_K, Reference, judge_pictures, make_reference
from engine.pipeline.curves import sampler
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.network import Generator

TRUNCATION = 0.8
CLEARLY = 7 / 6  # the least distance of the median face, in thresholds of the judge: with dlib's 0.6, 0.7
CANDIDATES = 60  # after so many, the one farthest from the median face is taken
FIRST_K = 1  # perturbations of a first verdict; only who passes it is judged as a sitter is
PHOTOGRAPH_PX = 512


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who does not exist.

    number: the candidate's. photograph: uint8 (512, 512, 3) RGB. continuum: from the median face to them.
    reference: of the judge that chose them.
    """

    number: int
    photograph: Pixels
    continuum: Continuum
    reference: Reference


def find_person(
    generator: Generator,
    judge: Judge,
    number: int,
    settings: PortrayalSettings,
    on_picture: Callable[[Pixels], None] = lambda _: None,
    known: Sequence[Place] | None = None,
) -> Person:
    """The first person, from `number` on, whom the judge clearly distinguishes from the median face.

    on_picture: called with the picture of each candidate. known: people who are the only candidates, again
    and again; None: random people. Raises NoUsableFace where none of `CANDIDATES`
    pictures shows a usable face.
    """
    median = median_face(generator)
    farthest: tuple[float, Person] | None = None
    with open_analyser(settings.detector) as finder:
        for candidate in range(number, number + CANDIDATES):
            place = _random(generator, candidate) if known is None else known[candidate % len(known)]
            continuum = Continuum(generator, median, place)
            picture = continuum.picture(1.0)
            on_picture(picture)
            size = (PHOTOGRAPH_PX, PHOTOGRAPH_PX)
            photograph = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
            try:
                face = choose_sitter(finder.find(photograph), settings.limits)
                distance, _ = _from_median(
                    judge, photograph, face, continuum, settings.seed, FIRST_K, FIRST_K
                )
            except NoUsableFace:
                continue
            if distance >= CLEARLY * judge.threshold or farthest is None or distance > farthest[0]:
                distance, reference = _from_median(
                    judge, photograph, face, continuum, settings.seed, settings.k, REFERENCE_K
                )
                person = Person(candidate, photograph, continuum, reference)
                if distance >= CLEARLY * judge.threshold:
                    return person
                farthest = distance, person
    if farthest is None:
        raise NoUsableFace("none", "The generator makes no faces that can be portrayed: use another one.")
    return farthest[1]


def _from_median(
    judge: Judge,
    photograph: Pixels,
    face: Face,
    continuum: Continuum,
    seed: int,
    k: int,
    reference_k: int,
) -> tuple[float, Reference]:
    """The judge's distance of a person to the median face, and the reference of that person."""
    reference = make_reference(judge, [(photograph, face.landmarks)], seed, reference_k)
    (verdict,) = judge_pictures(judge, reference, [continuum.picture(0.0)], seed, k)
    return verdict.distance, reference


def person_strip(
    person: Person,
    judge: Judge,
    settings: PortrayalSettings,
    on_picture: Callable[[Pixels], None] = lambda _: None,
) -> Strip:
    """The strip of the continuum to that person, judged like a sitter's."""
    picture = person.continuum.picture
    sample = sampler(judge, person.reference, picture, settings, on_picture)
    curve = trace(picture, sample, judge.threshold)
    return make_strip(person.continuum, judge, curve, sample, settings.strip, on_picture)


def _random(generator: Generator, number: int) -> Place:
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(number))
    with torch.no_grad():
        w = generator.mapping(z.to(generator.device))
        return Place(generator.truncate(generator.broadcast(w), TRUNCATION))
