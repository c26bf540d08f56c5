"""What this machine is and what it lacks: GPU, processor, memory, disk, camera, screen, system libraries.

Standard library only: `kiosk` runs `python -m hardware.machine` before anything is installed, and `.ci/run`
`python -m hardware.machine tests`.
"""

import argparse
import ctypes
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SystemPackage:
    """Where a system library comes from, by distribution family."""

    debian: str
    fedora: str


# What opencv's wheels link to and do not bring along. mediapipe, pygame, onnxruntime, PyAV and
# dlib-bin carry their own (mediapipe its EGL and GLES too).
SYSTEM_LIBRARIES = {
    "libGL.so.1": SystemPackage("libgl1", "libglvnd-glx"),
    "libgthread-2.0.so.0": SystemPackage("libglib2.0-0", "glib2"),
}

# The last release that carries its models. It has wheels for one type of machine only; the lock files hold
# wheels for this C library or a newer one.
MEDIAPIPE = "0.10.21"
ARCHITECTURE = "Linux x86_64"
OLDEST_GLIBC = (2, 28)
CPUINFO = Path("/proc/cpuinfo")
# What a package does not start without -> the package. dlib-bin ends the process with an illegal instruction;
# everything else in the lock files loads without it (tried with QEMU's Nehalem and SandyBridge).
NEEDED_CPU_FLAGS = {"avx": "dlib"}

# Programs that only tests start; those tests skip where they are missing.
TEST_PROGRAMS = {
    "Xvfb": SystemPackage("xvfb", "xorg-x11-server-Xvfb"),
    "xdotool": SystemPackage("xdotool", "xdotool"),
    "chromium": SystemPackage("chromium", "chromium"),
    "zbarimg": SystemPackage("zbar-tools", "zbar"),
    "oscsend": SystemPackage("liblo-tools", "liblo"),
    "node": SystemPackage("nodejs", "nodejs"),
    "npm": SystemPackage("npm", "nodejs-npm"),
    "nginx": SystemPackage("nginx-light", "nginx"),
    "openssl": SystemPackage("openssl", "openssl"),
    "strace": SystemPackage("strace", "strace"),
    "ip": SystemPackage("iproute2", "iproute"),
    "unshare": SystemPackage("util-linux", "util-linux"),
    "ffmpeg": SystemPackage("ffmpeg", "ffmpeg-free"),
}


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU, as its driver reports it."""

    name: str
    memory_mib: int
    driver: str


@dataclass(frozen=True)
class Memory:
    """Main memory and swap, in bytes."""

    total: int
    available: int
    swap: int


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs that the driver can use now; empty where there is no driver or it fails."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_gpus(answer.stdout) if answer.returncode == 0 else []


def parse_gpus(text: str) -> list[Gpu]:
    """The GPUs in nvidia-smi's CSV (name, memory in MiB, driver); lines of any other shape are left out."""
    rows = [[field.strip() for field in line.split(",")] for line in text.splitlines()]
    return [Gpu(row[0], int(row[1]), row[2]) for row in rows if len(row) == 3 and row[1].isdecimal()]


def cpu_flags(cpuinfo: Path | None = None) -> frozenset[str]:
    """The processor's feature flags, such as `avx2` and `avx512_bf16`; empty where Linux does not say."""
    try:
        lines = (cpuinfo or CPUINFO).read_text().splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def missing_cpu_flags(flags: frozenset[str]) -> list[str]:
    """What the processor lacks of what packages need; nothing where Linux does not name its features."""
    return [flag for flag in NEEDED_CPU_FLAGS if flags and flag not in flags]


