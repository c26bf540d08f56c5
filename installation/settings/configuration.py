"""The configuration: which weights, judges and screen are used. One TOML file, validated at the start.

`config/default.toml` uses only what comes with the project. Another file is laid over it and names only what
differs; `config/ffhq.toml` uses the weights that `./kiosk weights fetch` brings.
"""

import ipaddress
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from engine.common.errors import UsageError
from engine.common.ordinary_file import read_text
from engine.faces.detectors import DEFAULT_DETECTOR, DETECTORS, entry_of
from engine.finders.registry import FINDERS
from engine.judges.networks.onnx_model import OnnxModel
from engine.judges.registry import JUDGES, files_of
from installation.settings.delivery import Delivery
from installation.settings.paths import ROOT
from installation.settings.phase import Phase
from installation.settings.section import Section
from installation.settings.server import EngineSettings, ServerSettings

DEFAULT = ROOT / "config" / "default.toml"
# The perceptual distance -> the names of the weights it is computed with.
PERCEPTUAL_WEIGHTS = {
    "pyramid": (),
    "features": ("nobody-encoder",),
    "lpips": ("lpips-vgg16", "lpips-heads"),
}
OWN_JUDGE = re.compile(r"[a-z][a-z0-9-]{0,30}")
MAX_SEED = 2**31 - 1  # numpy takes twice as many; the nearest picture's search counts on from it


def _among(known: Collection[str], what: str) -> AfterValidator:
    """Refuses a name that is not `known`; `what` is what it is the name of."""

    def check(name: str) -> str:
        return _known(name, known, what)

    return AfterValidator(check)


def _known(name: str, known: Collection[str], what: str) -> str:
    if name not in known:
        raise ValueError(f"there is no {what} {name!r}: choose among {', '.join(known)}")
    return name


def _judge(name: str, info: ValidationInfo) -> str:
    """A judge that comes with the project, or one of the tables [judges.NAME], which are the context."""
    return _known(name, (*JUDGES, *(info.context or ())), "judge")


def _refuse_doubles(names: list[str]) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is named twice")
    return names


JudgeName = Annotated[str, AfterValidator(_judge)]
FinderName = Annotated[str, _among(FINDERS, "finder")]
DetectorName = Annotated[str, _among(DETECTORS, "face detector")]


class Search(Section):
    """The projection; see `engine.inversion.projection.SearchSettings`."""

    space: Literal["w", "w+"] = Field("w+", description="one w for all layers, or each layer its own")
    steps: int = Field(150, ge=1, le=10_000, description="steps of the latent, at most")
    tuning: Literal["auto", "always", "never"] = Field("auto", description="whether the weights are tuned")
    tuning_steps: int = Field(50, ge=1, le=10_000, description="steps of the weights, at most")
    finders: Annotated[list[FinderName], AfterValidator(_refuse_doubles)] = Field(
        list(FINDERS),
        description="ways to a doppelgänger, tried in this order; without any it is not looked for",
    )
    most_visible_change: float = Field(
        12.0,
        gt=0,
        allow_inf_nan=False,
        description="just-noticeable differences; a nearest picture that changes the face more is not given",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the networks compute; auto: on the GPU where PyTorch sees one"
    )
    threads: int = Field(2, ge=1, le=256, description="threads of the networks on a CPU of any size")


class Faces(Section):
    """How faces are found in photographs and frames; see `engine.faces.detectors`."""

    detector: DetectorName = Field(
        DEFAULT_DETECTOR,
        description="mediapipe: comes along; others once their weights have been fetched",
    )


class Film(Section):
    """The way between the median face and the match, as it is ridden; see docs/search.md."""

    pictures: int = Field(
        36, ge=2, le=1000, description="how many pictures the strip from median face to match holds"
    )


class MeasuredPoint(Section):
    """An operating point of a judge, as `kiosk judges calibrate` measures and prints it."""

    threshold: float = Field(gt=0, description="the largest distance that means the same person")
    source: str = Field(min_length=1, description="what it was measured on, one line")
    fmr: float | None = Field(None, ge=0, lt=1, description="share of strangers taken for the sitter there")
    fnmr: float | None = Field(None, ge=0, lt=1, description="share of sitters who are not recognised there")


