"""Network interfaces as the kernel describes them in sysfs, made in a folder."""

import socket
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

# Kind -> hardware type (linux/if_arp.h), DEVTYPE, and what else lies in the interface's folder.
KINDS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "lo": (772, "", ()),
    "wifi": (1, "wlan", ("device/", "phy80211/", "wireless/")),
    "wifi without wext": (1, "", ("device/", "phy80211/")),
    "ethernet": (1, "", ("device/",)),
    "docker": (1, "bridge", ("bridge/", "brif/")),
    "bridge with a card": (1, "bridge", ("bridge/", "brif/eth0/", "lower_eth0/")),
    "veth": (1, "", ()),
    "dummy": (1, "", ()),
    "vlan": (1, "vlan", ("lower_eth0/",)),
    "bond": (1, "bond", ("bonding/", "lower_eth0/")),
    "macvlan": (1, "macvlan", ("lower_eth0/",)),
    "vxlan": (1, "vxlan", ()),
    "tun": (65534, "", ("tun_flags",)),
    "tap": (1, "", ("tun_flags",)),
    "wireguard": (65534, "wireguard", ()),
    "ipip": (768, "", ()),
    "ppp": (512, "ppp", ()),
    "modem": (65534, "wwan", ("device/",)),
    "modem as ethernet": (1, "wwan", ("device/",)),
    "gadget": (1, "gadget", ("device/",)),
    "bluetooth": (1, "bluetooth", ("device/",)),
    "bridged ethernet": (1, "", ("device/", "brport/")),
    "can": (280, "", ("device/",)),
}


def make_sysfs(folder: Path, cards: Mapping[str, str], down: str = "") -> Path:
    """A /sys/class/net with the interfaces `cards`, name -> kind; `down` is one that is not connected."""
    for name, kind in cards.items():
        hardware_type, devtype, entries = KINDS[kind]
        (folder / name).mkdir(parents=True)
        for entry in entries:
            if entry.endswith("/"):
                (folder / name / entry).mkdir(parents=True)
            else:
                (folder / name / entry).write_text("0x1001\n")
        (folder / name / "type").write_text(f"{hardware_type}\n")
        (folder / name / "operstate").write_text("down\n" if name == down else "up\n")
        prefix = f"DEVTYPE={devtype}\n" if devtype else ""
        (folder / name / "uevent").write_text(f"{prefix}INTERFACE={name}\nIFINDEX=3\n")
    return folder


def make_routes(path: Path, *defaults: tuple[str, int]) -> Path:
    """A /proc/net/route with default routes, each by interface and with its metric, and one to a network."""
    lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"]
    lines += [
        f"{name}\t00000000\t0101A8C0\t0003\t0\t0\t{metric}\t00000000\t0\t0\t0" for name, metric in defaults
    ]
    lines.append("docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0")
    path.write_text("\n".join(lines) + "\n")
    return path


def psutil_addresses(by_name: Mapping[str, str]) -> dict[str, list[SimpleNamespace]]:
    """Addresses of interfaces, separated by spaces, as psutil.net_if_addrs gives them."""
    return {
        name: [
            SimpleNamespace(family=socket.AF_INET6 if ":" in each else socket.AF_INET, address=each)
            for each in addresses.split()
        ]
        for name, addresses in by_name.items()
    }
