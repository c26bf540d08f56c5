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
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    IPvAnyNetwork,
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
from installation.settings.paths import ROOT
from installation.settings.phase import Phase
from installation.settings.ports import BLOCKED_PORTS
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


# A name's labels, or an IPv6 address in brackets; then perhaps a port.
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
HOST = re.compile(rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?", re.IGNORECASE)


def _is_ipv4(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _why_no_phone_reaches(address: str) -> str:
    """What is wrong with an IPv4 address that belongs to no single machine; empty where nothing is."""
    known = ipaddress.IPv4Address(address)
    if known.is_multicast or known.is_reserved or known in ipaddress.IPv4Network("0.0.0.0/8"):
        return f"{address} is no machine's address (multicast, broadcast or reserved): give this machine's"
    return ""


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


class WiFi(Section):
    """The network that phones are asked to join first."""

    name: str = Field(min_length=1, max_length=32, description="its name (SSID), at most 32 bytes in UTF-8")
    password: str = Field("", description="WPA, 8 to 63 signs of ASCII; empty: open to all")
    hidden: bool = Field(False, description="whether it does not announce itself")

    @field_validator("password")
    @classmethod
    def _can_be_typed(cls, password: str) -> str:
        # IEEE 802.11, annex J: a passphrase is made of the characters 32 to 126.
        if password and not re.fullmatch(r"[ -~]{8,63}", password):
            raise ValueError(
                "a WPA passphrase has 8 to 63 characters of ASCII, no umlauts or other letters: change it at "
                "the access point, and write it here"
            )
        return password

    @field_validator("name")
    @classmethod
    def _fits(cls, name: str) -> str:
        if len(name.encode()) > 32 or not name.isprintable():
            raise ValueError("a network's name has at most 32 bytes in UTF-8, and no line break")
        return name


class Delivery(Section):
    """How phones reach the delivery's web server; see docs/network.md."""

    enabled: bool = Field(True, description="whether visitors can fetch anything by phone")
    host: str = Field("auto", description="this machine's IPv4 address that phones can reach, or auto")
    interface: str = Field("", description="with auto: the network interface to use, such as wlan0; any kind")
    port: int = Field(8080, ge=1, le=65535, description="its own, apart from the curators'")
    certificate: Path | None = Field(None, description="TLS certificate with its chain, PEM")
    key: Path | None = Field(None, description="its private key, PEM")
    public_url: str = Field(
        "", pattern=r"^(https?://[^/\s?#]+(/[^\s?#]*)?)?$", description="where a proxy or a name leads here"
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        [], description="the gallery's own reverse proxies: whose X-Forwarded-For is believed"
    )
    wifi: WiFi | None = Field(None, description="the guests' network; its code is shown first")

    @field_validator("host")
    @classmethod
    def _can_be_listened_at(cls, host: str) -> str:
        try:
            address = host if host == "auto" else str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("give an IPv4 address of this machine, or auto") from None
        if address not in ("auto", "0.0.0.0") and (fault := _why_no_phone_reaches(address)):
            raise ValueError(fault)
        return address

    @field_validator("public_url")
    @classmethod
    def _leads_somewhere(cls, public_url: str) -> str:
        # urlsplit and .port raise ValueError, and so does the encoding of names: a UnicodeError is one.
        parts = urlsplit(public_url)
        name = parts.hostname or ""
        if public_url and (not name or parts.port == 0 or parts.username is not None):
            raise ValueError("give it as https://name, https://name:port or https://name/path")
        if not name.isascii():
            raise ValueError("give a name with other letters than a to z as xn--...")
        name.encode("idna")
        # Browsers take a name for an IPv4 address whose last label is a number, hexadecimal too (WHATWG URL).
        numeric = re.fullmatch(r"\d+|0x[0-9a-f]*", name.rstrip(".").rpartition(".")[2]) is not None
        if public_url and (not HOST.fullmatch(parts.netloc) or (numeric and not _is_ipv4(name))):
            raise ValueError(
                "give a name in letters, digits and -, or an IPv4 address; then :port, or nothing"
            )
        if not re.fullmatch(r"(/([\w.~-]|%[0-9A-Fa-f]{2})*)*", parts.path, re.ASCII):
            # Phones cut a link at other characters, even at some that RFC 3986 allows.
            raise ValueError("give its path in letters, digits and . _ ~ - / (others as %XX)")
        if re.search(r"%([01][0-9A-F]|7F)", parts.path, re.IGNORECASE):
            raise ValueError("give its path without control characters (%00 to %1F, %7F)")
        if _is_ipv4(name) and (fault := _why_no_phone_reaches(name)):
            raise ValueError(fault)
        return public_url

    @model_validator(mode="after")
    def _phones_can_reach_it(self) -> Self:
        if self.host == "0.0.0.0" and not self.public_url:
            raise ValueError(f"no phone can reach {self.host}: give this machine's address, or public_url")
        return self

    @model_validator(mode="after")
    def _browsers_open_the_port(self) -> Self:
        port = urlsplit(self.public_url).port if self.public_url else self.port
        if port in BLOCKED_PORTS:
            raise ValueError(f"no browser opens port {port}: it belongs to another protocol; take 8080")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.certificate and not self.public_url.startswith("https://"):
            raise ValueError("a certificate is for a name: give public_url as https://name")
        return self


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
