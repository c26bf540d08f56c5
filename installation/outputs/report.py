"""report.json: the visit in numbers, for other programs and for people who look twice.

The models are the format (`schema` 1); a key that is not here is refused. Distances are in the judge's own
metric, smaller = more alike; t is 0 at the median face and 1 at the closest match; grey levels are of 255.
Numbers are rounded where they enter: t to 8 decimals, distances to 6, seconds to 3, the rest to 6 significant
digits. NaN and infinity are refused.
"""

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from engine.common.atomic_file import write_text


def _to_plain(value: Any) -> Any:
    """numpy numbers and arrays as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def _to_decimals(decimals: int) -> AfterValidator:
    return AfterValidator(lambda value: round(value, decimals))


_significant = AfterValidator(lambda value: float(f"{value:.6g}"))

T = Annotated[FiniteFloat, BeforeValidator(_to_plain), _to_decimals(8)]
Distance = Annotated[FiniteFloat, BeforeValidator(_to_plain), _to_decimals(6)]
MaybeDistance = Annotated[Distance | None, BeforeValidator(lambda value: value if value < math.inf else None)]
"""null where the judge sees no face in the picture, and so says someone else."""
Seconds = Annotated[FiniteFloat, BeforeValidator(_to_plain), _to_decimals(3), Field(ge=0)]
Number = Annotated[FiniteFloat, BeforeValidator(_to_plain), _significant]
Coefficient = Annotated[FiniteFloat, BeforeValidator(_to_plain), _to_decimals(9)]
AffineRow = tuple[Coefficient, Coefficient, Coefficient]


class Part(BaseModel):
    """A part of a report: a key that is not here is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Generator(Part):
    """The network that makes the pictures. sha256 is that of its weights file."""

    name: str
    sha256: str
    resolution: int


class Sitter(Part):
    """The photograph. source: a file's name, or words for where it came from. pose_deg: yaw, pitch, roll.

    eyes_open: the opening of the eye that is wider open, a share of its width. note: where the eyes may be
    shut, one line that says so. Both are null in reports of earlier versions.
    """

    source: str
    face_px: Number
    pose_deg: tuple[Number, Number, Number]
    sharpness: Number
    eyes_open: Number | None = None
    note: str | None = None


class Search(Part):
    """How the closest match was found. tuned: whether the generator's own weights moved."""

    steps: int
    seconds: Seconds
    loss: Number
    init: Literal["mean", "encoder"]
    tuned: bool = False
    tuning_steps: int = 0


class Zone(Part):
    """Where the verdict depends on the perturbations that happen to be drawn."""

    t_low: T
    t_high: T


class Border(Part):
    """The crossing with the largest t, between two neighbouring pictures with different verdicts.

    t is its middle, t_width the step between the two pictures, mean_abs_diff and max_abs_diff their
    difference in grey levels.
    """

    t: T
    t_width: T
    distance_same: Distance
    distance_other: MaybeDistance
    mean_abs_diff: Number
    max_abs_diff: Number
    zone: Zone | None = None


class OtherContinuum(Part):
    """The same questions asked along another way: the recorded search, where t is the share of its steps, or
    the way from the nearest doppelgänger or the last price (t = 0) to the closest match (t = 1)."""

    crossings: list[T]
    border: Border | None


class Judge(Part):
    """One verifier. It says *same person* where distance <= threshold.

    sentence: its operating point in plain words.  binding: whether the doppelgänger must convince it.
    note: where there is no border, which side it always is on and how far.  alignment: the affine map,
    two rows, from pixels of the pictures to pixels of the judge's own crop.
    """

    name: str
    metric: str
    threshold: Distance
    threshold_source: str
    distance_at_match: MaybeDistance
    distance_at_median: MaybeDistance
    crossings: list[T]
    border: Border | None
    search_continuum: OtherContinuum | None
    nearest_continuum: OtherContinuum | None = None
    sentence: str
    binding: bool
    note: str | None = None
    alignment: Annotated[tuple[AffineRow, AffineRow] | None, BeforeValidator(_to_plain)] = None


class DoppelgangerDistances(Part):
    """One judge on the doppelgänger: its distance, and the smallest one over the perturbations."""

    distance: MaybeDistance
    worst_distance: MaybeDistance


