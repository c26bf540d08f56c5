"""The address at which phones reach this machine, and the beginning of every link."""

import socket
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import psutil

from installation.settings.configuration import Delivery, WiFi
from installation.workers.supervision import ServiceError

DEFAULT_PORTS = {"http": 80, "https": 443}


def listening_address(network: Delivery) -> str:
    """The address of this machine to listen on, looked up anew. Raises ServiceError where there is none."""
    if network.host != "auto":
        return network.host
    interfaces = {
        name: [each.address for each in addresses if each.family == socket.AF_INET]
        for name, addresses in psutil.net_if_addrs().items()
    }
    return choose(interfaces, network.interface, _address_of_default_route())


def choose(interfaces: Mapping[str, Sequence[str]], wanted: str = "", route: str | None = None) -> str:
    """Which of the IPv4 addresses of `interfaces` phones can reach, as far as this machine knows.

    The `wanted` interface's; else the one of the default route; else the first private one.

    Raises ServiceError where there is none.
    """
    usable = {name: [each for each in addresses if _usable(each)] for name, addresses in interfaces.items()}
    if wanted:
        if not usable.get(wanted):
            raise ServiceError(
                f"The network interface {wanted} has no address.",
                "Connect it, or set delivery.interface.",
            )
        return usable[wanted][0]
    found = [address for addresses in usable.values() for address in addresses]
    if route in found:
        return route
    private = [address for address in found if ip_address(address).is_private]
    if not private:
        raise ServiceError("This machine is in no network.", "Connect it, or set delivery.host.")
    return private[0]


def base_url(network: Delivery, address: str) -> str:
    """The beginning of every link: scheme and host in small letters, the path as configured.

    Phones' camera apps take a scheme in capitals for text (docs/network.md).
    """
    if network.public_url:
        public = urlsplit(network.public_url)
        return f"{public.scheme}://{_host(public)}{public.path.rstrip('/')}"
    port = "" if network.port == DEFAULT_PORTS["http"] else f":{network.port}"
    return f"http://{address}{port}"


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


def _usable(address: str) -> bool:
    parsed = ip_address(address)
    # Link-local: what a machine gives itself when nobody else gave it an address.
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)


def _address_of_default_route() -> str | None:
    # Connecting a datagram socket sends nothing; the address is set aside for documentation (RFC 5737).
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in '\\;,:"' else sign for sign in text)