def glibc() -> tuple[int, ...]:
    """The version of GNU's C library, such as (2, 36); empty for any other C library."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (OSError, ValueError):
        return ()
    return tuple(int(part) for part in version.split(".")) if name == "glibc" else ()


def unsupported(architecture: str, is_64_bit: bool, c_library: tuple[int, ...], flags: frozenset[str]) -> str:
    """Why the piece cannot run on such a machine, in one line; empty where it can.

    architecture: what `uname -sm` says. c_library: see `glibc`. flags: the processor's.
    """
    needs = "doppelganger runs on Linux on x86-64 only"
    if architecture != ARCHITECTURE:
        return f"{needs}; this is {architecture}: MediaPipe {MEDIAPIPE} has no package for it."
    if not is_64_bit:
        return f"{needs}; this Python is a 32-bit program: install a 64-bit system, or a 64-bit Python 3.11."
    if c_library < OLDEST_GLIBC:
        found = f"glibc {'.'.join(map(str, c_library))}" if c_library else "another C library (musl?)"
        return f"needs glibc {'.'.join(map(str, OLDEST_GLIBC))} or newer; this is {found}: Debian 12 has one."
    if missing := missing_cpu_flags(flags):
        lacking = ", ".join(f"{flag.upper()}, which {NEEDED_CPU_FLAGS[flag]} needs" for flag in missing)
        return f"this processor lacks {lacking}: it takes a processor of 2011 or later that has it."
    return ""


def unsupported_here(uname: str = "") -> str:
    """Why the piece cannot run on this machine, in one line, or nothing. uname: what `uname -sm` says."""
    here = uname or f"{platform.system()} {platform.machine()}"
    return unsupported(here, sys.maxsize > 2**32, glibc(), cpu_flags())


def memory(meminfo: Path = Path("/proc/meminfo")) -> Memory | None:
    """Memory and swap from the kernel's table; None where there is no such table."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    kib = {key: int(value.split()[0]) for key, _, value in (line.partition(":") for line in lines) if value}
    return Memory(kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024, kib.get("SwapTotal", 0) * 1024)


def free_disk_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds `folder`."""
    return shutil.disk_usage(folder).free


def display() -> str | None:
    """The screen a window would open on, such as `DISPLAY=:0`; None where there is none."""
    if os.environ.get("SDL_VIDEODRIVER") in ("dummy", "offscreen"):
        return None
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return f"{name}={os.environ[name]}"
    consoles = sorted(Path("/dev/dri").glob("card*"))
    return f"{consoles[0]} (no desktop)" if consoles and os.access(consoles[0], os.R_OK | os.W_OK) else None


def missing_libraries() -> list[str]:
    """The names of the system libraries that the dynamic linker cannot load."""
    return [name for name in SYSTEM_LIBRARIES if not _loads(name)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_command(packages: list[SystemPackage]) -> str:
    """The command that installs these packages on this distribution."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    if shutil.which("dnf") and not shutil.which("apt-get"):
        return f"{sudo}dnf install -y {' '.join(package.fedora for package in packages)}"
    return f"{sudo}apt-get install -y {' '.join(package.debian for package in packages)}"


def missing_packages() -> list[SystemPackage]:
    """The system packages without which the project cannot be set up or started."""
    packages = [SYSTEM_LIBRARIES[name] for name in missing_libraries()]
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages.append(SystemPackage(f"{python}-venv", python))
    return packages


def missing_test_packages() -> list[SystemPackage]:
    """The system packages without which some tests skip."""
    return [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]


def main(words: Sequence[str] = ()) -> int:
    """Print the command that installs what is missing; 1 if anything is, else 0 and nothing printed.

    With the word `tests`, what the tests need counts as well. 2 where the piece cannot run on this machine at
    all: then the reason is printed.
    """
    parser = argparse.ArgumentParser(description="What this machine lacks.")
    parser.add_argument("what", nargs="?", choices=["tests"], help="what the tests need counts as well")
    parser.add_argument("--uname", help="what `uname -sm` says, such as 'Linux x86_64'")
    arguments = parser.parse_args(words)
    if reason := unsupported_here(arguments.uname or ""):
        print(reason)
        return 2
    packages = missing_packages() + (missing_test_packages() if arguments.what else [])
    if packages:
        print(install_command(packages))
    return 1 if packages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