class Doppelganger(Part):
    """A picture beyond the border.

    kind: the name of the finder that found it (`engine.finders.registry`). t is None where it does not lie on
    the way through the median.
    """

    kind: str
    t: T | None
    judges: dict[str, DoppelgangerDistances]
    likeness: dict[str, Number]


class Refusal(Part):
    """A doppelgänger that is not given: its visible change against the closest match is above the limit, or
    null, as the picture shows no face. kind: the name of its finder."""

    kind: str
    visible_change: Number | None
    limit: Number


class PriceVerdict(Part):
    """One judge on a picture of the price list; same: whether it still knows the sitter."""

    distance: MaybeDistance
    same: bool


class Price(Part):
    """The first picture that a judge takes for someone else, seen from the match, and its visible change.

    t: from the end of the way (0) to the closest match (1). visible_change: in just-noticeable differences,
    null where the picture shows no face. judges: what every judge says of it.
    """

    judge: str
    t: T
    visible_change: Number | None
    judges: dict[str, PriceVerdict]


class PriceList(Part):
    """What it costs until the next judge lets go, from the match outwards. curves: the crossings and the
    border of each judge on that way. still_know: the judges who know the sitter to its end."""

    prices: list[Price]
    still_know: list[str]
    curves: dict[str, OtherContinuum]


class PlainVerdict(Part):
    """What the package of a judge says of a saved picture. distance: null where it finds no face.
    worst_distance: the smallest one over versions of the picture (docs/verdict.md)."""

    same: bool
    distance: MaybeDistance
    worst_distance: MaybeDistance


class PlainReading(Part):
    """What anybody reads at home with a judge's own package: one embedding, compared with that of the
    portrait. pictures: by the file's name."""

    judge: str
    threshold: Distance
    pictures: dict[str, PlainVerdict]


class Enlargement(Part):
    """The enlarged doppelgänger, which was judged again and holds. filter: how it was made."""

    resolution: int
    filter: str


class Witness(Part):
    """The judge that did not have to be convinced, and its verdict on the doppelgänger."""

    judge: str
    same: bool
    distance: Distance
    threshold: Distance


class VerdictSettings(Part):
    """How a verdict was made: the mean over k perturbations drawn with this seed (docs/verdict.md)."""

    k: int
    seed: int


class Report(Part):
    """The whole report.json. doppelganger: the one given to the sitter; doppelganger_note says why where it
    is null. on_the_way: the one beyond the border through the median; the same where none is nearer.

    refused: what was found and changed the face too much to be given; empty in reports of earlier versions.
    enlarged: null where the doppelgänger was not enlarged. witness: null where there is none.
    plain: of each judge that has a package of its own; empty in reports of earlier versions.
    price_list: null unless it was asked for, or where no judge can be convinced.

    crossing: the continuum whose border the visit shows; film, sheet, curve and border pictures are of it.
    identical_share: of the values of its two border pictures, 0 to 1; null without a border. Reports of
    earlier versions have neither, and their files are of the median continuum.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    generator: Generator
    sitter: Sitter
    search: Search
    verdict: VerdictSettings
    judges: list[Judge] = Field(min_length=1)
    doppelganger: Doppelganger | None
    doppelganger_note: str | None = None
    on_the_way: Doppelganger | None = None
    refused: list[Refusal] = []
    crossing: Literal["median", "nearest"] = "median"
    identical_share: Number | None = None
    enlarged: Enlargement | None = None
    witness: Witness | None = None
    plain: list[PlainReading] = []
    price_list: PriceList | None = None
    seconds: dict[str, Seconds]

    def border(self, judge: Judge) -> Border | None:
        """The judge's border on the crossing, None where it has none there."""
        if self.crossing == "median":
            return judge.border
        return judge.nearest_continuum.border if judge.nearest_continuum else None

    def judge(self, name: str) -> Judge:
        """The judge of that name; KeyError where there is none."""
        for judge in self.judges:
            if judge.name == name:
                return judge
        raise KeyError(name)


def write(report: Part, path: Path) -> None:
    """Write a report as indented UTF-8 JSON; the file appears when it is complete."""
    text = json.dumps(report.model_dump(by_alias=True), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read(path: Path) -> Report:
    """Read a report back; pydantic.ValidationError where the file is no report of this schema."""
    return Report.model_validate_json(path.read_text(encoding="utf-8"))
