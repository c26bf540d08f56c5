"""The address at which phones reach this machine, and the beginning of every link."""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from hardware.network import Interface
from installation.settings.delivery import Delivery, WiFi
from installation.workers.reachable_address import ReachableAddress, reachable_address

DEFAULT_PORTS = {"http": 80, "https": 443}
# What to do about a doubt.
TRY_IT = 'Try it with a phone; set "interface", "host" or "public_url" under [delivery] to what phones reach.'


def listening_address(network: Delivery, interfaces: Sequence[Interface]) -> ReachableAddress:
    """The address of this machine to listen on. Raises ServiceError where there is none."""
    if network.host != "auto":
        return ReachableAddress(network.host, "")
    return reachable_address(interfaces, network.interface)


def base_url(network: Delivery, address: str) -> str:
    """The beginning of every link: scheme and host in small letters, the path as configured.

    Phones' camera apps take a scheme in capitals for text (docs/network.md).
    """
    if network.public_url:
        public = urlsplit(network.public_url)
        return f"{public.scheme}://{_host(public)}{public.path.rstrip('/')}"
    port = "" if network.port == DEFAULT_PORTS["http"] else f":{network.port}"
    return f"http://{address}{port}"


def why_doubtful(
    network: Delivery, chosen: ReachableAddress, resolved: Sequence[str], interfaces: Sequence[Interface]
) -> str:
    """Why phones may not get through although this machine does, in one line; empty: no reason is known.

    This machine reaches all of its own addresses, so that fetching a link from here says nothing about them.
    resolved: the addresses that the host of the links has for this machine.
    """
    if chosen.doubt and not network.public_url:
        return chosen.doubt
    name = urlsplit(base_url(network, chosen.address)).hostname or ""
    own = {address: each for each in interfaces for address in each.addresses}
    for address in resolved:
        here = f"{name} is {address} on this machine" if name != address else f"links lead to {name}"
        if ip_address(address).is_loopback:
            return f"{here}, and for a phone that is the phone itself."
        if ip_address(address).is_link_local:
            return f"{here}, which is an address that a machine gives itself."
        if address in own and not own[address].is_physical and own[address].name != network.interface:
            return f"{here}, and its interface {own[address].name} is {own[address].kind}."
    if name.endswith(".local"):
        return f"links lead to {name}, and some Android phones do not find such names."
    if "." not in name:
        return f"links lead to {name}, and camera apps take a name without a dot for text."
    return ""


def accepted_hosts(network: Delivery, address: str) -> frozenset[str]:
    """The values of the Host header, in small letters, that are meant for this server."""
    hosts = {f"{address}:{network.port}"}
    scheme = "https" if network.certificate else "http"
    if network.port == DEFAULT_PORTS[scheme]:
        hosts.add(address)
    if network.public_url:
        hosts.add(_host(urlsplit(network.public_url)))
    return frozenset(hosts)


def wifi_code(wifi: WiFi | None) -> str | None:
    """The text of a QR code that lets a phone join the Wi-Fi (ZXing's WIFI: scheme); None without one."""
    if wifi is None:
        return None
    secret = f"T:WPA;S:{_escaped(wifi.name)};P:{_escaped(wifi.password)}"
    open_network = f"T:nopass;S:{_escaped(wifi.name)}"
    return f"WIFI:{secret if wifi.password else open_network};{'H:true;' if wifi.hidden else ''};"


def _host(public: SplitResult) -> str:
    """The name as a phone sends it in the Host header: small letters, without the scheme's default port."""
    return public.netloc.lower().removesuffix(f":{DEFAULT_PORTS[public.scheme]}")


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in '\\;,:"' else sign for sign in text)
