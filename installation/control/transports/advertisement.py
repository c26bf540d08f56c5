"""Advertises OSC and OSCQuery by zeroconf, so that TouchOSC and OSCQuery clients find them by name."""

import ipaddress
import socket
from collections.abc import Callable, Iterator

import zeroconf

from hardware.network import interfaces
from installation.workers.reachable_address import reachable_address
from installation.workers.supervision import ResilientService, ServiceDisabled, ServiceError

NAME = "Doppelgänger"
ADDRESS_CHECK_S = 1.0
IP_MULTICAST_ALL = 49  # linux/in.h: groups that other sockets have joined are delivered here, too


class Advertisement(ResilientService):
    """Advertises OSC and OSCQuery at one address of this machine, and on its interface only.

    address: where they listen. Where that is all addresses (0.0.0.0), the one that others in the room can
    reach is advertised: that of `interface` where one is named. ports: gives those of OSC and OSCQuery once
    their services run.
    """

    advice = "Set advertise = false in the configuration if this network allows no multicast."
    longest_wait_s = 10.0  # after a power cut the network comes later than the piece

    def __init__(
        self, enabled: bool, address: str, interface: str, ports: Callable[[], tuple[int, int]]
    ) -> None:
        super().__init__("advertisement")
        self._enabled = enabled
        self._address = address
        self._interface = interface
        self._ports = ports
        self._zeroconf: zeroconf.Zeroconf | None = None
        self._advertised = ""  # the address

    def setup(self) -> None:
        if not self._enabled:
            raise ServiceDisabled("not wanted in the configuration.")
        if not all(self._ports()):
            raise ServiceError("what is to be found does not run yet.")
        self._advertised = self._address_now()
        self._zeroconf = zeroconf.Zeroconf([self._advertised], ip_version=zeroconf.IPVersion.V4Only)
        for information in self._services():
            self._zeroconf.register_service(information, allow_name_change=True)
        # Where another program has joined the group on a bridge, Linux delivers what is asked there, too. On
        # the loopback that is wanted: programs of this machine ask on any of its interfaces.
        if not ipaddress.ip_address(self._advertised).is_loopback:
            for reader in self._zeroconf.engine.readers:
                reader.sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)

    def run(self) -> None:
        while not self.wait(ADDRESS_CHECK_S):
            if self._address_now() != self._advertised:
                self.teardown()
                self.setup()
            self.beat()

    def teardown(self) -> None:
        if self._zeroconf is not None:
            self._zeroconf.close()
            self._zeroconf = None

    def _address_now(self) -> str:
        """Raises ServiceError where there is none that others can reach."""
        if not ipaddress.ip_address(self._address).is_unspecified:
            return self._address
        return reachable_address(interfaces(), self._interface).address

    def _services(self) -> Iterator[zeroconf.ServiceInfo]:
        for kind, port in zip(("_osc._udp", "_oscjson._tcp"), self._ports(), strict=True):
            yield zeroconf.ServiceInfo(
                f"{kind}.local.",
                f"{NAME}.{kind}.local.",
                addresses=[socket.inet_aton(self._advertised)],
                port=port,
                server=f"{socket.gethostname()}.local.",
            )
