"""What the tests of the rendering server share: one on this machine, with engines on threads."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from engine.border.strip import Strip
from engine.common.errors import DoppelgangerError
from engine.live.expression import Expression
from engine.live.frame import Curve, Frame
from engine.live.rigs.eyes import Eye
from engine.live.rigs.flows import Flows
from engine.live.rigs.mouth import Mouth
from engine.live.rigs.rig import Rig
from engine.pipeline.result import PortrayalResult
from engine.runtime.channel import Channel
from engine.runtime.messages import (
    Cancel,
    NobodiesAlike,
    PeopleReady,
    Portray,
    ProgressUpdate,
    Ready,
    ResultReady,
    VisitEnded,
)
from installation.server.door import Door
from installation.server.pool import Pool
from installation.server.replica import Replica
from installation.settings.server import ServerSettings
from installation.workers.remote.link import Address, pass_messages
from installation.workers.remote.transfer import LONGEST_FRAME_BYTES
from installation.workers.supervision import Supervisor
from tests.support.programs import require_programs
from tests.support.thread_backend import ThreadBackend

SIDE_PX = 16
NAMES = [f"hall-{number}" for number in range(1, 17)]
KEYS = {name: bytes([number]) * 32 for number, name in enumerate(NAMES)}
Worker = Callable[[Channel, int, bool], None]


def strip(value: int, side_px: int = SIDE_PX) -> Strip:
    """A continuum of two pictures of one grey, with a border."""
    pictures = np.full((2, side_px, side_px, 3), value, np.uint8)
    ends = np.array([0.0, 1.0])
    return Strip(pictures, ends, np.array([0.8, 0.3]), np.array([True, True]), "dlib", 0.6, (1, 0))


def result(value: int, complete: bool = True) -> PortrayalResult:
    """A result whose pictures are all of one grey."""
    return PortrayalResult(strip(value), None, (), np.full((SIDE_PX, SIDE_PX, 3), value, np.uint8), complete)


def rig() -> Rig:
    """A rig with a part of every kind, which cannot be drawn."""
    floats = np.linspace(0, 1, 4)
    frame, curve = Frame(floats[:2], np.eye(2), 10.0), Curve(floats, floats)
    flows = Flows(floats, np.ones((4, 8, 8, 2), np.float32), floats)
    eye = Eye(frame, curve, curve, curve)
    numbers = {field.name: 0.5 for field in fields(Expression)}
    sizes = {name: 1.0 for name in ("nose_px", "chin_px", "jaw_px", "below_px", "light")}
    return Rig(
        picture=np.full((SIDE_PX, SIDE_PX, 3), 9, np.uint8),
        rest=Expression(**numbers),
        yaw=flows,
        pitch=flows,
        fields={"smile": np.ones((8, 8, 2), np.float32)},
        head=np.ones((8, 8), np.float32),
        eyes=(eye, eye),
        mouth=Mouth(frame=frame, upper=curve, lower=curve, **sizes),
        gains={"yaw": 1.1},
    )


@dataclass
class EngineOfThreads:
    """An engine without networks: portrays by giving the photograph's mean grey back, once `goes_on` is set.

    photographs: what it was given. dies: it ends, once, in the middle of the next visit.
    """

    goes_on: threading.Event = field(default_factory=threading.Event)
    dies: bool = False
    portrayed: list[int] = field(default_factory=list)

    def __call__(self, channel: Channel, first_person: int, lock_step: bool) -> None:
        channel.send(Ready())
        channel.send(PeopleReady((strip(200),)))
        while True:
            received = channel.receive()
            if isinstance(received.message, Portray):
                self._portray(channel, received.message)
            received.erase()

    def _portray(self, channel: Channel, request: Portray) -> None:
        (photograph,) = request.photographs or (np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8),)
        value = int(photograph.mean())
        self.portrayed.append(value)
        channel.send(ProgressUpdate(request.visit_id, "search", 0.5, photograph.copy()))
        if self.dies:
            self.dies = False
            channel.close()
            raise EOFError
        while not self.goes_on.wait(0.01):
            if channel.waits():
                assert isinstance(channel.receive().message, Cancel)
                channel.send(VisitEnded(request.visit_id, ""))
                return
        channel.send(ResultReady(request.visit_id, result(value)))
        channel.send(NobodiesAlike(frozenset({3})))  # which concerns this machine only
        channel.send(VisitEnded(request.visit_id, ""))


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for `localhost`, and its key."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, name: str = "localhost") -> Certificate:
    """For `name`, in this folder."""
    require_programs("openssl")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-out", str(made.certificate), "-keyout", str(made.key)]
    subprocess.run(["openssl", "req", "-x509", *kind, *subject, *files], check=True, capture_output=True)
    return made


class RunningServer:
    """A rendering server on a thread of its own. port: fixed from the first start on."""

    def __init__(self, certificate: Certificate, engines: Sequence[Worker], **settings: Any) -> None:
        self.certificate, self.engines = certificate, engines
        self._settings = {"engines": max(len(engines), 1), "port": 0} | settings
        self.refusal: DoppelgangerError | None = None

    @property
    def url(self) -> str:
        return f"wss://localhost:{self.port}"

    @property
    def port(self) -> int:
        return int(self._settings["port"])

    def address(self, name: str = NAMES[0]) -> Address:
        """Of this server, for one of its kiosks."""
        return Address(self.url, name, KEYS[name], self.certificate.certificate)

    def link(self, name: str = NAMES[0]) -> ThreadBackend:
        """A kiosk's link, on a thread."""
        return ThreadBackend(lambda channel, *_: pass_messages(channel, self.address(name)))

    def start(self) -> None:
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(20)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def abort(self) -> None:
        """Ends it at once: nothing waits for anything."""

        def cut() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()

        self._loop.call_soon_threadsafe(cut)
        self._thread.join(20)

    def _serve(self, started: threading.Event) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._run(started))

    async def _run(self, started: threading.Event) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        settings = ServerSettings(
            certificate=self.certificate.certificate, key=self.certificate.key, **self._settings
        )
        self.pool = Pool(lambda error: setattr(self, "refusal", error))
        replicas = [
            Replica(f"engine {number}", ThreadBackend(engine), self.pool, 50)
            for number, engine in enumerate(self.engines)
        ]
        for replica in replicas:
            replica.first_wait_s = replica.longest_wait_s = 0.05
        supervisor = Supervisor(*replicas)
        try:
            async with Door(settings, KEYS, self.pool) as self.door:
                self._settings["port"] = self.door.port
                supervisor.start()
                while self.engines and not self.pool.works:
                    await asyncio.sleep(0.01)
                started.set()
                await self._ended.wait()
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.to_thread(supervisor.stop))


@contextmanager
def running(certificate: Certificate, *engines: Worker, **settings: Any) -> Iterator[RunningServer]:
    """A started server with these engines."""
    server = RunningServer(certificate, engines, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def raw_socket(server: RunningServer) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket to the server, before the handshake."""
    context = ssl.create_default_context(cafile=server.certificate.certificate)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url, ssl=context, max_msg_size=LONGEST_FRAME_BYTES) as socket,
    ):
        yield socket
