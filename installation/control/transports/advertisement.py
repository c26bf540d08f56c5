"""Advertises OSC and OSCQuery by zeroconf, so that TouchOSC and OSCQuery clients find them by name."""

import ipaddress
import socket
from collections.abc import Callable, Iterator

import zeroconf

from installation.workers.supervision import ResilientService, ServiceDisabled, ServiceError

NAME = "Doppelgänger"
ADDRESS_CHECK_S = 1.0


class Advertisement(ResilientService):
    """Advertises OSC and OSCQuery. `ports` gives those of OSC and OSCQuery once their services run."""

    advice = "Set advertise = false in the configuration if this network allows no multicast."

    def __init__(self, enabled: bool, address: str, ports: Callable[[], tuple[int, int]]) -> None:
        super().__init__("advertisement")
        self._enabled = enabled
        self._address = address
        self._ports = ports
        self._everywhere = ipaddress.ip_address(address).is_unspecified
        self._zeroconf: zeroconf.Zeroconf | None = None
        self._addresses: list[str] = []  # those advertised

    def setup(self) -> None:
        if not self._enabled:
            raise ServiceDisabled("not wanted in the configuration.")
        if not all(self._ports()):
            raise ServiceError("what is to be found does not run yet.")
        self._addresses = self._own_addresses()
        self._zeroconf = zeroconf.Zeroconf(
            interfaces=zeroconf.InterfaceChoice.All if self._everywhere else [self._address],
            ip_version=zeroconf.IPVersion.V4Only,
        )
        for information in self._services():
            self._zeroconf.register_service(information, allow_name_change=True)

    def run(self) -> None:
        while not self.wait(ADDRESS_CHECK_S):
            # After a power cut the network comes later than the piece, and an address may be another one.
            if self._own_addresses() != self._addresses:
                self.teardown()
                self.setup()
            self.beat()

    def teardown(self) -> None:
        if self._zeroconf is not None:
            self._zeroconf.close()
            self._zeroconf = None

    def _own_addresses(self) -> list[str]:
        if not self._everywhere:
            return [self._address]
        return sorted(zeroconf.get_all_addresses())  # type: ignore[attr-defined]

    def _services(self) -> Iterator[zeroconf.ServiceInfo]:
        for kind, port in zip(("_osc._udp", "_oscjson._tcp"), self._ports(), strict=True):
            yield zeroconf.ServiceInfo(
                f"{kind}.local.",
                f"{NAME}.{kind}.local.",
                addresses=[socket.inet_aton(address) for address in self._addresses],
                port=port,
                server=f"{socket.gethostname()}.local.",
            )
