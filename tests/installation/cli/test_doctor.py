"""The doctor: this machine's real facts, and for every check a machine on which it fails."""

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.common.errors import MachineError, UsageError, WeightsError
from hardware import machine
from hardware.loopback_driver import LoopbackDriver
from hardware.machine import Gpu, Memory
from installation.cli import doctor
from installation.cli import main as cli
from installation.diagnosis import checks
from installation.diagnosis.checks import CHECKS, GIB, Level
from installation.diagnosis.facts import Facts, Named, WeightsFact, _weights, gather
from installation.settings.configuration import Faces, load, needed_weights
from installation.settings.manifest import Manifest
from installation.setup.imports import Module, try_imports
from tests.conftest import REPO

PINS: dict[str, str] = {
    "torch": "2.13.0",
    "onnxruntime": "1.31.1",
    "opencv-python": "4.11.0.86",
    "opencv-contrib-python": "4.11.0.86",
}
H100 = Gpu("NVIDIA H100", 81559, "580.65.06")

# A healthy machine without a GPU, and the same with one.
CPU = Facts(
    unsupported="",
    python=(3, 11),
    checkout=True,
    in_venv=True,
    pins=PINS,
    installed={**PINS, "torch": "2.13.0+cpu", "onnxruntime-gpu": None},
    missing_libraries=(),
    install_libraries="",
    gpus=(),
    device="auto",
    cpu_flags=frozenset({"avx2"}),
    torch=Module("2.13.0+cpu"),
    torch_cuda=None,
    torch_cuda_works=False,
    onnxruntime=Module("1.31.1"),
    onnxruntime_providers=("CPUExecutionProvider",),
    cv2=Module("4.11.0"),
    mediapipe=Module("0.10.21"),
    other_modules={"dlib": Module("20.0.1")},
    weights=(WeightsFact("nobody", "ok", True, True), WeightsFact("ffhq-1024", "missing", False, False)),
    weights_error="",
    camera=Named("/dev/video0 (Logitech)"),
    phones=Named("find this machine at http://10.0.0.5:8080"),
    server=Named("wss://render.example:8765 answers"),
    display="DISPLAY=:0",
    memory=Memory(16 * GIB, 12 * GIB, 0),
    free_disk_bytes=100 * GIB,
    loopback=LoopbackDriver("0.12.7", ("/dev/video9",), "0.12.7", "6.1.0-28-amd64", "debian 12"),
)
CUDA = replace(
    CPU,
    gpus=(H100,),
    installed={**PINS, "onnxruntime": None, "onnxruntime-gpu": "1.31.1"},
    torch_cuda="13.0",
    torch_cuda_works=True,
    onnxruntime_providers=("CUDAExecutionProvider", "CPUExecutionProvider"),
)


def levels(facts: Facts) -> dict[str, Level]:
    return {check.__name__.removeprefix("check_"): check(facts).level for check in CHECKS}


def test_a_healthy_machine_with_a_gpu_has_nothing_to_say() -> None:
    assert set(levels(CUDA).values()) == {Level.OK}


def test_a_healthy_machine_without_a_gpu_only_warns_of_that() -> None:
    assert {name for name, level in levels(CPU).items() if level is not Level.OK} == {"gpu"}
    assert levels(CPU)["gpu"] is Level.WARNING


