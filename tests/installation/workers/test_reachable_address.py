"""Which address phones are sent to: the machines that museums have, each on a made sysfs."""

from pathlib import Path

import pytest

from hardware.network import interfaces
from installation.workers.reachable_address import ReachableAddress, reachable_address
from installation.workers.supervision import ServiceError
from tests.support.made_sysfs import make_routes, make_sysfs, psutil_addresses

CARDS = {
    "lo": "lo",
    "eth0": "ethernet",
    "eth1": "ethernet",
    "wlan0": "wifi",
    "docker0": "docker",
    "veth1": "veth",
    "br0": "bridge with a card",
    "tun0": "tun",
    "wg0": "wireguard",
    "wwan0": "modem",
    "ppp0": "ppp",
}


def chosen(
    folder: Path, given: str, *defaults: tuple[str, int], wanted: str = "", down: str = ""
) -> ReachableAddress:
    """given: `name address` pairs, separated by commas. defaults: default routes with their metrics."""
    addresses: dict[str, str] = {"lo": "127.0.0.1 ::1"}
    for each in given.split(", "):
        name, _, address = each.partition(" ")
        addresses[name] = f"{addresses.get(name, '')} {address}"
    sysfs = make_sysfs(folder / "net", CARDS, down)
    routes = make_routes(folder / "route", *defaults)
    return reachable_address(interfaces(sysfs, routes, psutil_addresses(addresses)), wanted)


DOCKER = "docker0 172.17.0.1, veth1 172.18.0.1"


@pytest.mark.parametrize(
    ("given", "defaults", "address"),
    [
        (f"{DOCKER}, wlan0 192.168.4.1", [], "192.168.4.1"),
        (f"{DOCKER}, wlan0 169.254.3.4 192.168.4.1", [], "192.168.4.1"),
        (f"{DOCKER}, wlan0 192.168.4.1", [("docker0", 0)], "192.168.4.1"),
        (f"{DOCKER}, eth0 10.0.0.5", [("eth0", 100)], "10.0.0.5"),
        (f"{DOCKER}, eth0 10.0.0.5, tun0 10.8.0.2, wg0 10.9.0.2", [("tun0", 0), ("eth0", 100)], "10.0.0.5"),
        ("wwan0 10.64.1.2, ppp0 10.65.1.2, wlan0 192.168.4.1", [("wwan0", 700)], "192.168.4.1"),
        ("eth0 fe80::1 2001:db8::1, wlan0 192.168.4.1", [], "192.168.4.1"),
        ("eth0 169.254.7.7, wlan0 192.168.4.1", [("eth0", 100)], "192.168.4.1"),
        ("eth0 203.0.113.9", [("eth0", 100)], "203.0.113.9"),
    ],
)
def test_only_a_card_of_this_machine_is_taken(
    tmp_path: Path, given: str, defaults: list[tuple[str, int]], address: str
) -> None:
    found = chosen(tmp_path, given, *defaults)
    assert found.address == address and found.doubt == ""


@pytest.mark.parametrize(
    ("given", "defaults", "address"),
    [
        # The access point of this machine beside the museum's network, and beside a lighting desk's.
        ("eth0 10.0.0.5, wlan0 192.168.4.1", [("eth0", 100)], "192.168.4.1"),
        ("eth0 2.0.0.5, wlan0 192.168.4.1", [], "192.168.4.1"),
        # Two networks with a way out: the one that the system prefers.
        ("eth0 10.0.0.5, wlan0 192.168.1.7", [("eth0", 100), ("wlan0", 600)], "10.0.0.5"),
        ("eth0 10.0.0.5, wlan0 192.168.1.7", [("eth0", 700), ("wlan0", 600)], "192.168.1.7"),
        ("eth0 10.0.0.5, eth1 192.168.1.7", [("eth1", 100)], "192.168.1.7"),
        ("eth0 10.0.0.5, eth1 192.168.1.7", [], "10.0.0.5"),
        ("eth0 100.64.0.5, eth1 192.168.1.7", [("eth0", 100)], "192.168.1.7"),
        ("eth0 10.0.0.5 192.168.1.7", [("eth0", 100)], "10.0.0.5"),
        ("eth0 100.64.0.5", [("eth0", 100)], "100.64.0.5"),
    ],
)
def test_a_choice_among_several_is_doubted(
    tmp_path: Path, given: str, defaults: list[tuple[str, int]], address: str
) -> None:
    found = chosen(tmp_path, given, *defaults)
    assert found.address == address
    others = {each.split()[-1] for each in given.split(", ")} - {address}
    assert found.doubt.startswith(f"{address} of ") and all(other in found.doubt for other in others)
    assert ("provider" in found.doubt) is (address == "100.64.0.5")


def test_what_the_configuration_names_is_taken_whatever_it_is(tmp_path: Path) -> None:
    given = f"{DOCKER}, br0 192.168.1.5, tun0 10.8.0.2, eth0 10.0.0.5, wlan0 192.168.4.1"
    for number, (wanted, address) in enumerate(
        [("br0", "192.168.1.5"), ("docker0", "172.17.0.1"), ("tun0", "10.8.0.2"), ("eth0", "10.0.0.5")]
    ):
        found = chosen(tmp_path / str(number), given, ("eth0", 100), wanted=wanted)
        assert found == ReachableAddress(address, wanted)
    found = chosen(tmp_path / "down", given, wanted="wlan0", down="wlan0")
    assert found.address == "192.168.4.1" and "not connected" in found.doubt


@pytest.mark.parametrize(
    ("given", "wanted", "words"),
    [
        (DOCKER, "", ["no network", "docker0 is a bridge, with 172.17.0.1", "veth1 is a virtual interface"]),
        ("wg0 10.9.0.2, ppp0 10.65.1.2", "", ["wg0 is a tunnel", "ppp0 is a point-to-point link"]),
        ("wlan0 169.254.3.4", "", ["no network", "169.254.3.4, which it gave itself", "DHCP"]),
        ("eth0 fe80::1 2001:db8::1", "", ["eth0 has only IPv6 addresses"]),
        ("eth1 10.0.0.5", "", ["eth1 is not connected"]),
        ("br0 192.168.1.5, eth0 fe80::1", "", ["eth0 has no address", "br0 is a bridge, with 192.168.1.5"]),
        ("eth0 10.0.0.5", "eth7", ["eth7 has no address"]),
        ("eth0 10.0.0.5, wlan0 169.254.3.4", "wlan0", ["wlan0 has no address but 169.254.3.4"]),
        ("eth0 10.0.0.5, tun0 2001:db8::1", "tun0", ["tun0 has only IPv6 addresses"]),
    ],
)
def test_where_there_is_none_each_interface_has_its_reason(
    tmp_path: Path, given: str, wanted: str, words: list[str]
) -> None:
    with pytest.raises(ServiceError) as refusal:
        chosen(tmp_path, given, wanted=wanted, down="eth1")
    assert all(each in str(refusal.value) for each in words), refusal.value
    assert "interface" in refusal.value.advice and "127.0.0.1" not in str(refusal.value)


def test_a_bridge_with_a_card_is_named_where_another_address_is_taken(tmp_path: Path) -> None:
    """An access point's card often belongs to one."""
    found = chosen(tmp_path, f"{DOCKER}, eth1 10.0.0.5, br0 192.168.4.1", ("eth1", 100))
    assert found.address == "10.0.0.5" and "br0 with 192.168.4.1" in found.doubt
    assert "docker0" not in found.doubt
