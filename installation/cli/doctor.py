"""`./kiosk doctor`: what this machine has, what is wrong with it, and the command that mends it.

Facts are gathered once, at the edge; every check is a pure function of them, so each can be shown to fail.
An error is something broken; a warning is something absent, or close to its end, that a visit can do without.
"""

import argparse
import importlib
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from engine.common.errors import DoppelgangerError, MachineError, WeightsError
from hardware import machine
from hardware.machine import Gpu, Memory
from installation.settings.configuration import DEFAULT, Configuration, Delivery, load, needed_weights
from installation.settings.manifest import MANIFEST, Manifest, State

ROOT = Path(__file__).resolve().parents[2]

GIB = 1 << 30
NEEDED_MEMORY_BYTES = 3 * GIB  # A visit peaks under 2.5 GiB.
NEEDED_DISK_BYTES = 2 * GIB
USE_IT = 'set device = "auto" under [search] in the configuration'
REINSTALL = "rm -r .venv && ./kiosk doctor"


class Level(Enum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One line of the table; `mend` is the command, or the sentence, that puts it right."""

    level: Level
    subject: str
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class Module:
    """An import: its version, or why it failed."""

    version: str = ""
    error: str = ""


@dataclass(frozen=True)
class Named:
    """Something that the configuration names: what it is on this machine, or why it is not there."""

    found: str = ""
    fault: str = ""
    mend: str = ""


@dataclass(frozen=True)
class WeightsFact:
    """The state of one entry of the manifest, and whether this installation cannot do without it."""

    name: str
    state: State
    needed: bool
    embedded: bool


@dataclass(frozen=True)
class Facts:
    """Everything the checks look at. Versions are None for packages that are not installed."""

    python: tuple[int, int]
    in_venv: bool
    pins: dict[str, str]
    installed: dict[str, str | None]
    missing_libraries: tuple[str, ...]
    install_libraries: str
    gpus: tuple[Gpu, ...]
    device: str  # as the configuration says: auto, cpu or cuda
    cpu_flags: frozenset[str]
    torch: Module
    torch_cuda: str | None
    torch_cuda_works: bool
    onnxruntime: Module
    onnxruntime_providers: tuple[str, ...]
    cv2: Module
    mediapipe: Module
    weights: tuple[WeightsFact, ...]
    weights_error: str
    camera: Named
    phones: Named
    display: str | None
    memory: Memory | None
    free_disk_bytes: int


# --- gathering ---


def gather(configuration: Configuration) -> Facts:
    """Look at this machine, and at what the configuration wants of it.

    Raises UsageError for weights that the manifest does not have.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(requirement.split("==") for requirement in project["dependencies"])
    weights, weights_error = _weights(needed_weights(configuration))
    torch, onnxruntime = _import("torch"), _import("onnxruntime")
    missing = machine.missing_libraries()
    return Facts(
        python=sys.version_info[:2],
        in_venv=Path(sys.prefix).resolve() == ROOT / ".venv",
        pins=pins,
        installed={name: _installed(name) for name in (*pins, "onnxruntime-gpu")},
        missing_libraries=tuple(missing),
        install_libraries=machine.install_command([machine.SYSTEM_LIBRARIES[name] for name in missing]),
        gpus=tuple(machine.gpus()),
        device=configuration.search.device,
        cpu_flags=machine.cpu_flags(),
        torch=torch,
        torch_cuda=None if torch.error else sys.modules["torch"].version.cuda,
        torch_cuda_works=not torch.error and sys.modules["torch"].cuda.is_available(),
        onnxruntime=onnxruntime,
        onnxruntime_providers=_providers(),
        cv2=_import("cv2"),
        mediapipe=_import("mediapipe"),
        weights=weights,
        weights_error=weights_error,
        camera=_camera(configuration.stage.camera),
        phones=_phones(configuration.delivery),
        display=machine.display(),
        memory=machine.memory(),
        free_disk_bytes=machine.free_disk_bytes(ROOT),
    )


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _import(name: str) -> Module:
    try:
        module = importlib.import_module(name)
    except Exception as error:  # A broken package fails in any way it likes; the doctor only reports it.
        return Module(error=f"{type(error).__name__}: {error}".splitlines()[0])
    return Module(version=getattr(module, "__version__", "without a version"))


def _providers() -> tuple[str, ...]:
    # Two packages in one folder can leave an onnxruntime that imports and has nothing in it.
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
    except ImportError as error:  # its packages are broken, which the check of the imports says
        return Named(fault=f"cannot be looked for ({error})", mend=REINSTALL)
    except DoppelgangerError as error:
        return Named(fault=str(error), mend="`visit` needs none: it works from a photograph")
    return Named(f"/dev/video{device.number} ({device.name})" if device else wanted)


def _phones(delivery: Delivery) -> Named:
    if not delivery.enabled:
        return Named("fetch nothing: delivery.enabled is false")
    try:
        from installation.delivery.address import base_url, listening_address
        from installation.workers.supervision import ServiceError
    except ImportError as error:
        return Named(fault=f"cannot be looked for ({error})", mend=REINSTALL)
    try:
        return Named(f"find this machine at {base_url(delivery, listening_address(delivery)).lower()}")
    except ServiceError as fault:
        return Named(fault=str(fault), mend=fault.advice)


# --- checking ---


def check_python(facts: Facts) -> Finding:
    """Python 3.11 or 3.12, out of the checkout's own .venv."""
    version = ".".join(map(str, facts.python))
    if facts.python not in ((3, 11), (3, 12)):
        return Finding(Level.ERROR, "Python", f"{version}; needs 3.11 or 3.12", REINSTALL)
    if not facts.in_venv:
        return Finding(Level.WARNING, "Python", f"{version}, not the checkout's .venv", "start with ./kiosk")
    return Finding(Level.OK, "Python", f"{version} in .venv")


def check_packages(facts: Facts) -> Finding:
    """Every package at its pin; onnxruntime-gpu stands in for onnxruntime."""
    expected = dict(facts.pins)
    if facts.installed["onnxruntime-gpu"] and not facts.installed["onnxruntime"]:
        expected["onnxruntime-gpu"] = expected.pop("onnxruntime")
    # torch's versions name their build after a plus sign: 2.13.0+cpu.
    wrong = [
        f"{name} {facts.installed[name] or 'missing'} (needs {pin})"
        for name, pin in expected.items()
        if (facts.installed[name] or "").partition("+")[0] != pin
    ]
    if wrong:
        return Finding(Level.ERROR, "Packages", ", ".join(wrong), REINSTALL)
    return Finding(Level.OK, "Packages", f"{len(expected)} at their pins")


def check_libraries(facts: Facts) -> Finding:
    """The system libraries that Python packages do not bring along."""
    if facts.missing_libraries:
        missing = ", ".join(facts.missing_libraries)
        return Finding(Level.ERROR, "System libraries", f"missing: {missing}", facts.install_libraries)
    return Finding(Level.OK, "System libraries", "all there")


def check_imports(facts: Facts) -> Finding:
    """The packages with compiled parts start."""
    modules = {"torch": facts.torch, "cv2": facts.cv2, "mediapipe": facts.mediapipe}
    broken = [f"{name}: {module.error}" for name, module in modules.items() if module.error]
    if broken:
        return Finding(Level.ERROR, "Imports", "; ".join(broken), REINSTALL)
    return Finding(Level.OK, "Imports", ", ".join(f"{name} {m.version}" for name, m in modules.items()))


def check_opencv(facts: Facts) -> Finding:
    """The two opencv packages share a folder: they must be of one version, and that one must start."""
    plain, contrib = facts.installed["opencv-python"], facts.installed["opencv-contrib-python"]
    if plain != contrib or not plain or not plain.startswith(facts.cv2.version or "no version"):
        cv2 = facts.cv2.version or "broken"
        detail = f"opencv-python {plain} and opencv-contrib-python {contrib} share cv2, which is {cv2}"
        return Finding(Level.ERROR, "OpenCV", detail, REINSTALL)
    return Finding(Level.OK, "OpenCV", f"{plain}, both packages")


def check_gpu(facts: Facts) -> Finding:
    """A GPU that is there is used by PyTorch; says where the search will compute."""
    if not facts.gpus and not facts.torch_cuda_works:
        if facts.device == "cuda":
            detail = 'none, and search.device is "cuda": nothing starts'
            return Finding(Level.ERROR, "GPU", detail, USE_IT)
        return Finding(Level.WARNING, "GPU", "none; the search takes its time on the CPU", "nothing to mend")
    name = "not listed by nvidia-smi"
    if facts.gpus:
        gpu = facts.gpus[0]
        name = f"{gpu.name}, {gpu.memory_mib / 1024:.0f} GiB, driver {gpu.driver}"
    if facts.device == "cpu":
        detail = f'{name}; the search takes its time on the CPU, as search.device is "cpu"'
        return Finding(Level.WARNING, "GPU", detail, USE_IT)
    if facts.torch_cuda is None:
        detail = f"{name}; PyTorch is a build without CUDA: {_without_cuda(facts.device)}"
        return Finding(Level.ERROR, "GPU", detail, REINSTALL)
    if not facts.torch_cuda_works:
        detail = f"{name}; PyTorch (CUDA {facts.torch_cuda}) cannot use it: {_without_cuda(facts.device)}"
        return Finding(Level.ERROR, "GPU", detail, "update the NVIDIA driver: CUDA 13 needs 580 or newer")
    return Finding(Level.OK, "GPU", f"{name}, CUDA {facts.torch_cuda}; the search runs on it")


def _without_cuda(device: str) -> str:
    return "nothing starts" if device == "cuda" else "the search takes its time on the CPU"


def check_onnxruntime(facts: Facts) -> Finding:
    """One onnxruntime, whole, and with CUDA where there is a GPU."""
    plain, gpu = facts.installed["onnxruntime"], facts.installed["onnxruntime-gpu"]
    pip = ".venv/bin/python -m pip"
    package = f"onnxruntime{'-gpu' if facts.gpus else ''}=={facts.pins['onnxruntime']}"
    mend = (
        f"{pip} uninstall -y onnxruntime onnxruntime-gpu && "
        f"{pip} install --force-reinstall --no-deps {package}"
    )
    if plain and gpu:
        detail = f"onnxruntime {plain} and onnxruntime-gpu {gpu} overwrite each other"
        return Finding(Level.ERROR, "onnxruntime", detail, mend)
    if facts.onnxruntime.error or not facts.onnxruntime_providers:
        return Finding(Level.ERROR, "onnxruntime", facts.onnxruntime.error or "offers no provider", mend)
    if facts.gpus and "CUDAExecutionProvider" not in facts.onnxruntime_providers:
        return Finding(Level.ERROR, "onnxruntime", "there is a GPU, but no CUDAExecutionProvider", mend)
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in facts.onnxruntime_providers)
    return Finding(Level.OK, "onnxruntime", f"{facts.onnxruntime.version}: {providers}")