GPU_INSTALLED = CUDA.installed
FAILURES = [
    ("python", replace(CPU, python=(3, 13)), Level.ERROR, "needs 3.11"),
    ("python", replace(CPU, python=(3, 12)), Level.ERROR, "./kiosk doctor"),
    ("python", replace(CPU, python=(3, 12), checkout=False), Level.ERROR, "install doppelganger anew"),
    ("python", replace(CPU, in_venv=False), Level.WARNING, "./kiosk"),
    ("packages", replace(CPU, installed=CPU.installed | {"torch": None}), Level.ERROR, "torch missing"),
    ("packages", replace(CPU, installed=CPU.installed | {"torch": "2.12.0+cpu"}), Level.ERROR, "2.12.0"),
    ("packages", replace(CUDA, installed=GPU_INSTALLED | {"onnxruntime-gpu": "1.2"}), Level.ERROR, "1.31.1"),
    (
        "libraries",
        replace(CPU, missing_libraries=("libGL.so.1",), install_libraries="apt-get install -y libgl1"),
        Level.ERROR,
        "apt-get install -y libgl1",
    ),
    (
        "imports",
        replace(CPU, mediapipe=Module(error="ImportError: no")),
        Level.ERROR,
        "mediapipe: ImportError",
    ),
    (
        "imports",
        replace(CPU, other_modules={"dlib": Module(error="illegal instruction", killed=True)}),
        Level.ERROR,
        "dlib: illegal instruction",
    ),
    (
        "speech",
        replace(CPU, speech_pins={"espeakng-loader": "0.2.4"}),
        Level.WARNING,
        "pip install espeakng-loader==0.2.4",
    ),
    ("ndi", replace(CPU, ndi_pins={"cyndilib": "0.1.3"}), Level.OK, "pip install cyndilib==0.1.3"),
    (
        "virtual_camera",
        replace(CPU, virtual_camera_pins={"pyvirtualcam": "0.15.0"}),
        Level.WARNING,
        "pip install pyvirtualcam==0.15.0",
    ),
    (
        "virtual_camera",
        replace(CPU, loopback=LoopbackDriver(source="0.12.7", kernel="6.1.0-28-amd64", system="debian 12")),
        Level.WARNING,
        "modprobe v4l2loopback video_nr=9",
    ),
    (
        "virtual_camera",
        replace(CPU, loopback=LoopbackDriver("", (), "0.12.7", "6.12.9+bpo-amd64", "debian 12")),
        Level.WARNING,
        "does not build for kernel 6.12.9+bpo-amd64",
    ),
    ("machine", replace(CPU, unsupported="this processor lacks AVX"), Level.ERROR, "lacks AVX"),
    ("opencv", replace(CPU, installed=CPU.installed | {"opencv-python": "5.0.0"}), Level.ERROR, "5.0.0"),
    ("opencv", replace(CPU, cv2=Module("4.10.0")), Level.ERROR, "4.10.0"),
    ("opencv", replace(CPU, cv2=Module(error="ImportError: no")), Level.ERROR, "broken"),
    ("gpu", replace(CUDA, torch_cuda=None, torch_cuda_works=False), Level.ERROR, "without CUDA"),
    ("gpu", replace(CUDA, torch_cuda_works=False), Level.ERROR, "driver"),
    ("gpu", CPU, Level.WARNING, "on the CPU"),
    ("gpu", replace(CPU, device="cuda"), Level.ERROR, 'device = "auto"'),
    ("gpu", replace(CUDA, device="cuda", torch_cuda_works=False), Level.ERROR, "nothing starts"),
    ("gpu", replace(CUDA, device="cpu"), Level.WARNING, 'search.device is "cpu"'),
    ("gpu", replace(CUDA, device="cpu", torch_cuda=None), Level.WARNING, 'device = "auto"'),
    (
        "onnxruntime",
        replace(CUDA, installed=GPU_INSTALLED | {"onnxruntime": "1.31.1"}),
        Level.ERROR,
        "overwrite",
    ),
    (
        "onnxruntime",
        replace(CPU, installed=CPU.installed | {"onnxruntime-gpu": "1.31.1"}),
        Level.ERROR,
        "overwr",
    ),
    (
        "onnxruntime",
        replace(CUDA, onnxruntime_providers=("CPUExecutionProvider",)),
        Level.ERROR,
        "no CUDAExecutionProvider",
    ),
    ("onnxruntime", replace(CPU, onnxruntime_providers=()), Level.ERROR, "no provider"),
    ("onnxruntime", replace(CPU, onnxruntime=Module(error="ImportError: no")), Level.ERROR, "ImportError"),
    (
        "weights",
        replace(CPU, weights=(WeightsFact("nobody", "missing", True, True),)),
        Level.ERROR,
        "git checkout -- weights",
    ),
    (
        "weights",
        replace(CPU, weights=(WeightsFact("ffhq-1024", "missing", True, False),)),
        Level.ERROR,
        "./kiosk weights fetch ffhq-1024",
    ),
    (
        "weights",
        replace(CPU, weights=(WeightsFact("sface", "wrong", False, False),)),
        Level.ERROR,
        "sface wrong",
    ),
    ("weights", replace(CPU, weights_error="manifest.toml: cannot be read"), Level.ERROR, "cannot be read"),
    ("camera", replace(CPU, camera=Named(fault="not there", mend="plug it in")), Level.WARNING, "not there"),
    ("phones", replace(CPU, phones=Named(fault="no network", mend="connect")), Level.WARNING, "no network"),
    ("server", replace(CPU, server=Named(fault="not there", mend="see")), Level.WARNING, "not there"),
    ("display", replace(CPU, display=None), Level.WARNING, "none"),
    ("scripts", replace(CPU, scripts={"Greek": True, "Thai": False}), Level.WARNING, "fonts-noto-core"),
    ("scripts", replace(CPU, language_faults=("xx.toml: broken.",)), Level.WARNING, "xx.toml: broken"),
    ("memory", replace(CPU, memory=None), Level.WARNING, "does not say"),
    ("memory", replace(CPU, memory=Memory(16 * GIB, 1 * GIB, 0)), Level.WARNING, "1.0 of 16.0 GiB"),
    ("memory", replace(CPU, memory=Memory(2 * GIB, 1 * GIB, 0)), Level.ERROR, "1.0 of 2.0 GiB"),
    ("swap", replace(CPU, memory=Memory(16 * GIB, 12 * GIB, GIB)), Level.WARNING, "swapoff"),
    ("disk", replace(CPU, free_disk_bytes=GIB), Level.WARNING, "1.0 GiB"),
]


