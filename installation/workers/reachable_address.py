"""Which address of this machine phones and curators in the room can reach, as far as the machine can know.

Wi-Fi and Ethernet cards lead into the room. Bridges, tunnels and other virtual interfaces lead to containers
and to other houses; they are taken only where the configuration names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from hardware.network import LOOPBACK, WIFI, Interface
from installation.workers.supervision import ServiceError

PROVIDERS_NETWORK = IPv4Network("100.64.0.0/10")  # carrier-grade NAT, RFC 6598; VPNs such as Tailscale use it
NAME_IT = 'Name the right one as "interface" under [delivery].'
CONNECT_IT = 'Connect Wi-Fi or Ethernet, or name another as "interface" under [delivery].'


@dataclass(frozen=True)
class ReachableAddress:
    """An IPv4 address of this machine and the name of its interface.

    doubt: why those who are to reach it may be elsewhere, in one line; empty where nothing speaks against it.
    """

    address: str
    interface: str
    doubt: str = ""


def reachable_address(interfaces: Sequence[Interface], wanted: str = "") -> ReachableAddress:
    """The address of the `wanted` interface, else the best one of a connected Wi-Fi or Ethernet card.

    Best is a Wi-Fi without a default route: this machine's own access point, or a network made for the piece.
    Then comes the card with the (preferred) default route, then Wi-Fi before Ethernet. Raises ServiceError
    where there is none, with the reason for each interface.
    """
    if wanted:
        named = next((each for each in interfaces if each.name == wanted), None)
        if named is None:
            raise ServiceError(f"The network interface {wanted} has no address: it is not there.", NAME_IT)
        if not usable_addresses(named):
            raise ServiceError(f"The network interface {_why_no_address(named)}.", NAME_IT)
        return _chosen(named, [] if named.connected else [f"{wanted} is not connected"])
    candidates = sorted(
        (each for each in interfaces if each.is_physical and each.connected and usable_addresses(each)),
        key=_rank,
    )
    if not candidates:
        raise ServiceError(_why_none(interfaces), CONNECT_IT)
    best, *others = candidates
    doubts = [f"{each.name} with {usable_addresses(each)[0]} could be it, too" for each in others]
    # An access point's card often belongs to a bridge, which then has the address.
    doubts += [
        f"{each.name} with {usable_addresses(each)[0]}, a bridge that a card of this machine belongs to, "
        "could be it, too"
        for each in interfaces
        if each.bridges_card and usable_addresses(each)
    ]
    if _is_providers(best):
        doubts.append("that is an address in a provider's network or a VPN")
    return _chosen(best, doubts)


def usable_addresses(interface: Interface) -> list[str]:
    """Its addresses that others can reach: no loopback, and none that the machine has given itself."""
    return [each for each in interface.addresses if not _only_here(IPv4Address(each))]


def _rank(interface: Interface) -> tuple[bool, bool, bool, int, bool, str]:
    """The smallest is the best."""
    is_wifi, metric = interface.kind == WIFI, interface.route_metric
    access_point = is_wifi and metric is None
    return (
        _is_providers(interface),
        not access_point,
        metric is None,
        metric or 0,
        not is_wifi,
        interface.name,
    )


def _chosen(interface: Interface, doubts: Sequence[str]) -> ReachableAddress:
    address, *more = usable_addresses(interface)
    doubts = [*doubts, *(f"{interface.name} also has {each}" for each in more)]
    doubt = f"{address} of {interface.name} is taken, but {'; '.join(doubts)}." if doubts else ""
    return ReachableAddress(address, interface.name, doubt)


def _is_providers(interface: Interface) -> bool:
    return IPv4Address(usable_addresses(interface)[0]) in PROVIDERS_NETWORK


def _why_none(interfaces: Sequence[Interface]) -> str:
    """Why no interface can be taken: the cards of this machine first, then what else has an address."""
    told = [each for each in interfaces if each.is_physical]
    told += [
        each
        for each in interfaces
        if not each.is_physical and each.kind != LOOPBACK and (each.addresses or each.has_ipv6)
    ]
    reasons = "; ".join(map(_why_not, told)) or "it has neither Wi-Fi nor Ethernet"
    return f"This machine is in no network that phones can reach: {reasons}."


def _why_not(interface: Interface) -> str:
    if not interface.is_physical:
        having = f", with {interface.addresses[0]}" if interface.addresses else ""
        return f"{interface.name} is {interface.kind}{having}"
    return _why_no_address(interface) if interface.connected else f"{interface.name} is not connected"


def _why_no_address(interface: Interface) -> str:
    if interface.addresses:
        only = interface.addresses[0]
        return f"{interface.name} has no address but {only}, which it gave itself: no DHCP server answered"
    if interface.has_ipv6:
        return f"{interface.name} has only IPv6 addresses, and phones are sent to IPv4 ones"
    return f"{interface.name} has no address"


def _only_here(address: IPv4Address) -> bool:
    return address.is_loopback or address.is_link_local or address.is_unspecified
