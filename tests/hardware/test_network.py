"""What each network interface is, from a made sysfs, and from this machine's own."""

from pathlib import Path

import pytest

from hardware.network import ETHERNET, LOOPBACK, WIFI, interfaces
from tests.support.made_sysfs import make_routes, make_sysfs, psutil_addresses


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("lo", LOOPBACK),
        ("wifi", WIFI),
        ("wifi without wext", WIFI),
        ("ethernet", ETHERNET),
        ("docker", "a bridge"),
        ("bridge with a card", "a bridge"),
        ("veth", "a virtual interface"),
        ("dummy", "a virtual interface"),
        ("vlan", "a virtual interface"),
        ("bond", "a virtual interface"),
        ("macvlan", "a virtual interface"),
        ("vxlan", "a virtual interface"),
        ("tun", "a tunnel"),
        ("tap", "a tunnel"),
        ("wireguard", "a tunnel"),
        ("ipip", "a tunnel"),
        ("ppp", "a point-to-point link"),
        ("modem", "mobile broadband"),
        ("modem as ethernet", "mobile broadband"),
        ("gadget", "a USB gadget"),
        ("bluetooth", "Bluetooth"),
        ("bridged ethernet", "a port of a bridge"),
        ("can", "neither Wi-Fi nor Ethernet"),
    ],
)
def test_an_interface_is_what_the_kernel_says_not_what_it_is_called(
    tmp_path: Path, kind: str, told: str
) -> None:
    for name in ("wlan0", "x"):
        sysfs = make_sysfs(tmp_path / name, {name: kind})
        (found,) = interfaces(sysfs, tmp_path / "none", psutil_addresses({name: "10.0.0.5"}))
        assert found.kind == told and found.is_physical is (told in (WIFI, ETHERNET))


def test_addresses_routes_and_carriers_are_read(tmp_path: Path) -> None:
    sysfs = make_sysfs(
        tmp_path / "net", {"eth0": "ethernet", "wlan0": "wifi", "eth1": "ethernet"}, down="eth1"
    )
    routes = make_routes(tmp_path / "route", ("wlan0", 600), ("eth0", 200), ("eth0", 100))
    given = psutil_addresses(
        {"wlan0": "fe80::1%wlan0 2001:db8::1", "eth0": "fe80::2 10.0.0.5", "eth0:1": "10.0.0.6", "eth1": ""}
    )
    eth0, eth1, wlan0 = interfaces(sysfs, routes, given)
    assert eth0.addresses == ("10.0.0.5", "10.0.0.6") and not eth0.has_ipv6 and eth0.route_metric == 100
    assert eth1.addresses == () and not eth1.connected and eth1.route_metric is None
    assert wlan0.addresses == () and wlan0.has_ipv6 and wlan0.connected and wlan0.route_metric == 600


def test_where_sysfs_lists_nothing_names_have_to_do(tmp_path: Path) -> None:
    names = [
        "lo",
        "wlan0",
        "wlp2s0",
        "enp3s0",
        "eth0",
        "docker0",
        "br-4ef1",
        "veth12",
        "tun0",
        "wg0",
        "wwan0",
    ]
    given = psutil_addresses(dict.fromkeys(names, "10.0.0.5"))
    found = {each.name: each.kind for each in interfaces(tmp_path, tmp_path / "none", given)}
    assert [name for name in names if found[name] == WIFI] == ["wlan0", "wlp2s0"]
    assert [name for name in names if found[name] == ETHERNET] == ["enp3s0", "eth0"]
    assert found["lo"] == LOOPBACK


def test_this_machine_has_a_loopback_and_nothing_fails() -> None:
    found = {each.name: each for each in interfaces()}
    assert found["lo"].kind == LOOPBACK and "127.0.0.1" in found["lo"].addresses
