"""What goes wrong in the middle of a visit, and what the visitor sees of it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from benchmarks.server.door import Site, as_options
from benchmarks.server.engine import Work
from benchmarks.server.kiosk import Kiosk, until
from benchmarks.server.network import Network
from tests.support.server_kit import NAMES, make_certificate

SEARCH = Work(search_s=6.0, loading_s=1.0)
OWN = Work(search_s=3.0, loading_s=3.0)  # the kiosk's own: networks are still to be loaded
LARGE = Work(search_s=12.0, loading_s=1.0, side_px=1024)  # 94 MB of pictures a second, if they all were sent
BUSY_S = 1.5  # after the request the search is under way
Change = Callable[[Site, Network], None]


def _engines(site: Site) -> list[int]:
    """The processes of the door's engines."""
    children = psutil.Process(site.pid).children(recursive=True)
    return [each.pid for each in children if "spawn_main" in " ".join(each.cmdline())]


def _signal_engine(number: int) -> Change:
    return lambda site, network: os.kill(_working_engine(site), number)


def _working_engine(site: Site) -> int:
    """The engine that has used most of the processor."""
    return max(_engines(site), key=lambda pid: sum(psutil.Process(pid).cpu_times()[:2]))


def _signal_door(number: int) -> Change:
    return lambda site, network: os.kill(site.pid, number)


def _limit(bytes_per_s: float) -> Change:
    return lambda site, network: setattr(network, "bytes_per_s", bytes_per_s)


IN_A_SEARCH: dict[str, tuple[Change, Work]] = {
    "nothing": (lambda site, network: None, SEARCH),
    "the door is killed": (_signal_door(signal.SIGKILL), SEARCH),
    "the door ends as it should": (_signal_door(signal.SIGTERM), SEARCH),
    "the door hangs": (_signal_door(signal.SIGSTOP), SEARCH),
    "the engine is killed, another is free": (_signal_engine(signal.SIGKILL), SEARCH),
    "the cable is unplugged": (_limit(0), SEARCH),
    "the network carries 80 Mbit/s, and a kiosk wants 750": (_limit(10e6), LARGE),
    "the network carries 1 Mbit/s": (_limit(125e3), LARGE),
}


def _visit(kiosk: Kiosk, change: Callable[[], None]) -> None:
    kiosk.until_ready()
    kiosk.ask(77)
    until([kiosk], lambda: bool(kiosk.outcome.progress_s))
    begun_s = time.monotonic()
    until([kiosk], lambda: time.monotonic() - begun_s > BUSY_S)
    change()
    until([kiosk], lambda: kiosk.outcome.is_over)
    assert kiosk.outcome.value == 77


def in_a_search(folder: Path) -> Iterator[str]:
    """A line of a table for each."""
    for name, (change, work) in IN_A_SEARCH.items():
        site = Site(folder, *as_options(work))
        with site, Network(site.port) as network:
            settings = site.settings(NAMES[0]).model_copy(
                update={"server": f"wss://localhost:{network.port}"}
            )
            with Kiosk(settings, OWN) as kiosk:
                _visit(kiosk, lambda: change(site, network))  # noqa: B023
                yield f"| {name} | {kiosk.outcome} | {kiosk.staff_line} |"


def at_the_start(folder: Path) -> Iterator[str]:
    """The same for what is wrong from the beginning."""
    site = Site(folder, *as_options(SEARCH))
    with site, ExitStack() as stack:
        right = site.settings(NAMES[0])
        other = folder / "other"
        other.mkdir()
        foreign_key = other / "key"
        foreign_key.write_text(f"{NAMES[0]} {'ab' * 32}\n")
        foreign_key.chmod(0o600)
        nowhere = stack.enter_context(Network(1))
        wrong: dict[str, dict[str, Any]] = {
            "wrong key": {"keys": foreign_key},
            "wrong certificate": {"certificate": make_certificate(other).certificate},
            "nobody listens": {"server": f"wss://localhost:{nowhere.port}"},
        }
        for name, change in wrong.items():
            with Kiosk(right.model_copy(update=change), OWN) as kiosk:
                _visit(kiosk, lambda: None)
                yield f"| {name} | {kiosk.outcome} | {kiosk.staff_line} |"


def measure_faults(folder: Path) -> None:
    """Prints the table."""
    print("| what happens | the visitor | the staff |\n|---|---|---|", flush=True)
    for lines in (at_the_start, in_a_search):
        for line in lines(folder):
            print(line, flush=True)
