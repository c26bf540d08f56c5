"""The network interfaces of this machine: what each one is, its addresses, and where its default route leads.

What an interface is comes from sysfs (Linux, Documentation/ABI/testing/sysfs-class-net), its addresses from
the kernel through psutil, the default routes from /proc/net/route.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Protocol

import psutil

SYSFS = Path("/sys/class/net")
ROUTES = Path("/proc/net/route")

WIFI, ETHERNET, LOOPBACK = "Wi-Fi", "Ethernet", "the loopback"

# Numbers of hardware types, from linux/if_arp.h.
_ARPHRD_ETHER, _ARPHRD_PPP, _ARPHRD_LOOPBACK = 1, 512, 772
# Hardware that does not lead into the room: DEVTYPE in its uevent -> what it is.
_NO_ROOM = {"wwan": "mobile broadband", "gadget": "a USB gadget", "bluetooth": "Bluetooth"}
# operstate (RFC 2863) of an interface that carries data; drivers that do not say report "unknown".
_CONNECTED = ("up", "unknown")


class Address(Protocol):
    """One address of an interface, as psutil gives it."""

    family: int
    address: str


@dataclass(frozen=True)
class Interface:
    """One network interface.

    kind: `WIFI` and `ETHERNET` where it is a card of this machine; else what it is, as in *it is a bridge*.
    addresses: its IPv4 addresses in the kernel's order; has_ipv6: whether it has one beyond its own link.
    connected: whether it is up and has a carrier.
    route_metric: of its IPv4 default route, the smaller the more preferred; None where it has none.
    bridges_card: whether it is a bridge to which a card of this machine belongs.
    """

    name: str
    kind: str
    addresses: tuple[str, ...] = ()
    has_ipv6: bool = False
    connected: bool = True
    route_metric: int | None = None
    bridges_card: bool = False

    @property
    def is_physical(self) -> bool:
        """Whether it is a Wi-Fi or Ethernet card, and no bridge, tunnel or other virtual interface."""
        return self.kind in (WIFI, ETHERNET)


def interfaces(
    sysfs: Path = SYSFS, routes: Path = ROUTES, addresses: Mapping[str, Sequence[Address]] | None = None
) -> tuple[Interface, ...]:
    """The interfaces of this machine, sorted by name.

    sysfs, routes: where the kernel describes them. addresses: by interface; without them psutil is asked.
    """
    found: dict[str, list[Address]] = {}
    for label, given in (psutil.net_if_addrs() if addresses is None else addresses).items():
        found.setdefault(label.partition(":")[0], []).extend(given)  # eth0:1 is a second address of eth0
    metrics = _route_metrics(routes)
    return tuple(
        Interface(
            name=name,
            kind=_kind(sysfs / name),
            addresses=tuple(each.address for each in given if each.family == socket.AF_INET),
            has_ipv6=any(each.family == socket.AF_INET6 and _leads_beyond(each.address) for each in given),
            connected=_read(sysfs / name / "operstate") in ("", *_CONNECTED),
            route_metric=metrics.get(name),
            bridges_card=any((sysfs / port.name / "device").exists() for port in _ports(sysfs / name)),
        )
        for name, given in sorted(found.items())
    )


def _leads_beyond(address: str) -> bool:
    """Whether an IPv6 address holds beyond this machine and its own link."""
    parsed = IPv6Address(address.partition("%")[0])
    return not (parsed.is_loopback or parsed.is_link_local)


def _kind(folder: Path) -> str:
    """What the interface with this folder in sysfs is."""
    if not folder.exists():
        return _kind_by_name(folder.name)
    hardware_type = int(_read(folder / "type") or -1)
    properties = dict(line.partition("=")[::2] for line in _read(folder / "uevent").splitlines())
    devtype = properties.get("DEVTYPE", "")
    if hardware_type == _ARPHRD_LOOPBACK:
        return LOOPBACK
    if (folder / "bridge").is_dir():
        return "a bridge"
    if (folder / "tun_flags").exists() or devtype == "wireguard":
        return "a tunnel"
    if devtype in _NO_ROOM:
        return _NO_ROOM[devtype]
    if hardware_type == _ARPHRD_PPP:
        return "a point-to-point link"
    if (folder / "brport").exists():
        return "a port of a bridge"
    if not (folder / "device").exists():
        return "a virtual interface" if hardware_type == _ARPHRD_ETHER else "a tunnel"
    if hardware_type != _ARPHRD_ETHER:
        return "neither Wi-Fi nor Ethernet"
    wireless = devtype == "wlan" or (folder / "phy80211").exists() or (folder / "wireless").exists()
    return WIFI if wireless else ETHERNET


def _ports(folder: Path) -> list[Path]:
    """The interfaces that belong to the bridge with this folder in sysfs."""
    return list((folder / "brif").iterdir()) if (folder / "brif").is_dir() else []


def _kind_by_name(name: str) -> str:
    """What an interface is by systemd's naming scheme, on a system whose sysfs does not list it."""
    if name == "lo":
        return LOOPBACK
    if name.startswith("wl"):
        return WIFI
    return ETHERNET if name.startswith(("en", "eth")) else "a virtual interface"


def _route_metrics(routes: Path) -> dict[str, int]:
    """The metric of each interface's IPv4 default route, of the preferred one where it has several."""
    metrics: dict[str, int] = {}
    for line in _read(routes).splitlines()[1:]:
        # Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT; addresses in hexadecimal
        columns = line.split()
        if len(columns) >= 8 and int(columns[1], 16) == int(columns[7], 16) == 0:
            name, metric = columns[0], int(columns[6])
            metrics[name] = min(metric, metrics.get(name, metric))
    return metrics


def _read(path: Path) -> str:
    """The file's text; empty where there is none, or where the kernel refuses to say."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