class Judging(Section):
    """The panel and its protocol; see docs/verdict.md."""

    panel: Annotated[list[JudgeName], AfterValidator(_refuse_doubles)] = Field(
        ["dlib", "anthropometry"], min_length=1, description="judges, the first one leads"
    )
    thresholds: dict[JudgeName, str | float] = Field(
        {}, description="a judge's operating point by name (kiosk judges list), or a distance of one's own"
    )
    points: dict[JudgeName, dict[str, MeasuredPoint]] = Field(
        {}, description="further operating points of a judge, by name, which thresholds may call"
    )
    perturbations: int = Field(8, ge=1, le=64, description="perturbed copies of a picture to one verdict")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="which perturbations")
    witness: JudgeName | None = Field(
        None, description="a judge of the panel that need not be convinced, and is asked at the end"
    )

    @model_validator(mode="after")
    def _witness_is_on_the_panel(self) -> Self:
        if self.witness is not None and self.witness not in self.panel[1:]:
            raise ValueError(f"the witness {self.witness} must be on the panel, and not its first judge")
        return self


class Display(Section):
    """The screen and its keys; see docs/display.md."""

    screen: str = Field("0", description="a monitor: 0, name:HDMI; window:1280x720; headless:1080x1920")
    rotation_deg: Literal[0, 90, 180, 270] = Field(0, description="clockwise, for a monitor hung turned")
    vsync: bool = Field(True, description="wait for the monitor")
    exit_chord: str = Field("", description="keys that end it, such as ctrl+alt+shift+q; empty: none")
    keys: dict[str, Literal["yes", "no", "without camera", "with others", "language"]] | None = Field(
        None, description="a key's name -> what it stands for; none: those of docs/display.md"
    )


class Stage(Section):
    """The camera and the scenes; see docs/cameras.md and docs/scenes.md."""

    camera: str = Field("0", description="0, /dev/video2, name:Logitech, file:PATH or synthetic")
    scenes: dict[Phase, str] = Field(
        {phase: str(phase) for phase in Phase}, description="the scene of each phase, a file in scenes/"
    )

    gathering: str = Field(
        "gathering", description="the scene of portrait and search in the visit of several people"
    )
    decoders: str = Field("decoders", description="the scene of attract while two decoders learn")

    @field_validator("scenes")
    @classmethod
    def _complete(cls, scenes: dict[Phase, str]) -> dict[Phase, str]:
        return {phase: str(phase) for phase in Phase} | scenes


class ControlSettings(Section):
    """Where curators' programs reach the piece; see docs/show-control.md."""

    address: str = Field("127.0.0.1", description="of this machine; 0.0.0.0 for all its networks")
    osc_port: int = Field(9000, ge=0, le=65_535, description="OSC over UDP, and over TCP")
    http_port: int = Field(5678, ge=0, le=65_535, description="OSCQuery, and the page for people")
    password: str = Field("", description="for OSCQuery and the page; empty: none is asked for")
    advertise: bool = Field(False, description="whether the network is told by zeroconf")
    allow: list[str] = Field(
        ["127.0.0.1"], description="who may speak: addresses, or networks such as 10.0.0.0/24"
    )
    send_to: list[str] = Field([], description="host:port of those who are told everything without asking")

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return str(ipaddress.IPv4Address(address))

    @field_validator("allow")
    @classmethod
    def _are_networks(cls, allow: list[str]) -> list[str]:
        return [str(ipaddress.ip_network(each, strict=False)) for each in allow]

    @field_validator("send_to")
    @classmethod
    def _are_targets(cls, send_to: list[str]) -> list[str]:
        for target in send_to:
            host, _, port = target.rpartition(":")
            ipaddress.IPv4Address(host)
            if not port.isdecimal() or not 0 < int(port) < 65_536:
                raise ValueError(f"{target} is no address:port")
        return send_to