@pytest.mark.parametrize(("check", "facts", "level", "words"), FAILURES)
def test_every_fault_is_named_with_what_mends_it(check: str, facts: Facts, level: Level, words: str) -> None:
    finding = getattr(checks, f"check_{check}")(facts)
    assert finding.level is level
    assert finding.mend
    assert words in "\n".join(doctor.table([finding]))


@pytest.mark.parametrize(
    ("kernel", "system", "words"),
    [
        ("6.1.0-28-amd64", "debian 12", "apt-get install -y v4l2loopback-dkms"),
        ("6.7.12", "debian 12", "apt-get install -y v4l2loopback-dkms"),
        ("6.8.0", "debian 12", "boot Debian 12's own kernel 6.1"),
        ("6.12.57+deb13-amd64", "debian 13", "apt-get install -y v4l2loopback-dkms"),
        ("", "", "apt-get install -y v4l2loopback-dkms"),
    ],
)
def test_a_machine_without_virtual_cameras_is_told_how_to_get_one(
    kernel: str, system: str, words: str
) -> None:
    finding = checks.check_virtual_camera(replace(CPU, loopback=LoopbackDriver(kernel=kernel, system=system)))
    assert finding.level is Level.OK and words in finding.mend


@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize("gpus", [(H100,), ()])  # without nvidia-smi, too
def test_a_gpu_that_will_be_used_is_said_to_be(device: str, gpus: tuple[Gpu, ...]) -> None:
    finding = checks.check_gpu(replace(CUDA, device=device, gpus=gpus))
    assert finding.level is Level.OK and "the search runs on it" in finding.detail


def test_the_device_is_the_configurations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.toml").write_text('[search]\ndevice = "cpu"\n')
    monkeypatch.setattr(doctor, "gather", lambda asked: replace(CUDA, device=asked.search.device))
    assert command("--config", str(tmp_path / "own.toml")) == 0
    assert 'search.device is "cpu"' in capsys.readouterr().out


def test_every_check_but_the_informative_one_can_fail() -> None:
    assert set(levels(CPU)) - {check for check, *_ in FAILURES} == {"processor"}


@given(
    total=st.integers(0, 1 << 45),
    available=st.integers(0, 1 << 45),
    swap=st.integers(0, 1 << 45),
    disk=st.integers(0),
)
def test_no_amount_of_memory_or_disk_breaks_the_table(
    total: int, available: int, swap: int, disk: int
) -> None:
    facts = replace(CPU, memory=Memory(total, available, swap), free_disk_bytes=disk)
    assert list(doctor.table([check(facts) for check in CHECKS]))


# --- this machine ---


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    doctor.configure(parser)
    return doctor.run(parser.parse_args(words))


