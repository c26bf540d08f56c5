"""The folder of a group portrait: the picture with everybody's sign, and its report. No original is in it."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from engine.common.atomic_file import replacing_folder, write_text
from engine.common.errors import UsageError
from engine.judges.base import Judge
from engine.live.crowd.decision import Decision
from engine.pipeline.group_portrait import GroupPortrait, PublishedFace
from installation.outputs.films.film import write_film
from installation.outputs.films.scene_film import FPS
from installation.outputs.group import film
from installation.outputs.group.differences import GroupTable, most_unlike, table_of, unlike_sheet
from installation.outputs.group.marking import source_type_of
from installation.outputs.group.signs import group_view, with_signs
from installation.outputs.marks import png_bytes
from installation.outputs.record import Provenance, sentence
from installation.outputs.report import Distance, Generator, MaybeDistance, Number, Part, VerdictSettings
from installation.settings.texts import Texts


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
    table: GroupTable


def write_group(
    folder: Path,
    portrait: GroupPortrait,
    judges: list[Judge],
    provenance: Provenance,
    frechet: float | None,
    language: str = "en",
) -> GroupReport:
    """Writes group.png, group.mp4, report.json and, where somebody was replaced, unlike.png, all or none;
    returns the report. folder: must not exist.

    frechet: between the originals and the faces that replace them. language: of the words in the film.
    """
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
        table=table_of(portrait, frechet),
    )
    most, source_type = most_unlike(portrait), source_type_of(portrait.faces)
    text = json.dumps(report.model_dump(by_alias=True), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        with replacing_folder(folder) as temporary:
            (temporary / "group.png").write_bytes(png_bytes(with_signs(portrait), source_type))
            if most:
                (temporary / "unlike.png").write_bytes(png_bytes(unlike_sheet(portrait, most)))
            frames = film.frames(group_view(portrait), Texts.load(language))
            write_film(temporary / "group.mp4", frames, FPS, source_type=source_type)
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
