"""Whom the machine serves worse: refusals, and judges' errors, by groups of people.

Groups are thirds by skin tone (`engine.evaluation.skin_tone`) and whatever labels the user gives; nothing
about anybody is guessed. Pairs are judged under the protocol of docs/verdict.md, each photograph in its own
alignment, strangers within one group: two people are taken for one where they are alike.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import FaceRefusal
from engine.evaluation.skin_tone import cheek_ita_deg
from engine.faces.acceptance import refusals_of_all
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.judges.calibration import JudgedPairs, Rate
from engine.pipeline.portrayal import Portrayal

THIRDS = ("darkest third", "middle third", "lightest third")


@dataclass(frozen=True, eq=False)
class Look:
    """What is found in one photograph of a person.

    refusal: the first reason why it is not portrayed, None where it is. ita_deg: the skin tone, also of a
    refused face; None where no face is found. portrait: of an accepted face.
    """

    person: str
    refusal: FaceRefusal | None
    ita_deg: float | None
    portrait: Portrait | None

    def without_portrait(self) -> "Look":
        """The same without its picture, of which a folder of thousands would fill the memory."""
        return replace(self, portrait=None)


@dataclass(frozen=True)
class GroupErrors:
    """A judge's errors in a group at its operating point: strangers taken for one person, and pictures of one
    person taken for two. None where there are no such pairs."""

    false_matches: Rate | None
    misses: Rate | None


@dataclass(frozen=True)
class GroupLooks:
    """The photographs of a group. ita_deg: of the person with the darkest and the lightest skin. refused: of
    all photographs. reasons: how many for each."""

    people: int
    ita_deg: tuple[float, float] | None
    refused: Rate
    reasons: Mapping[FaceRefusal, int]


def look(person: str, photograph: Pixels, analyser: FaceAnalyser, portrait_px: int = 512) -> Look:
    """Looks at a photograph uint8 (H, W, 3) RGB as a visit does."""
    faces = analyser.find(photograph)
    reasons = refusals_of_all(faces)
    if not faces:
        return Look(person, reasons[0], None, None)
    landmarks: NDArray[np.float32] = faces[0].landmarks
    return Look(
        person,
        reasons[0] if reasons else None,
        cheek_ita_deg(photograph, landmarks),
        None if reasons else crop_ffhq(photograph, landmarks, portrait_px),
    )


def skin_tones(looks: Sequence[Look]) -> dict[str, float]:
    """The median ITA in degrees of everybody of whom a face was found."""
    found: dict[str, list[float]] = {}
    for each in looks:
        if each.ita_deg is not None:
            found.setdefault(each.person, []).append(each.ita_deg)
    return {person: float(np.median(angles)) for person, angles in found.items()}


def thirds(tones: Mapping[str, float]) -> dict[str, list[str]]:
    """People in thirds by skin tone, from the darkest; without empty ones."""
    people = sorted(tones, key=lambda person: (tones[person], person))
    parts = np.array_split(np.array(people, dtype=object), len(THIRDS))
    return {name: list(part) for name, part in zip(THIRDS, parts, strict=True) if len(part)}


def group_looks(looks: Sequence[Look], people: Collection[str], tones: Mapping[str, float]) -> GroupLooks:
    """Counts the photographs of a group's people; tones: see `skin_tones`."""
    own = [each for each in looks if each.person in people]
    reasons = Counter(each.refusal for each in own if each.refusal is not None)
    angles = [tones[person] for person in people if person in tones]
    return GroupLooks(
        people=len(people),
        ita_deg=(min(angles), max(angles)) if angles else None,
        refused=Rate(reasons.total(), len(own)),
        reasons=dict(reasons),
    )


def group_errors(pairs: JudgedPairs, people: Collection[str], threshold: float) -> GroupErrors:
    """A judge's errors on the pairs within a group."""
    found = pairs.of(people).calibration
    return GroupErrors(
        false_matches=found.fmr(threshold) if len(found.impostor) else None,
        misses=found.fnmr(threshold) if len(found.genuine) else None,
    )


@dataclass(frozen=True)
class VisitFigures:
    """What a whole visit gave.

    border_t: of the leading judge on the way from the median face (0) to the match (1), None where there is
    none. steps: of search and tuning. visible_change: of the doppelgänger, in just-noticeable differences;
    None where none is given.
    """

    border_t: float | None
    steps: int
    visible_change: float | None


def visit_figures(portrayal: Portrayal) -> VisitFigures:
    """The figures of a portrayal."""
    border, given = portrayal.judged[0].curve.border, portrayal.doppelganger
    return VisitFigures(
        border_t=border.t if border else None,
        steps=portrayal.steps + portrayal.tuning_steps,
        visible_change=given.visible_change if given else None,
    )