def test_the_facts_of_this_machine() -> None:
    facts = gather(load())
    assert not facts.torch.error, facts.torch.error
    assert not facts.cv2.error, facts.cv2.error
    assert facts.onnxruntime_providers
    assert facts.memory is not None and 0 < facts.memory.available <= facts.memory.total
    assert facts.cpu_flags
    assert checks.check_packages(facts).level is Level.OK, checks.check_packages(facts)
    assert checks.check_opencv(facts).level is Level.OK
    assert {field.name for field in fields(facts)} == set(vars(facts))


def test_every_dependency_is_pinned_exactly() -> None:
    pins = gather(load()).pins.values()
    assert all(pin.replace(".", "").replace("post", "").isdigit() for pin in pins)


def test_the_exit_code_follows_the_errors(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "gather", lambda _: CPU)
    assert command() == 0
    assert "warning  GPU" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "gather", lambda _: replace(CPU, python=(3, 13)))
    assert command() == MachineError.exit_code
    assert "error    Python" in capsys.readouterr().out


def test_the_weights_of_the_configuration_are_needed() -> None:
    ffhq = load(REPO / "config" / "ffhq.toml")
    needed = needed_weights(ffhq)
    assert needed == ["ffhq-1024", "lpips-vgg16", "lpips-heads", "buffalo_l", "sface"]
    scrfd = ffhq.model_copy(update={"faces": Faces(detector="scrfd-s")})
    assert needed_weights(scrfd) == [*needed, "buffalo_s"]
    assert {fact.name for fact in gather(ffhq).weights if fact.needed} >= set(needed)


def test_camera_and_network_are_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[stage]\ncamera = "name:no such camera"\n[delivery]\ninterface = "nowhere0"\n'
    )
    facts = gather(load(tmp_path / "own.toml"))
    assert "no such camera" in facts.camera.fault and "nowhere0" in facts.phones.fault
    (tmp_path / "own.toml").write_text('[stage]\ncamera = "synthetic"\n[delivery]\nhost = "10.0.0.5"\n')
    facts = gather(load(tmp_path / "own.toml"))
    assert facts.camera.found == "synthetic" and "http://10.0.0.5:8080" in facts.phones.found
    (tmp_path / "own.toml").write_text("[delivery]\nenabled = false\n")
    assert "fetch nothing" in gather(load(tmp_path / "own.toml")).phones.found


def test_weights_that_the_manifest_does_not_have_are_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text('generator = "no-such-weights"\n')
    with pytest.raises(UsageError, match="there are"):
        command("--config", str(tmp_path / "odd.toml"))


# --- what the machine must have ---

PC = ("Linux x86_64", True, (2, 36), frozenset({"sse2", "avx"}))


@pytest.mark.parametrize(
    ("number", "value", "words"),
    [
        (0, "Linux aarch64", "x86-64 only; this is Linux aarch64: MediaPipe 0.10.21 has no package for it"),
        (0, "Darwin arm64", "Linux on x86-64 only; this is Darwin arm64"),
        (0, "Linux i686", "x86-64 only; this is Linux i686"),
        (1, False, "32-bit"),
        (2, (2, 27), "needs glibc 2.28 or newer; this is glibc 2.27"),
        (2, (), "musl"),
        (3, frozenset({"sse2", "sse4_2"}), "lacks AVX, which dlib needs"),
    ],
)
def test_a_machine_that_packages_do_not_run_on_is_named(number: int, value: Any, words: str) -> None:
    assert machine.unsupported(*PC) == ""
    found: list[Any] = [*PC]
    found[number] = value
    assert words in machine.unsupported(*found)


def test_a_processor_that_linux_says_nothing_of_is_not_refused() -> None:
    assert machine.unsupported(PC[0], PC[1], PC[2], frozenset()) == ""


def test_this_machine_is_supported_and_named_by_its_libraries() -> None:
    assert machine.unsupported_here() == ""
    assert machine.glibc() >= machine.OLDEST_GLIBC


def test_commands_end_in_one_line_on_a_processor_without_avx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu sse sse2 ssse3 sse4_2\n")
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    for words in (["run"], ["visit"], ["judges", "list"]):
        assert cli.main(words) == MachineError.exit_code
        assert capsys.readouterr().err.strip().endswith("that has it.")


