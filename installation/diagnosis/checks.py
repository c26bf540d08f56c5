"""The checks of `./kiosk doctor`: pure functions of the facts. Each finding names the command that mends it.

An error is something that is broken. A warning is something missing or nearly used up, without which a visit
still works.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hardware.loopback_driver import LOAD, LoopbackDriver, version_numbers
from installation.diagnosis.facts import Facts, Named
from installation.settings.paths import NAME, PROGRAM
from installation.typography.coverage import remedy

GIB = 1 << 30
NEEDED_MEMORY_BYTES = 3 * GIB  # A visit peaks under 2.5 GiB.
NEEDED_DISK_BYTES = 2 * GIB
USE_IT = 'set device = "auto" under [search] in the configuration'


class Level(Enum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """The result of one check; `mend` is the command, or the sentence, that puts it right."""

    level: Level
    subject: str
    detail: str
    mend: str = ""


def check_machine(facts: Facts) -> Finding:
    """Linux on x86-64, with a C library and a processor that the packages are built for."""
    if facts.unsupported:
        return Finding(Level.ERROR, "Machine", facts.unsupported, "take another machine (docs/installing.md)")
    return Finding(Level.OK, "Machine", "Linux on x86-64")


def check_python(facts: Facts) -> Finding:
    """Python 3.11; in a checkout that of its own .venv."""
    version = ".".join(map(str, facts.python))
    if facts.python != (3, 11):
        return Finding(Level.ERROR, "Python", f"{version}; needs 3.11", _reinstall(facts))
    if not facts.checkout:
        return Finding(Level.OK, "Python", f"{version}, installed as a package")
    if not facts.in_venv:
        return Finding(Level.WARNING, "Python", f"{version}, not the checkout's .venv", "start with ./kiosk")
    return Finding(Level.OK, "Python", f"{version} in .venv")


def check_packages(facts: Facts) -> Finding:
    """Every package at its pinned version; onnxruntime-gpu may take the place of onnxruntime."""
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
        return Finding(Level.ERROR, "Packages", ", ".join(wrong), _reinstall(facts))
    return Finding(Level.OK, "Packages", f"{len(expected)} at their pins")


def check_libraries(facts: Facts) -> Finding:
    """The system libraries that Python packages do not bring along."""
    if facts.missing_libraries:
        missing = ", ".join(facts.missing_libraries)
        return Finding(Level.ERROR, "System libraries", f"missing: {missing}", facts.install_libraries)
    return Finding(Level.OK, "System libraries", "all there")


def check_imports(facts: Facts) -> Finding:
    """The packages with compiled parts can be imported."""
    named = {"torch": facts.torch, "cv2": facts.cv2, "mediapipe": facts.mediapipe}
    modules = named | facts.other_modules
    broken = [f"{name}: {module.error}" for name, module in modules.items() if module.error]
    if broken:
        mend = "take another machine (docs/installing.md)" if facts.unsupported else _reinstall(facts)
        return Finding(Level.ERROR, "Imports", "; ".join(broken), mend)
    versions = ", ".join(f"{name} {module.version}" for name, module in named.items())
    return Finding(Level.OK, "Imports", f"{versions} and {len(facts.other_modules)} others")


def check_opencv(facts: Facts) -> Finding:
    """The two opencv packages share a folder: both must have the version that is imported."""
    plain, contrib = facts.installed["opencv-python"], facts.installed["opencv-contrib-python"]
    if plain != contrib or not plain or not plain.startswith(facts.cv2.version or "no version"):
        cv2 = facts.cv2.version or "broken"
        detail = f"opencv-python {plain} and opencv-contrib-python {contrib} share cv2, which is {cv2}"
        return Finding(Level.ERROR, "OpenCV", detail, _reinstall(facts))
    return Finding(Level.OK, "OpenCV", f"{plain}, both packages")


def check_gpu(facts: Facts) -> Finding:
    """PyTorch can use the GPU, if there is one. Tells where the search will compute."""
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
        return Finding(Level.ERROR, "GPU", detail, _reinstall(facts))
    if not facts.torch_cuda_works:
        detail = f"{name}; PyTorch (CUDA {facts.torch_cuda}) cannot use it: {_without_cuda(facts.device)}"
        return Finding(Level.ERROR, "GPU", detail, "update the NVIDIA driver: CUDA 13 needs 580 or newer")
    return Finding(Level.OK, "GPU", f"{name}, CUDA {facts.torch_cuda}; the search runs on it")


def _without_cuda(device: str) -> str:
    return "nothing starts" if device == "cuda" else "the search takes its time on the CPU"


def check_onnxruntime(facts: Facts) -> Finding:
    """One complete onnxruntime, with CUDA where there is a GPU."""
    plain, gpu = facts.installed["onnxruntime"], facts.installed["onnxruntime-gpu"]
    pip = ".venv/bin/python -m pip" if facts.checkout else "python -m pip"
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


def check_speech(facts: Facts) -> Finding:
    """What the puppet needs to speak, an extra."""
    if install := _install_extra(facts, facts.speech_pins):
        return Finding(Level.WARNING, "Speech", "the doppelgänger cannot speak, the rest works", install)
    return Finding(Level.OK, "Speech", ", ".join(facts.speech_pins) or "not looked for")


def check_virtual_camera(facts: Facts) -> Finding:
    """What `wear --to /dev/video9` needs, an extra. A warning only where a part of it is there."""
    subject, driver = "Virtual camera", facts.loopback
    level = Level.WARNING if driver.loaded or driver.source else Level.OK
    if not driver.loaded and _is_too_old(driver):
        detail = f"Debian 12's v4l2loopback does not build for kernel {driver.kernel}, as for any from 6.8 on"
        mend = "boot Debian 12's own kernel 6.1, or install v4l2loopback 0.13 or newer (docs/live.md)"
        return Finding(level, subject, detail, mend)
    install = _install_extra(facts, facts.virtual_camera_pins)
    get = "" if driver.loaded or driver.source else "sudo apt-get install -y v4l2loopback-dkms"
    steps = [install, get, "" if driver.loaded else LOAD]
    if any(steps):
        lacking = "pyvirtualcam is missing" if driver.loaded else "v4l2loopback is not loaded"
        detail = f"{lacking}; `wear --to page` needs neither"
        return Finding(level, subject, detail, " && ".join(filter(None, steps)))
    cameras = ", ".join(driver.devices) or "no device"
    return Finding(Level.OK, subject, f"v4l2loopback {driver.loaded}: {cameras}")


def check_ndi(facts: Facts) -> Finding:
    """What `wear --to ndi:NAME` needs, an extra that only few want: nothing is wrong without it."""
    if install := _install_extra(facts, facts.ndi_pins):
        return Finding(Level.OK, "NDI", "not installed; only `--to ndi:NAME` needs it", install)
    return Finding(Level.OK, "NDI", ", ".join(facts.ndi_pins) or "not looked for")


def _is_too_old(driver: LoopbackDriver) -> bool:
    """Whether Debian 12's driver, 0.12.7, is all there is, and does not build for this kernel.

    It calls strlcpy, which kernel 6.8 has no more (v4l2loopback's issues 570 and 575).
    """
    has_newer = version_numbers(driver.source) >= (0, 13)
    return driver.system == "debian 12" and version_numbers(driver.kernel) >= (6, 8) and not has_newer


def _install_extra(facts: Facts, pins: dict[str, str]) -> str:
    """The command that installs what is missing of an extra; empty: nothing is."""
    lacking = [f"{name}=={pin}" for name, pin in pins.items() if facts.installed.get(name) != pin]
    pip = ".venv/bin/python -m pip" if facts.checkout else "python -m pip"
    return f"{pip} install {' '.join(lacking)}" if lacking else ""


def check_weights(facts: Facts) -> Finding:
    """Needed weights are there, and no file differs from the manifest."""
    if facts.weights_error:
        return Finding(Level.ERROR, "Weights", facts.weights_error, _restore_weights(facts))
    tolerated = [fact for fact in facts.weights if fact.state == "missing" and not fact.needed]
    bad = [fact for fact in facts.weights if fact.state != "ok" and fact not in tolerated]
    if bad:
        lost = _restore_weights(facts) if any(fact.embedded for fact in bad) else ""
        fetch = " ".join(fact.name for fact in bad if not fact.embedded)
        mend = " && ".join(filter(None, [lost, fetch and f"{PROGRAM} weights fetch {fetch}"]))
        return Finding(Level.ERROR, "Weights", ", ".join(f"{fact.name} {fact.state}" for fact in bad), mend)
    here = [fact.name for fact in facts.weights if fact.state == "ok"]
    return Finding(Level.OK, "Weights", ", ".join(here) or "none are here, and none are needed")


def check_camera(facts: Facts) -> Finding:
    """The configured camera is there, and this user may read it."""
    return _check_named("Camera", facts.camera, facts)


def check_phones(facts: Facts) -> Finding:
    """Phones can reach this machine where the configuration says."""
    return _check_named("Phones", facts.phones, facts)


def check_server(facts: Facts) -> Finding:
    """The rendering server answers, where the configuration names one."""
    return _check_named("Server", facts.server, facts)


def _check_named(subject: str, named: Named, facts: Facts) -> Finding:
    if named.fault:
        return Finding(Level.WARNING, subject, named.fault, named.mend or _reinstall(facts))
    return Finding(Level.OK, subject, named.found)


def check_display(facts: Facts) -> Finding:
    """There is a screen for the window."""
    if facts.display is None:
        return Finding(Level.WARNING, "Display", "none", "start from a desktop; `visit` needs no screen")
    return Finding(Level.OK, "Display", facts.display)


def check_scripts(facts: Facts) -> Finding:
    """The typefaces set what visitors read, and every language file can be shown."""
    lacking = [script for script, settable in facts.scripts.items() if not settable]
    if lacking:
        return Finding(Level.WARNING, "Scripts", f"cannot be set: {', '.join(lacking)}", remedy())
    if facts.language_faults:
        return Finding(Level.WARNING, "Scripts", " ".join(facts.language_faults), "mend or remove the file")
    return Finding(Level.OK, "Scripts", f"{', '.join(facts.scripts)} can be set")


def check_processor(facts: Facts) -> Finding:
    """Whether the CPU has half precision, which makes the search two to three times faster."""
    fast = sorted(facts.cpu_flags & {"avx512_bf16", "amx_bf16"})
    detail = f"fast half precision ({', '.join(fast)})" if fast else "no fast half precision; full precision"
    return Finding(Level.OK, "Processor", detail)


def check_memory(facts: Facts) -> Finding:
    """Enough memory for a visit."""
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
    """Swap is off: it writes memory to a disk, and a visitor's face is in memory."""
    if facts.memory is not None and facts.memory.swap:
        detail = "on: parts of a visitor's face can end up on the disk"
        return Finding(Level.WARNING, "Swap", detail, "sudo swapoff -a, and take it out of /etc/fstab")
    return Finding(Level.OK, "Swap", "off")


def check_disk(facts: Facts) -> Finding:
    """Enough space for what visits write."""
    detail = f"{facts.free_disk_bytes / GIB:.1f} GiB free"
    if facts.free_disk_bytes < NEEDED_DISK_BYTES:
        return Finding(Level.WARNING, "Disk", detail, "remove old visits and downloads")
    return Finding(Level.OK, "Disk", detail)


def _reinstall(facts: Facts) -> str:
    return "rm -r .venv && ./kiosk doctor" if facts.checkout else f"install {NAME} anew with Python 3.11"


def _restore_weights(facts: Facts) -> str:
    return "git checkout -- weights" if facts.checkout else _reinstall(facts)


CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    check_machine,
    check_python,
    check_packages,
    check_libraries,
    check_imports,
    check_opencv,
    check_processor,
    check_gpu,
    check_onnxruntime,
    check_speech,
    check_virtual_camera,
    check_ndi,
    check_weights,
    check_camera,
    check_phones,
    check_server,
    check_display,
    check_scripts,
    check_memory,
    check_swap,
    check_disk,
)