def check_weights(facts: Facts) -> Finding:
    """Everything needed is there, and everything there is what the manifest says."""
    if facts.weights_error:
        return Finding(Level.ERROR, "Weights", facts.weights_error, "git checkout -- weights")
    tolerated = [fact for fact in facts.weights if fact.state == "missing" and not fact.needed]
    bad = [fact for fact in facts.weights if fact.state != "ok" and fact not in tolerated]
    if bad:
        lost = "git checkout -- weights" if any(fact.embedded for fact in bad) else ""
        fetch = " ".join(fact.name for fact in bad if not fact.embedded)
        mend = " && ".join(filter(None, [lost, fetch and f"./kiosk weights fetch {fetch}"]))
        return Finding(Level.ERROR, "Weights", ", ".join(f"{fact.name} {fact.state}" for fact in bad), mend)
    here = [fact.name for fact in facts.weights if fact.state == "ok"]
    return Finding(Level.OK, "Weights", ", ".join(here) or "none are here, and none are needed")


def check_camera(facts: Facts) -> Finding:
    """The configured camera is there, and this user may read it."""
    return _check_named("Camera", facts.camera)


def check_phones(facts: Facts) -> Finding:
    """Phones can reach this machine where the configuration says."""
    return _check_named("Phones", facts.phones)


