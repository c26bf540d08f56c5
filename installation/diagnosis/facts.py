"""The facts about this machine and this installation that the checks look at, gathered in one place."""

import asyncio
import importlib
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from engine.common.errors import DoppelgangerError, WeightsError
from hardware import machine
from hardware.loopback_driver import LoopbackDriver, loopback_driver
from hardware.machine import Gpu, Memory
from hardware.network import interfaces
from installation.server import own_network
from installation.settings.configuration import Configuration, needed_weights
from installation.settings.delivery import Delivery
from installation.settings.manifest import MANIFEST, Manifest, State
from installation.settings.paths import NAME, ROOT, is_checkout
from installation.settings.server import EngineSettings, ServerSettings
from installation.settings.texts import language_faults
from installation.setup.imports import MODULES, Module, try_imports
from installation.typography.coverage import settable_scripts


@dataclass(frozen=True)
class Named:
    """Something that the configuration names: what it is on this machine, or why it cannot be used.

    `mend` is the command or the sentence that puts a fault right; empty: installing the packages anew does.
    """

    found: str = ""
    fault: str = ""
    mend: str = ""


NOT_LOOKED_FOR = Named(fault="cannot be looked for: packages do not load")


@dataclass(frozen=True)
class WeightsFact:
    """The state of one entry of the manifest; `needed`: by the configuration, or because it is embedded."""

    name: str
    state: State
    needed: bool
    embedded: bool


@dataclass(frozen=True)
class Facts:
    """Everything the checks look at. Versions are None for packages that are not installed.

    `checkout`: whether this is a checkout of the repository, not an installed package; `in_venv`: whether the
    Python is that of the checkout's .venv; `device`: the configuration's search.device, auto, cpu or cuda;
    `scripts`: which can be set; `language_faults`: a line for each language that is left out;
    `unsupported`: why the piece cannot run on such a machine; `other_modules`: those without a field;
    `speech_pins`, `virtual_camera_pins`, `ndi_pins`: as `pins`, of the packages that only these need.
    """

    unsupported: str
    python: tuple[int, int]
    checkout: bool
    in_venv: bool
    pins: dict[str, str]
    installed: dict[str, str | None]
    missing_libraries: tuple[str, ...]
    install_libraries: str
    gpus: tuple[Gpu, ...]
    device: str
    cpu_flags: frozenset[str]
    torch: Module
    torch_cuda: str | None
    torch_cuda_works: bool
    onnxruntime: Module
    onnxruntime_providers: tuple[str, ...]
    cv2: Module
    mediapipe: Module
    other_modules: dict[str, Module]
    weights: tuple[WeightsFact, ...]
    weights_error: str
    camera: Named
    phones: Named
    server: Named
    display: str | None
    memory: Memory | None
    free_disk_bytes: int
    scripts: dict[str, bool] = field(default_factory=dict)
    language_faults: tuple[str, ...] = ()
    speech_pins: dict[str, str] = field(default_factory=dict)
    virtual_camera_pins: dict[str, str] = field(default_factory=dict)
    ndi_pins: dict[str, str] = field(default_factory=dict)
    loopback: LoopbackDriver = field(default_factory=LoopbackDriver)


def gather(configuration: Configuration) -> Facts:
    """Looks at this machine and at what the configuration needs of it.

    Raises UsageError for weights that the manifest does not have.
    """
    pins = _pins()
    speech_pins, virtual_camera_pins, ndi_pins = map(_pins, ("speech", "virtual-camera", "ndi"))
    weights, weights_error = _weights(needed_weights(configuration))
    # In child processes: a package for another processor would end this one without a line.
    modules = try_imports([sys.executable, "-P"], list(MODULES.values()))
    own = {name: modules.pop(name) for name in ("torch", "onnxruntime", "cv2", "mediapipe")}
    for name in ("torch", "onnxruntime"):
        if not own[name].error:
            importlib.import_module(name)
    loads = not any(module.killed for module in (*own.values(), *modules.values()))
    missing = machine.missing_libraries()
    return Facts(
        unsupported=machine.unsupported_here(),
        python=sys.version_info[:2],
        checkout=is_checkout(),
        in_venv=Path(sys.prefix).resolve() == ROOT / ".venv",
        pins=pins,
        installed={
            name: _installed(name)
            for name in (*pins, *speech_pins, *virtual_camera_pins, *ndi_pins, "onnxruntime-gpu")
        },
        missing_libraries=tuple(missing),
        install_libraries=machine.install_command([machine.SYSTEM_LIBRARIES[name] for name in missing]),
        gpus=tuple(machine.gpus()),
        device=configuration.search.device,
        cpu_flags=machine.cpu_flags(),
        **own,
        torch_cuda=None if own["torch"].error else sys.modules["torch"].version.cuda,
        torch_cuda_works=not own["torch"].error and sys.modules["torch"].cuda.is_available(),
        onnxruntime_providers=_providers(),
        other_modules=modules,
        weights=weights,
        weights_error=weights_error,
        camera=_camera(configuration.stage.camera) if loads else NOT_LOOKED_FOR,
        phones=_phones(configuration.delivery) if loads else NOT_LOOKED_FOR,
        server=_server(configuration.engine, configuration.server) if loads else NOT_LOOKED_FOR,
        display=machine.display(),
        memory=machine.memory(),
        free_disk_bytes=machine.free_disk_bytes(ROOT),
        scripts=settable_scripts(),
        language_faults=tuple(language_faults()),
        speech_pins=speech_pins,
        virtual_camera_pins=virtual_camera_pins,
        ndi_pins=ndi_pins,
        loopback=loopback_driver(),
    )