class Privacy(Section):
    """What is kept after a visit; see docs/privacy.md."""

    recycle_after: int = Field(
        50, ge=1, le=10_000, description="visits, then the engine's process is replaced"
    )
    counters_days: int = Field(100, ge=0, le=1000, description="counters are kept so long; 0: none are")


class Configuration(Section):
    """A whole configuration. Names of weights are those of `weights/manifest.toml`."""

    generator: str = Field("nobody", description="the generator's name in the manifest")
    encoder: str | None = Field(
        None, description='the generator\'s encoder, whose guess the search walks to first; "": it does not'
    )
    people: str | None = Field(
        None, description='places in the generator of people for attract; "": random people are looked for'
    )
    perceptual: Literal["pyramid", "features", "lpips"] = Field(
        "pyramid", description="what the search minimises"
    )
    faces: Faces = Faces()
    search: Search = Search()
    judging: Judging = Judging()
    judges: dict[str, OnnxModel] = Field({}, description="recognisers of one's own; see docs/verdict.md")
    film: Film = Film()
    display: Display = Display()
    stage: Stage = Stage()
    delivery: Delivery = Delivery()
    control: ControlSettings = ControlSettings()
    privacy: Privacy = Privacy()
    engine: EngineSettings = EngineSettings()
    server: ServerSettings = ServerSettings()

    @field_validator("encoder", "people")
    @classmethod
    def _none(cls, name: str | None) -> str | None:
        return name or None  # TOML has no other word for it

    @field_validator("judges", mode="before")
    @classmethod
    def _named(cls, judges: Any) -> Any:
        """Each model has the name of its table, which must not be that of another judge."""
        if not isinstance(judges, dict):
            return judges
        for name in judges:
            if name in JUDGES or not OWN_JUDGE.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be a judge's name: take small letters, and none that is taken"
                )
        return {
            name: entry | {"name": name} if isinstance(entry, dict) else entry
            for name, entry in judges.items()
        }

    @property
    def panel_of_the_project(self) -> list[str]:
        """The judges of the panel that come with the project."""
        return [name for name in self.judging.panel if name not in self.judges]


def load(path: Path = DEFAULT) -> Configuration:
    """Reads a configuration, laid over `config/default.toml`.

    Raises UsageError naming the file, the entry and what is wrong with it.
    """
    try:
        entries = [tomllib.loads(read_text(each)) for each in (DEFAULT, path)]
        merged = _laid_over(*entries)
        own = _with_paths(merged.get("judges"), path.parent)
        return Configuration.model_validate(merged | ({"judges": own} if own else {}), context=own)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}). Give another file with --config."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file ({error}). Mend it, or leave --config out.") from None
    except ValidationError as error:
        first = error.errors()[0]
        entry = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {entry}: {first['msg']}. Mend this entry.") from None


def needed_weights(configuration: Configuration) -> list[str]:
    """The names of the weights a configuration uses."""
    names = (
        *(configuration.generator, configuration.encoder, configuration.people),
        *PERCEPTUAL_WEIGHTS[configuration.perceptual],
        *(weights for weights, _ in files_of(configuration.panel_of_the_project).values()),
        *(entry_of(configuration.faces.detector).weights or ())[:1],
    )
    return list(dict.fromkeys(name for name in names if name))


def _with_paths(judges: Any, folder: Path) -> Any:
    """The tables [judges.NAME] with their files relative to `folder`; whatever else stands there as it is."""
    if not isinstance(judges, dict):
        return judges
    return {
        name: entry | {"file": str(folder / entry["file"])}
        if isinstance(entry, dict) and isinstance(entry.get("file"), str)
        else entry
        for name, entry in judges.items()
    }


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """The two merged, table by table; where both have an entry, `above` wins."""
    tables = {
        name: _laid_over(below[name], entry)
        for name, entry in above.items()
        if isinstance(entry, dict) and isinstance(below.get(name), dict)
    }
    return below | above | tables