def _check_named(subject: str, named: Named) -> Finding:
    if named.fault:
        return Finding(Level.WARNING, subject, named.fault, named.mend)
    return Finding(Level.OK, subject, named.found)


def check_display(facts: Facts) -> Finding:
    """A screen for the window."""
    if facts.display is None:
        return Finding(Level.WARNING, "Display", "none", "start from a desktop; `visit` needs no screen")
    return Finding(Level.OK, "Display", facts.display)


def check_processor(facts: Facts) -> Finding:
    """Half precision on the CPU makes the search two to three times faster."""
    fast = sorted(facts.cpu_flags & {"avx512_bf16", "amx_bf16"})
    detail = f"fast half precision ({', '.join(fast)})" if fast else "no fast half precision; full precision"
    return Finding(Level.OK, "Processor", detail)


def check_memory(facts: Facts) -> Finding:
    """Room for a visit."""
    if facts.memory is None:
        return Finding(Level.WARNING, "Memory", "this system does not say how much", "nothing to mend")
    available, total = facts.memory.available, facts.memory.total
    detail = f"{available / GIB:.1f} of {total / GIB:.1f} GiB free"
    if available < NEEDED_MEMORY_BYTES:
        level = Level.ERROR if total < NEEDED_MEMORY_BYTES else Level.WARNING
        detail += f"; a visit takes up to {NEEDED_MEMORY_BYTES / GIB:.0f}"
        return Finding(level, "Memory", detail, "close other programs")
    return Finding(Level.OK, "Memory", detail)