def _pins(extra: str = "") -> dict[str, str]:
    """The pinned version of each direct dependency, or of each package of an extra."""
    if is_checkout():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        requirements = project["optional-dependencies"][extra] if extra else project["dependencies"]
    else:
        whole = [each.partition(";") for each in metadata.requires(NAME) or []]
        wanted = f'extra == "{extra}"' if extra else ""
        requirements = [pin.strip() for pin, _, marker in whole if marker.strip() == wanted]
    return dict(requirement.split("==") for requirement in requirements)


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _providers() -> tuple[str, ...]:
    # onnxruntime and onnxruntime-gpu in one folder can leave a module that imports and is empty.
    listing = getattr(sys.modules.get("onnxruntime"), "get_available_providers", list)
    return tuple(listing())


def _weights(needed: Sequence[str]) -> tuple[tuple[WeightsFact, ...], str]:
    try:
        manifest = Manifest.load(MANIFEST)
        wanted = {manifest.entry(name).name for name in needed}
        facts = [
            WeightsFact(
                entry.name, manifest.verify(entry), entry.embedded or entry.name in wanted, entry.embedded
            )
            for entry in manifest.entries.values()
        ]
    except WeightsError as error:
        return (), str(error)
    return tuple(facts), ""


def _camera(wanted: str) -> Named:
    if wanted == "synthetic":
        return Named("synthetic")
    try:
        from hardware.camera.selection import camera_source
        from hardware.camera.v4l2 import V4l2Source

        source = camera_source(wanted)
        device = source.find() if isinstance(source, V4l2Source) else None
    except ImportError as error:  # also reported by the check of the imports
        return Named(fault=f"cannot be looked for ({error})")
    except DoppelgangerError as error:
        return Named(fault=str(error), mend="`visit` needs none: it works from a photograph")
    return Named(f"/dev/video{device.number} ({device.name})" if device else wanted)


def _phones(delivery: Delivery) -> Named:
    if not delivery.enabled:
        return Named("fetch nothing: delivery.enabled is false")
    try:
        from installation.delivery.address import TRY_IT, base_url, listening_address, why_doubtful
        from installation.delivery.reachability import addresses_of
        from installation.workers.supervision import ServiceError
    except ImportError as error:
        return Named(fault=f"cannot be looked for ({error})")
    found = interfaces()
    try:
        chosen = listening_address(delivery, found)
    except ServiceError as fault:
        return Named(fault=str(fault), mend=fault.advice)
    url = base_url(delivery, chosen.address)
    doubt = why_doubtful(delivery, chosen, asyncio.run(addresses_of(url)), found)
    if doubt:
        return Named(fault=f"find this machine at {url}, perhaps: {doubt}", mend=TRY_IT)
    return Named(f"find this machine at {url}{f' ({chosen.interface})' if chosen.interface else ''}")


def _server(engine: EngineSettings, server: ServerSettings) -> Named:
    if server.pool == "ray" and (why := own_network.fault()):
        return Named(
            fault=f"Ray gets no network of its own, and is not started ({why})", mend=own_network.ADVICE
        )
    if not engine.server:
        return Named("none is configured: this machine computes")
    try:
        from installation.workers.remote.backend import address_of
        from installation.workers.remote.link import connection_fault
    except ImportError as error:
        return Named(fault=f"cannot be looked for ({error})")
    try:
        fault = connection_fault(address_of(engine))
    except DoppelgangerError as error:
        return Named(fault=str(error), mend="see docs/server.md")
    if fault:
        detail = f"{engine.server}: {fault} Until then this machine computes"
        return Named(fault=detail, mend="see docs/server.md, When something does not work")
    return Named(f"{engine.server} answers")
