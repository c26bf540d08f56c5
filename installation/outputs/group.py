"""The folder of a group portrait: the picture with everybody's sign, and its report. No original is in it."""

import json
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from engine.common.arrays import Pixels
from engine.common.atomic_file import replacing_folder, write_text
from engine.common.errors import UsageError
from engine.judges.base import Judge
from engine.live.crowd.decision import Decision
from engine.live.frame import Array
from engine.pipeline.group import GroupPortrait, PublishedFace
from installation.outputs.marks import png_bytes
from installation.outputs.record import Provenance, sentence
from installation.outputs.report import Distance, Generator, MaybeDistance, Number, Part, VerdictSettings

# A sign is a share of the face's width across, at least so many pixels, and hangs that share below the chin.
SIGN_SHARE, MIN_SIGN_PX, GAP_SHARE = 0.1, 8.0, 0.12
_SHIFT = 4  # bits after the point in what OpenCV draws


class GroupJudge(Part):
    """A verifier that was asked. It says *same person* where distance <= threshold."""

    name: str
    metric: str
    threshold: Distance
    threshold_source: str
    sentence: str
    binding: bool


class FaceVerdict(Part):
    """One judge on a published face against the original. distance: between both embeddings."""

    same: bool
    distance: MaybeDistance


class Face(Part):
    """One face, numbered from the left. appears: null where it is not shown. note: why it is not shown as
    chosen, or why no judge was asked.

    judges: by name; null where none was asked. rmse (grey levels), psnr_db, ssim: of both faces alone on
    black, at 256 px.
    """

    number: int
    choice: Decision
    appears: Decision | None
    note: str | None
    judges: dict[str, FaceVerdict] | None
    rmse: Number | None
    psnr_db: Number | None
    ssim: Number | None


class GroupReport(Part):
    """The whole report.json of a group portrait."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    generator: Generator
    verdict: VerdictSettings
    judges: list[GroupJudge]
    faces: list[Face]


def write_group(
    folder: Path, portrait: GroupPortrait, judges: list[Judge], provenance: Provenance
) -> GroupReport:
    """Writes group.png and report.json, both or none; returns the report. The folder must not exist."""
    report = GroupReport(
        generator=provenance.generator,
        verdict=provenance.verdict,
        judges=[
            GroupJudge(
                name=judge.name,
                metric=judge.metric,
                threshold=judge.threshold,
                threshold_source=judge.threshold_source,
                sentence=sentence(judge),
                binding=judge.binding,
            )
            for judge in judges
        ],
        faces=[_face(number, face) for number, face in enumerate(portrait.faces, start=1)],
    )
    text = json.dumps(report.model_dump(by_alias=True), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        with replacing_folder(folder) as temporary:
            (temporary / "group.png").write_bytes(png_bytes(with_signs(portrait)))
            write_text(temporary / "report.json", text + "\n")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}). Choose another --out.") from error
    return report


def _face(number: int, face: PublishedFace) -> Face:
    likeness = face.likeness or {}
    return Face(
        number=number,
        choice=face.choice,
        appears=face.appears,
        note=face.note,
        judges=None
        if face.verdicts is None
        else {
            name: FaceVerdict(same=verdict.same, distance=verdict.distance)
            for name, verdict in face.verdicts.items()
        },
        rmse=likeness.get("rmse"),
        psnr_db=likeness.get("psnr_db"),
        ssim=likeness.get("ssim"),
    )


def with_signs(portrait: GroupPortrait) -> Pixels:
    """The picture with the sign of its owner's choice below each face: a disc is real, two discs are a
    doppelgänger, a ring is anonymous."""
    picture = portrait.picture.copy()
    for face in portrait.faces:
        if face.outline is not None:
            _draw_sign(picture, face.choice, face.outline)
    return picture


def _draw_sign(picture: Pixels, choice: Decision, outline: Array) -> None:
    height, width = picture.shape[:2]
    face_px = float(np.ptp(outline[:, 0]))
    radius = max(SIGN_SHARE * face_px, MIN_SIGN_PX) / 2
    x = float(np.clip(outline[:, 0].mean(), 2 * radius, width - 2 * radius))
    y = float(np.clip(outline[:, 1].max() + GAP_SHARE * face_px, 0, height - 1.5 * radius))

    def disc(at_x: float, thickness: int) -> None:
        centre = round(at_x * 2**_SHIFT), round(y * 2**_SHIFT)
        size = round(radius * 2**_SHIFT)
        cv2.circle(picture, centre, size, (255, 255, 255), thickness, cv2.LINE_AA, _SHIFT)

    match choice:
        case Decision.REAL:
            disc(x, cv2.FILLED)
        case Decision.DOPPELGANGER:
            disc(x - 1.3 * radius, cv2.FILLED)
            disc(x + 1.3 * radius, cv2.FILLED)
        case Decision.ANONYMOUS:
            disc(x, max(1, round(radius / 4)))