def check_swap(facts: Facts) -> Finding:
    """Swap writes what is in memory to a disk, and a visitor's face is in memory."""
    if facts.memory is not None and facts.memory.swap:
        detail = "on: parts of a visitor's face can end up on the disk"
        return Finding(Level.WARNING, "Swap", detail, "sudo swapoff -a, and take it out of /etc/fstab")
    return Finding(Level.OK, "Swap", "off")


def check_disk(facts: Facts) -> Finding:
    """Room for what visits write."""
    detail = f"{facts.free_disk_bytes / GIB:.1f} GiB free"
    if facts.free_disk_bytes < NEEDED_DISK_BYTES:
        return Finding(Level.WARNING, "Disk", detail, "remove old visits and downloads")
    return Finding(Level.OK, "Disk", detail)


CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    check_python,
    check_packages,
    check_libraries,
    check_imports,
    check_opencv,
    check_processor,
    check_gpu,
    check_onnxruntime,
    check_weights,
    check_camera,
    check_phones,
    check_display,
    check_memory,
    check_swap,
    check_disk,
)


# --- the command ---


def table(findings: Sequence[Finding]) -> Iterator[str]:
    """The findings as lines: level, subject, detail; under it what to do, where there is something to do."""
    for finding in findings:
        yield f"{finding.level.value:<9}{finding.subject:<18}{finding.detail}"
        if finding.mend:
            yield f"{'':<27}→ {finding.mend}"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `./kiosk doctor`."""
    parser.add_argument("--config", type=Path, default=DEFAULT, help="the TOML file that is to be used")


def run(arguments: argparse.Namespace) -> int:
    """`./kiosk doctor`; returns 0, or 5 where anything is an error."""
    facts = gather(load(arguments.config))
    findings = [check(facts) for check in CHECKS]
    print("\n".join(table(findings)))
    return MachineError.exit_code if any(finding.level is Level.ERROR for finding in findings) else 0
