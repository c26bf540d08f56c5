"""What this machine has of v4l2loopback, the driver of virtual cameras. Standard library only."""

import platform
from dataclasses import dataclass
from pathlib import Path

LOAD = 'sudo modprobe v4l2loopback video_nr=9 card_label="Doppelganger" exclusive_caps=1'

_MODULE = Path("/sys/module/v4l2loopback")
_DEVICES = Path("/sys/devices/virtual/video4linux")
_SOURCES = Path("/usr/src")
_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True)
class LoopbackDriver:
    """What this machine has of v4l2loopback.

    loaded: the version of the kernel's module that is loaded; empty where none is. devices: its virtual
    cameras. source: the version that DKMS builds the module from; empty where there is none. kernel: the
    running one's release, such as 6.1.0-28-amd64. system: such as debian 12; empty where it is not known.
    """

    loaded: str = ""
    devices: tuple[str, ...] = ()
    source: str = ""
    kernel: str = ""
    system: str = ""


def loopback_driver(
    module: Path = _MODULE, devices: Path = _DEVICES, sources: Path = _SOURCES, release: Path = _RELEASE
) -> LoopbackDriver:
    """Looks at this machine; the paths are those of the kernel, of DKMS and of the distribution."""
    found = [each.name.removeprefix("v4l2loopback-") for each in sources.glob("v4l2loopback-[0-9]*")]
    lines = (line.partition("=") for line in _read(release).splitlines())
    named = {key: value.strip('"') for key, _, value in lines}
    return LoopbackDriver(
        loaded=(_read(module / "version") or "of unknown version") if module.exists() else "",
        devices=tuple(sorted(f"/dev/{each.name}" for each in devices.glob("video*"))),
        source=max(found, key=version_numbers, default=""),
        kernel=platform.release(),
        system=f"{named.get('ID', '')} {named.get('VERSION_ID', '')}".strip(),
    )


def version_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: (6, 1, 0) of 6.1.0-28-amd64."""
    leading: list[int] = []
    for part in version.partition("-")[0].split("."):
        if not part.isdecimal():
            break
        leading.append(int(part))
    return tuple(leading)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
