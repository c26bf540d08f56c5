"""Opens outputs by the words that name them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from engine.common.arrays import Pixels
from engine.common.errors import UsageError, printable
from hardware.ndi_sender import NdiSender
from hardware.virtual_camera import VirtualCamera
from installation.live.browser_page import BrowserPage
from installation.live.output import HEIGHT_PX, RATE_HZ, WIDTH_PX, Output
from installation.settings.ports import BLOCKED_PORTS

LOOPBACK, PAGE_PORT = "127.0.0.1", 8090
NDI_NAME = "Doppelganger"


@contextmanager
def opened(names: Sequence[str], card: Pixels) -> Iterator[list[Output]]:
    """The outputs of these names. The card is the first thing that each shows, and the last.

    Raises UsageError where a name is none, MachineError where an output cannot be opened.
    """
    with ExitStack() as stack:
        outputs = []
        for name in names:
            output = open_output(name)
            stack.callback(output.close)
            output.show(card)
            stack.callback(output.show, card)
            outputs.append(output)
        yield outputs


def open_output(name: str) -> Output:
    """The output that `name` names: `page`, `page:PORT`, `page:ADDRESS:PORT`, `/dev/video9`, `ndi` or
    `ndi:NAME`."""
    return opener(name)()


def opener(name: str) -> Callable[[], Output]:
    """What opens the output that `name` names. Raises UsageError where the name is none."""
    if name.startswith("/dev/"):
        return partial(VirtualCamera, name, WIDTH_PX, HEIGHT_PX, RATE_HZ)
    kind, _, place = name.partition(":")
    if kind == "ndi":
        return partial(NdiSender, place or NDI_NAME, WIDTH_PX, HEIGHT_PX, RATE_HZ)
    if kind != "page":
        raise UsageError(
            f"--to {printable(name)}: is no output. Give page, page:PORT, page:ADDRESS:PORT, /dev/video9 or "
            "ndi:NAME."
        )
    address, _, port = place.rpartition(":")
    if place and not port.isdecimal():
        raise UsageError(f"--to {printable(name)}: has no port. Give page:PORT or page:ADDRESS:PORT.")
    number = int(port or PAGE_PORT)
    if number > 65_535 or number in BLOCKED_PORTS:
        raise UsageError(f"--to {printable(name)}: no browser opens this port. Take {PAGE_PORT}.")
    return partial(BrowserPage, address.strip("[]") or LOOPBACK, number)
