"""How often an address may ask for links that do not exist.

Only misses count. A phone with a valid link is never turned away, even where a whole gallery shares one
address with somebody who guesses. The size of the token is what makes guessing hopeless; this limit only
keeps guesses from costing the server anything.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

WINDOW_S = 60.0
MOST_ADDRESSES = 10_000


class AttemptLimit:
    """Counts wrong links by address, for a minute each. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()  # address -> since, how many

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, address: str, most: int) -> bool:
        """Counts one miss. Returns whether the address has had more than `most` of them in this minute."""
        network, now_s = _network(address), self._clock()
        since_s, number = self._counts.pop(network, (now_s, 0))
        if now_s - since_s >= WINDOW_S:
            since_s, number = now_s, 0
        self._counts[network] = (since_s, number + 1)
        if len(self._counts) > MOST_ADDRESSES:
            self._counts.popitem(last=False)
        return number + 1 > most


def _network(address: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