def test_a_module_that_ends_its_process_is_told_from_those_beside_it(tmp_path: Path) -> None:
    """A real illegal instruction, as of a package that is built for another processor."""
    (tmp_path / "sound.py").write_text("__version__ = '1.2'\n")
    (tmp_path / "broken.py").write_text("raise ValueError('two\\nlines')\n")
    (tmp_path / "chatty.py").write_text("print('hello')\n")
    # UD2 in a page that may be executed.
    (tmp_path / "deadly.py").write_text(
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "page.write(bytes([0x0F, 0x0B]))\n"
        "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()\n"
    )
    names = ["deadly", "sound", "broken", "chatty", "missing"]
    results = try_imports(["env", f"PYTHONPATH={tmp_path}", sys.executable], names)
    assert list(results) == names
    assert results["deadly"].killed and "illegal instruction" in results["deadly"].error
    assert results["sound"] == Module("1.2") and not results["chatty"].error
    assert results["broken"].error == "ValueError: two"
    assert "No module named 'missing'" in results["missing"].error


# --- reading the machine ---


def test_nvidia_smi_is_read_line_by_line() -> None:
    text = "NVIDIA H100 80GB HBM3, 81559, 580.65.06\nNVIDIA T4, 15360, 580.65.06\nNo devices were found\n"
    assert machine.parse_gpus(text) == [
        Gpu("NVIDIA H100 80GB HBM3", 81559, "580.65.06"),
        Gpu("NVIDIA T4", 15360, "580.65.06"),
    ]


@given(st.lists(st.text(max_size=8), min_size=3, max_size=3))
@example(["T4", "²", "580.1"])
def test_nvidia_smi_may_say_anything(row: list[str]) -> None:
    assert all(gpu.memory_mib >= 0 for gpu in machine.parse_gpus(", ".join(row)))


@pytest.mark.parametrize(
    ("script", "found"), [("echo 'NVIDIA T4, 15360, 580.1'", 1), ("exit 9", 0), (None, 0)]
)
def test_gpus_are_those_the_driver_can_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, found: int
) -> None:
    if script is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len(machine.gpus()) == found


def test_kernel_tables(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(
        "MemTotal: 100 kB\nMemAvailable: 40 kB\nSwapTotal: 8 kB\nHugePages_Total: 0\n"
    )
    assert machine.memory(tmp_path / "meminfo") == Memory(102400, 40960, 8192)
    assert machine.memory(tmp_path / "absent") is None
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: fpu avx2\n"
    )
    assert machine.cpu_flags(tmp_path / "cpuinfo") == {"fpu", "avx2"}
    assert machine.cpu_flags(tmp_path / "absent") == frozenset()


def test_a_missing_library_is_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    package = machine.SystemPackage("libnowhere1", "nowhere")
    monkeypatch.setitem(machine.SYSTEM_LIBRARIES, "libnowhere.so.1", package)
    assert machine.missing_libraries() == ["libnowhere.so.1"]
    assert machine.missing_packages() == [package]
    assert machine.main() == 1


@pytest.mark.parametrize(
    ("tools", "command"),
    [
        (["apt-get"], "apt-get install -y libgl1"),
        (["dnf"], "dnf install -y libglvnd-glx"),
        (["apt-get", "dnf"], "apt-get install -y libgl1"),
    ],
)
def test_the_install_command_fits_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: list[str], command: str
) -> None:
    for tool in tools:
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.install_command([machine.SYSTEM_LIBRARIES["libGL.so.1"]]).removeprefix("sudo ") == command


@pytest.mark.parametrize(
    ("environment", "screen"),
    [
        ({"DISPLAY": ":0"}, "DISPLAY=:0"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "WAYLAND_DISPLAY=wayland-0"),
        ({"DISPLAY": ":0", "SDL_VIDEODRIVER": "dummy"}, None),
    ],
)
def test_display(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], screen: str | None) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert machine.display() == screen


def test_weights_that_may_not_be_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise WeightsError("ffhq.pkl: cannot be read (Permission denied): change its permissions")

    monkeypatch.setattr(Manifest, "verify", refuse)
    facts, error = _weights([])
    assert not facts and "Permission denied" in error
