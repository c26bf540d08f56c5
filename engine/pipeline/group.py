"""A photograph of several people in, one picture out in which each face appears as its owner has chosen.

The picture is black, and in it are the faces: real, as a doppelgänger that is searched for as for one person,
or as somebody who does not exist. Nothing else of the photograph is in it. A face for which no doppelgänger
holds is that of somebody who does not exist; so is a real one that is so near to another head, or to the
edge, that part of it could be the face of somebody who has not chosen to be real.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.common.arrays import Pixels
from engine.common.errors import NoUsableFace
from engine.faces.alignment import Portrait, crop_ffhq
from engine.faces.detector import Box, DetectedHead, box_centre, box_contains
from engine.faces.measurement import measure_width
from engine.faces.mesh import FaceMesh
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_pictures, make_reference
from engine.judges.verdict import Verdict
from engine.live.crowd.bank import draw_placed, draw_pose
from engine.live.crowd.bank_drawing import pose_of
from engine.live.crowd.decision import Decision
from engine.live.crowd.head import Turn, are_near, box_width, is_at_the_edge, turn_of
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.outline import draw_face, mesh_of_head, outline_of
from engine.live.crowd.replacement import erase_head
from engine.live.crowd.resemblance import LOOKS, are_alike
from engine.perceptual.frechet import FEWEST_FOR_FRECHET, frechet_distance, pooled_features
from engine.perceptual.visible_change import picture_likeness
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.settings import PortrayalSettings
from engine.stylegan2.encoder import Encoder

# What is portrayed of the photograph: a square about the face, so many widths of its box wide.
SURROUNDINGS_WIDTHS = 5.0
# Of the other heads nothing takes part, but where they overlap with this much of the face, in box widths.
FACE_ACROSS, FACE_ALONG = 0.45, 0.6
# Judges are asked about faces of at least this width, and both pictures are compared at this size.
MIN_FACE_PX, COMPARED_PX = 64, 256
# So many nobodies are tried for one face before it is left out. Of six rendered people, who stand close
# together for dlib, most of the first dozen look like one: 12 left two faces out.
MOST_CANDIDATES = 40

CROWDED_NOTE = "the head of somebody who is not real is too near, and could be in the picture of this face"
EDGE_NOTE = "it is too near to the edge of the photograph, where somebody else could be before it"

Portray = Callable[[Pixels], Portrayal]


@dataclass(frozen=True, eq=False)
class Member:
    """Somebody in the photograph. mesh: float64 (478, 3), in pixels; None where none is found, or none was
    looked for."""

    head: DetectedHead
    mesh: NDArray[np.float64] | None


def find_heads(photograph: Pixels, lookout: Lookout) -> list[DetectedHead]:
    """Everybody in a photograph uint8 (H, W, 3) RGB, from the left to the right. Raises NoUsableFace."""
    heads = sorted(lookout.search(photograph), key=lambda head: box_centre(head.box_px)[0])
    if not heads:
        raise NoUsableFace(
            "none", "No face was found: bring the faces into the picture, upright and in light."
        )
    return heads


def choices_of(heads: Sequence[DetectedHead], decided: Sequence[tuple[Box, Decision]]) -> list[Decision]:
    """What each head of a photograph has chosen. decided: where people were followed, and their decisions.

    Anonymous is who has decided nothing, and everybody for whom it is not certain whose decision is theirs.
    """
    pairs = [
        (head, place)
        for head, found in enumerate(heads)
        for place, (box, _) in enumerate(decided)
        if box_contains(found.box_px, box_centre(box)) or box_contains(box, box_centre(found.box_px))
    ]
    heads_of, places_of = Counter(place for _, place in pairs), Counter(head for head, _ in pairs)
    choices = [Decision.ANONYMOUS] * len(heads)
    for head, place in pairs:
        if heads_of[place] == 1 and places_of[head] == 1:
            choices[head] = decided[place][1]
    return choices


def crowded(heads: Sequence[DetectedHead], choices: Sequence[Decision]) -> list[bool]:
    """Of each head of a photograph whether one that is not real is nearer than `APART_WIDTHS` mean widths.

    What is found as its face may then be in part that other one's.
    """
    others = [head for head, choice in zip(heads, choices, strict=True) if choice is not Decision.REAL]
    return [
        any(other is not head and are_near(head.box_px, other.box_px) for other in others) for head in heads
    ]


def measure_members(
    photograph: Pixels, heads: Sequence[DetectedHead], mesh: FaceMesh, choices: Sequence[Decision] = ()
) -> list[Member]:
    """The members with these heads. choices: where given, nothing is measured of who is anonymous."""
    is_measured = [choice is not Decision.ANONYMOUS for choice in choices] or [True] * len(heads)
    return [
        Member(head, mesh_of_head(mesh, photograph, head.box_px) if measured else None)
        for head, measured in zip(heads, is_measured, strict=True)
    ]


class GroupPainter:
    """Makes a group portrait. portray: portrays the one face of a picture, with a margin for being redrawn.

    lenient: a face that cannot be what was chosen is that of somebody who does not exist, with a note why.
    Not to be shared between threads.
    """

    def __init__(
        self,
        photograph: Pixels,
        members: Sequence[Member],
        portray: Portray,
        nobodies: Nobodies,
        judges: Sequence[Judge],
        mesh: FaceMesh,
        settings: PortrayalSettings,
        lenient: bool = False,
    ) -> None:
        self._lenient = lenient
        self._photograph, self._members, self._portray = photograph, members, portray
        self._nobodies, self._judges, self._mesh, self._settings = nobodies, judges, mesh, settings
        self._originals = [self._original(member) for member in members]
        self._next_nobody = 1

    def paint(
        self, choices: Sequence[Decision], notify: Callable[[int], None] = lambda _: None
    ) -> GroupPortrait:
        """The group portrait. choices: of each member; notify: told the index of the one who is painted.

        Raises NoUsableFace where a face that is to be real, or a doppelgänger, cannot be; not if lenient.
        """
        layers: list[tuple[Pixels, PublishedFace]] = []
        in_crowd = crowded([member.head for member in self._members], choices)
        for index, choice in enumerate(choices):
            notify(index)
            try:
                layers.append(self._painted(index, choice, in_crowd[index]))
            except NoUsableFace as refusal:
                if not self._lenient:
                    raise
                layers.append(self._as_nobody(index, choice, str(refusal)))
        picture = np.zeros_like(self._photograph)
        for index in sorted(range(len(layers)), key=lambda i: box_width(self._members[i].head.box_px)):
            layer, face = layers[index]
            if face.outline is not None:
                hidden = layer.max(axis=2, keepdims=True) == 0
                picture = np.where(hidden, picture, layer)
        faces = [self._measured(picture, index, face) for index, (_, face) in enumerate(layers)]
        return GroupPortrait(picture, self._origin(faces), tuple(faces))

    def _origin(self, faces: Sequence[PublishedFace]) -> Pixels:
        """The median face in the place of every face that is not its owner's own, on black."""
        origin = np.zeros_like(self._photograph)
        median = self._nobodies.median()
        if median is not None:
            pose = pose_of(median, self._mesh)
            for member, face in zip(self._members, faces, strict=True):
                if face.appears in (Decision.DOPPELGANGER, Decision.ANONYMOUS):
                    draw_pose(pose, member.head.points_px, origin)
        return origin

    def _painted(self, index: int, choice: Decision, in_crowd: bool) -> tuple[Pixels, PublishedFace]:
        """One face on black, as large as the photograph. in_crowd: see `crowded`."""
        if choice is Decision.ANONYMOUS:
            return self._as_nobody(index, choice, None)
        if choice is Decision.REAL and in_crowd:
            return self._as_nobody(index, choice, CROWDED_NOTE)
        if choice is Decision.REAL and is_at_the_edge(self._members[index].head.box_px, self._photograph):
            return self._as_nobody(index, choice, EDGE_NOTE)
        mesh = self._members[index].mesh
        if mesh is None:
            raise NoUsableFace(
                "turned_away", f"Face {index + 1} cannot be made out: choose anonymous for it."
            )
        if choice is Decision.REAL:
            layer, outline = np.zeros_like(self._photograph), outline_of(mesh)
            draw_face(self._photograph, outline, layer)
            return layer, PublishedFace(choice, choice, outline)
        return self._as_doppelganger(index)

    def _as_doppelganger(self, index: int) -> tuple[Pixels, PublishedFace]:
        choice = Decision.DOPPELGANGER
        part, (left, top) = self._alone(index)
        try:
            portrayal = self._portray(part)
        except NoUsableFace as refusal:
            raise NoUsableFace(refusal.reason, f"Face {index + 1}: {refusal}") from None
        if portrayal.doppelganger is None:
            return self._as_nobody(index, choice, "no doppelgänger was found that holds")
        enlargement = portrayal.enlargement
        picture = enlargement.picture if enlargement else portrayal.doppelganger.picture
        size_px = len(picture)
        mesh = self._mesh.measure(picture, (0.2 * size_px, 0.2 * size_px, 0.8 * size_px, 0.9 * size_px))
        if mesh is None:
            return self._as_nobody(index, choice, "no face was found in the doppelgänger")
        place = np.asarray(cv2.invertAffineTransform(portrayal.portrait.transform), np.float64)
        place[:, :2] /= size_px
        place[:, 2] += (left, top)
        layer = np.zeros_like(self._photograph)
        outline = draw_placed(picture, outline_of(mesh), place, layer)
        if known := self._who_knows(layer, index):
            return self._as_nobody(index, choice, f"drawn into the picture, {known} takes it for the sitter")
        return layer, PublishedFace(choice, choice, outline)

    def _as_nobody(self, index: int, choice: Decision, note: str | None) -> tuple[Pixels, PublishedFace]:
        head = self._members[index].head
        for _ in range(MOST_CANDIDATES):
            number, self._next_nobody = self._next_nobody, self._next_nobody + 1
            if self._resembles_somebody(number):
                continue
            pose = pose_of(self._nobodies.cutout(number, turn_of(head)), self._mesh)
            layer = np.zeros_like(self._photograph)
            outline = draw_pose(pose, head.points_px, layer)
            if not self._who_knows(layer, index):
                return layer, PublishedFace(choice, Decision.ANONYMOUS, outline, note)
        return np.zeros_like(self._photograph), PublishedFace(
            choice, None, None, "every nobody that was tried looks like somebody in the photograph"
        )

    def _resembles_somebody(self, nobody: int) -> bool:
        """Whether a binding judge takes, or nearly takes, a nobody for anybody in the photograph."""
        cutout = self._nobodies.cutout(nobody, Turn(0.0, 0.0, 0.0))
        mesh = self._mesh.measure(cutout.picture, cutout.head.box_px)
        if mesh is None:
            return True
        shot = crop_ffhq(cutout.picture, mesh[:, :2], COMPARED_PX)
        for number, judge in enumerate(self._judges):
            if judge.binding:
                own = make_reference(judge, [(shot.image, shot.landmarks)], self._settings.seed, LOOKS)
                known = [original.references[number] for original in self._originals if original is not None]
                if any(are_alike(judge, own, reference) for reference in known):
                    return True
        return False

    def _alone(self, index: int) -> tuple[Pixels, tuple[int, int]]:
        """A part of the photograph with one person in it, and where its left upper corner lies."""
        head = self._members[index].head
        erased = self._photograph
        for other, member in enumerate(self._members):
            if other != index:
                erased = erase_head(erased, member.head)
        (x, y), width_px = box_centre(head.box_px), box_width(head.box_px)
        half = SURROUNDINGS_WIDTHS * width_px / 2
        left, top = max(0, round(x - half)), max(0, round(y - half))
        part = np.s_[top : round(y + half), left : round(x + half)]
        rows, columns = np.indices(erased[part].shape[:2])
        across, along = (columns + left + 0.5 - x) / width_px, (rows + top + 0.5 - y) / width_px
        own = np.hypot(across / FACE_ACROSS, along / FACE_ALONG) <= 1
        return np.where(own[..., None], self._photograph[part], erased[part]), (left, top)

    def _original(self, member: Member) -> "_Original | None":
        """What a published face is compared with; None where the face is too small, or cannot be made out."""
        if member.mesh is None or measure_width(member.mesh) < MIN_FACE_PX:
            return None
        portrait = crop_ffhq(self._photograph, member.mesh[:, :2], COMPARED_PX)
        try:
            references = [
                make_reference(judge, [(portrait.image, portrait.landmarks)], self._settings.seed)
                for judge in self._judges
            ]
        except NoUsableFace:  # a judge that sees no face
            return None
        return _Original(portrait, references)

    def _who_knows(self, picture: Pixels, index: int) -> str | None:
        """The binding judge that takes the face in a picture for the original."""
        verdicts = self._verdicts(picture, index)
        return None if verdicts is None else self._taken_by(verdicts)

    def _taken_by(self, verdicts: dict[str, Verdict]) -> str | None:
        """The first binding judge that says *same*."""
        binding = [judge.name for judge in self._judges if judge.binding]
        return next((name for name in binding if verdicts[name].same), None)

    def _verdicts(self, picture: Pixels, index: int) -> dict[str, Verdict] | None:
        member, original = self._members[index], self._originals[index]
        if member.mesh is None or original is None:
            return None
        crop = crop_ffhq(picture, member.mesh[:, :2], COMPARED_PX).image
        verdicts: dict[str, Verdict] = {}
        for judge, reference in zip(self._judges, original.references, strict=True):
            (verdicts[judge.name],) = judge_pictures(
                judge, reference, [crop], self._settings.seed, self._settings.k
            )
        return verdicts

    def frechet(self, portrait: GroupPortrait, encoder: Encoder) -> float | None:
        """The Fréchet distance between the originals and the faces in the portrait that replace them; None of
        fewer than `FEWEST_FOR_FRECHET`."""
        pairs = [
            self._both(portrait.picture, mesh)
            for member, face in zip(self._members, portrait.faces, strict=True)
            if (mesh := member.mesh) is not None
            and face.likeness
            and face.appears in (Decision.DOPPELGANGER, Decision.ANONYMOUS)
        ]
        if len(pairs) < FEWEST_FOR_FRECHET:
            return None
        before, after = (pooled_features(encoder, np.stack(side)) for side in zip(*pairs, strict=True))
        return max(0.0, frechet_distance(before, after))  # of equal sets it is 0 but for rounding

    def _both(self, picture: Pixels, mesh: NDArray[np.float64]) -> tuple[Pixels, Pixels]:
        """A face as it was photographed and as it is in a picture, each alone on black."""
        alone = np.zeros_like(self._photograph)
        draw_face(self._photograph, outline_of(mesh), alone)
        return (
            crop_ffhq(alone, mesh[:, :2], COMPARED_PX).image,
            crop_ffhq(picture, mesh[:, :2], COMPARED_PX).image,
        )

    def _measured(self, picture: Pixels, index: int, face: PublishedFace) -> PublishedFace:
        mesh, verdicts = self._members[index].mesh, self._verdicts(picture, index)
        if mesh is None or verdicts is None:
            unasked = f"narrower than {MIN_FACE_PX} px, anonymous, or not to be made out: no judge was asked"
            note = face.note or unasked
            return replace(face, note=note)
        before, after = self._both(picture, mesh)
        same = self._taken_by(verdicts) is not None
        return replace(face, verdicts=verdicts, same=same, likeness=picture_likeness(after, before))


@dataclass(frozen=True, eq=False)
class _Original:
    """A face as it was photographed. references: of each judge."""

    portrait: Portrait
    references: list[Reference]
