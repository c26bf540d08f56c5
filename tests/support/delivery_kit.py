"""What the tests of the delivery share: pictures, a real delivery process, small HTTP over real sockets."""

import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import cv2
import numpy as np

from engine.common.arrays import Pixels
from installation.delivery.captions import Caption
from installation.delivery.client import DeliveryClient
from installation.delivery.messages import LinkEvent, Offered
from installation.delivery.pictures import TakeHomePictures
from installation.settings.delivery import Delivery as Network
from installation.visit.parameters import DeliveryParameters

N = TypeVar("N")

CAPTIONS = (
    Caption("dlib", False, "Of 10,000 strangers it takes 57 for you."),
    Caption("anthropometry", True, "It only looks at proportions."),
)


# Numbers of visits and addresses of phones, each to be used once in a test run.
visits = iter(range(100, 10_000))
phones = (f"127.0.31.{number}" for number in range(1, 255))


def picture(seed: int = 0, size_px: int = 64) -> Pixels:
    """Soft random colours: uint8 (size_px, size_px, 3) RGB."""
    small = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (size_px, size_px), interpolation=cv2.INTER_CUBIC), np.uint8)


FILM = bytes(range(256)) * 1000


def take_home(visit_id: int = 1, language: str = "en", film: bytes | None = FILM) -> TakeHomePictures:
    """What is handed over for one visit: small pictures; the film is bytes of no meaning."""
    same = picture(visit_id)
    given, pair = picture(visit_id + 1000), (same, same ^ np.uint8(1))
    enlarged = np.repeat(np.repeat(given, 2, axis=0), 2, axis=1)
    return TakeHomePictures(
        visit_id, language, given, CAPTIONS, pair, film, enlarged=enlarged, match=picture(visit_id + 2000)
    )


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """A delivery client with parameters of its own, and its news."""

    def __init__(self, path: Path, network: Network, **parameters: object) -> None:
        self.network = network
        self.parameters = DeliveryParameters()
        self.set(**parameters)
        self.delivery = DeliveryClient(network, lambda: self.parameters, path)
        self.news: list[LinkEvent] = []
        self.visits: set[int] = set()
        self._shared_link = ""

    def set(self, **values: object) -> None:
        """Sets parameters, beyond their ranges too."""
        self.parameters = DeliveryParameters.model_construct(**{**self.parameters.model_dump(), **values})

    def offer(self, offered: TakeHomePictures) -> str:
        """Offers it, waits for its link, and returns the path of its page."""
        self.visits.add(offered.visit_id)
        self.delivery.offer(offered)
        return urlsplit(self.wait_for(Offered, offered.visit_id).url).path

    def shared_link(self) -> str:
        """The path of one link for many tests that only look."""
        if not self._shared_link:
            self.set(saves=1000)
            self._shared_link = self.offer(take_home(next(visits)))
            self.set(saves=20)
        return self._shared_link

    def wait_for(self, kind: type[N], visit_id: int, wait_s: float = 30) -> N:
        """The newest news of this kind about this visit, taken off the list."""
        return until(lambda: self._take(kind, visit_id), f"{kind.__name__} of visit {visit_id}", wait_s)

    def _take(self, kind: type[N], visit_id: int) -> N | None:
        self.news += self.delivery.poll()
        for each in reversed(self.news):
            if isinstance(each, kind) and each.visit_id == visit_id:
                self.news.remove(each)
                return each
        return None


def until(look: Callable[[], N | None], what: str, wait_s: float = 30) -> N:
    """What `look` returns as soon as that is not None."""
    end_s = time.monotonic() + wait_s
    while time.monotonic() < end_s:
        found = look()
        if found is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {wait_s} s for {what}")


@contextmanager
def running(path: Path, network: Network | None = None, **parameters: object) -> Iterator[Stage]:
    """A stage with a delivery process, which in the end has nothing left to live for."""
    stage = Stage(path, network or Network(host="127.0.0.1", port=free_port()), **parameters)
    stage.delivery.start()
    try:
        yield stage
    finally:
        for visit_id in stage.visits:
            stage.delivery.revoke(visit_id)
        # What has been handed over is obeyed, even when this side is gone.
        until(lambda: not stage.delivery._outbox or None, "the last commands' way")
        stage.delivery.stop()


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    port: int,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request on a connection of its own, from a loopback address of one's own.

    Raises ConnectionError where there is no answer.
    """
    lines = {"Host": f"127.0.0.1:{port}", "Connection": "close"} | dict(headers or {})
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    with socket.create_connection(("127.0.0.1", port), 20, (address, 0)) as connection:
        wrapped = tls.wrap_socket(connection, server_hostname="localhost") if tls else connection
        wrapped.sendall(head.encode("latin-1") + b"\r\n")
        received = read_all(wrapped)
    if not received:
        raise ConnectionResetError
    return parse(received)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side ends it."""
    received = io.BytesIO()
    while chunk := connection.recv(1 << 16):
        received.write(chunk)
    return received.getvalue()


def parse(data: bytes) -> Answer:
    """The first answer in `data`, with all that follows its head as its body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", first)
    assert found, f"no HTTP: {data[:80]!r}"
    pairs = (line.partition(":") for line in lines)
    return Answer(int(found[1]), {name.lower(): text.strip() for name, _, text in pairs}, body)
