"""The delivery process: `python -m installation.delivery.process SOCKET`.

It listens on a local socket for one stage at a time, and on the network for phones. It outlives its stage for
as long as a link lives, and ends by itself when there is neither a stage nor a link. It writes no file.
"""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import ssl
import sys
import threading
from functools import partial
from pathlib import Path

from engine.runtime.channel import Channel, Listener
from hardware.memory import forbid_core_dumps
from hardware.network import interfaces
from installation.delivery import address
from installation.delivery.files import TakeHomeFiles, encode_files
from installation.delivery.links import EndReason, Link, Links
from installation.delivery.messages import (
    COMMANDS,
    EVENTS,
    Command,
    Ended,
    Forgotten,
    Heartbeat,
    LogLine,
    Message,
    Offer,
    Offered,
    Open,
    Revoke,
    Saved,
    SetParameters,
    Unreachable,
)
from installation.delivery.reachability import addresses_of, why_unreachable
from installation.delivery.server import Server
from installation.settings.delivery import Delivery
from installation.workers.connection_limit import ConnectionLimit
from installation.workers.supervision import ServiceError

log = logging.getLogger(__name__)

TICK_S = 0.5
RETRY_S = 2.0  # between attempts to reach what could not be reached
CHECK_S = 30.0  # between checks of what could
NICENESS = 5  # phones can wait, the stage's frames cannot
FIRST_STAGE_S = 30.0  # for a stage to come at all


class DeliveryProcess:
    """Runs on the event loop: carries out commands, keeps links and server, sends events to the stage."""

    def __init__(self) -> None:
        self._links = Links()
        self._limit = ConnectionLimit(0, 0)
        self._server = Server(self._links, self._limit, self._saved, self._forgotten)
        self._network: Delivery | None = None
        self._network_lock = asyncio.Lock()
        self._address = ""  # listened on, or empty
        self._base_url = ""
        self._problem = "It has not been opened yet."
        self._doubt = ""
        self._attempts: dict[int, asyncio.Task[None]] = {}  # by visit
        self._stage: Channel | None = None
        self._had_stage = False

    # --- the stage ---

    def stage_connected(self, stage: Channel) -> None:
        self._stage, self._had_stage = stage, True

    def stage_disconnected(self) -> None:
        self._stage = None

    async def execute(self, command: Command, content: TakeHomeFiles | None) -> None:
        """Carries out one command; `content` are the files made of an offer's pictures."""
        match command:
            case Open():
                await self._open(command)
            case SetParameters():
                self._set_parameters(command)
            case Offer() if content is not None:
                visit_id = command.pictures.visit_id
                link, made_way = self._links.add(visit_id, content, command.life_s, command.saves)
                for old in made_way:
                    if old.end is EndReason.TOO_MANY:
                        self._send_event(Ended(visit_id=old.visit_id, why="too many"))
                self._start_attempt(link)
            case Revoke():
                self._links.end(command.visit_id, EndReason.FORGOTTEN)

    def say(self, level: int, words: str) -> None:
        """Sends a line to the stage's log."""
        self._send_event(LogLine(level=level, words=words))

    def _send_event(self, message: Message) -> None:
        """Sends an event without waiting; dropped where no stage listens, so that no stage delays a phone."""
        if self._stage is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._stage.send_now(message)

    # --- the network ---

    async def _open(self, command: Open) -> None:
        if self._network not in (None, command.network):
            for link in self._links.clear():
                self._send_event(Ended(visit_id=link.visit_id, why="expired"))
            async with self._network_lock:
                await self._close()
        self._network = command.network
        self._limit.trusted = tuple(command.network.trusted_proxies)
        self._set_parameters(SetParameters(command.parameters))
        await self._maintain_network(command.network)

    def _set_parameters(self, command: SetParameters) -> None:
        self._limit.most = command.parameters.connections
        self._limit.most_per_address = command.parameters.connections_per_address
        self._server.misses_per_minute = command.parameters.misses_per_minute

    async def _maintain_network(self, network: Delivery) -> None:
        """Listens at the address where phones reach this machine now, and checks that they can."""
        async with self._network_lock:
            try:
                found = interfaces()
                chosen = address.listening_address(network, found)
                if chosen.address != self._address:
                    await self._close()
                    await self._listen(network, chosen.address)
                self._problem, resolved = await asyncio.gather(
                    why_unreachable(self._base_url), addresses_of(self._base_url)
                )
                self._doubt = address.why_doubtful(network, chosen, resolved, found)
            except ServiceError as fault:
                await self._close()
                self._problem = f"{fault} {fault.advice}".strip()
            except OSError as error:  # ssl.SSLError is one.
                await self._close()
                self._problem = f"{error.strerror or error}. See delivery in the configuration."

    async def _listen(self, network: Delivery, wanted: str) -> None:
        tls = None
        if network.certificate is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(network.certificate, network.key)
        self._server.hosts = address.accepted_hosts(network, wanted)
        await self._server.open(wanted, network.port, tls)
        self._address = wanted
        self._base_url = address.base_url(network, wanted)
        log.info("phones are served at %s", self._base_url)
        for link in self._links:
            self._start_attempt(link)

    async def _close(self) -> None:
        await self._server.close()
        self._address = self._base_url = ""

    # --- links ---

    def _start_attempt(self, link: Link) -> None:
        earlier = self._attempts.pop(link.visit_id, None)
        if earlier is not None:
            earlier.cancel()
        trying = self._attempts[link.visit_id] = asyncio.create_task(self._attempt(link))
        trying.add_done_callback(partial(self._attempt_ended, link.visit_id))

    def _attempt_ended(self, visit_id: int, trying: asyncio.Task[None]) -> None:
        """Drops a finished attempt: the traceback of a failed one would keep the pictures in memory."""
        if self._attempts.get(visit_id) is trying:
            del self._attempts[visit_id]
        if not trying.cancelled() and (error := trying.exception()):
            log.error("a link could not be tried: %s", type(error).__name__)

    async def _attempt(self, link: Link) -> None:
        """Tries the link until it works, then sends `Offered`; if it fails at first, `Unreachable` once."""
        reported_unreachable = False
        while link.end is None:
            why = await why_unreachable(self._base_url, link.token) if self._address else self._problem
            if link.end is not None:
                return
            if not why and self._network is not None:
                self._send_event(
                    Offered(
                        visit_id=link.visit_id,
                        url=f"{self._base_url}/D/{link.token}",
                        lives_s=self._links.lives_s(link),
                        wifi=address.wifi_code(self._network.wifi),
                    )
                )
                return
            if not reported_unreachable:
                self._send_event(Unreachable(visit_id=link.visit_id, why=why[:300]))
                reported_unreachable = True
            await asyncio.sleep(RETRY_S)

    def _saved(self, link: Link, file: str) -> None:
        self._send_event(Saved(visit_id=link.visit_id, file=file))
        if link.end is EndReason.SPENT:
            self._send_event(Ended(visit_id=link.visit_id, why="spent"))

    def _forgotten(self, link: Link) -> None:
        self._send_event(Forgotten(visit_id=link.visit_id))

    # --- time ---

    async def live(self) -> None:
        """Expires links and watches the network until there is neither a stage nor a link."""
        loop = asyncio.get_running_loop()
        began_s, checked_s = loop.time(), 0.0
        while True:
            await asyncio.sleep(TICK_S)
            for link in self._links.expire():
                self._send_event(Ended(visit_id=link.visit_id, why="expired"))
            due_s = checked_s + (RETRY_S if self._problem else CHECK_S)
            if self._network is not None and loop.time() >= due_s:
                await self._maintain_network(self._network)
                checked_s = loop.time()
            if self._network is not None:
                self._send_event(Heartbeat(problem=self._problem[:300], doubt=self._doubt[:300]))
            awaited = not self._had_stage and loop.time() - began_s < FIRST_STAGE_S
            if self._stage is None and not self._links and not awaited:
                break
        await self._close()


def serve_stages(listener: Listener, process: DeliveryProcess, loop: asyncio.AbstractEventLoop) -> None:
    """Serves one stage after the other on its own thread; pictures are encoded here, not on the loop."""
    while True:
        try:
            stage = listener.accept()
        except OSError:
            return  # The listener is closed: the process ends.
        loop.call_soon_threadsafe(process.stage_connected, stage)
        try:
            while True:
                _execute_next(stage, process, loop)
        except (EOFError, OSError):
            pass
        except Exception as error:
            log.error("a command failed: %s", type(error).__name__)
        loop.call_soon_threadsafe(process.stage_disconnected)
        stage.close()


def _execute_next(stage: Channel, process: DeliveryProcess, loop: asyncio.AbstractEventLoop) -> None:
    # A function of its own, so that no name here keeps pictures while the next command is waited for.
    received = stage.receive()
    command: Command = received.message
    try:
        content = encode_files(command.pictures) if isinstance(command, Offer) else None
    finally:
        received.erase()  # the pictures; the files that were made of them are the link's
    asyncio.run_coroutine_threadsafe(process.execute(command, content), loop).result()


class _StageLogHandler(logging.Handler):
    """Sends log lines to the stage's log; without a stage they are dropped."""

    def __init__(self, process: DeliveryProcess, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.INFO)
        self._process, self._loop = process, loop

    def emit(self, record: logging.LogRecord) -> None:
        line = " ".join(record.getMessage().split())[:300]
        self._loop.call_soon_threadsafe(self._process.say, record.levelno, line)


async def _serve(listener: Listener) -> None:
    process, loop = DeliveryProcess(), asyncio.get_running_loop()
    logging.basicConfig(level=logging.INFO, handlers=[_StageLogHandler(process, loop)])
    life = asyncio.current_task()
    assert life is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.cancel)
    threading.Thread(target=serve_stages, args=(listener, process, loop), daemon=True).start()
    with contextlib.suppress(asyncio.CancelledError):
        await process.live()


def main(path: Path) -> int:
    """Serves stages at the socket `path`, which is made anew, and phones, until neither is left."""
    forbid_core_dumps()
    os.nice(NICENESS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    with Listener(path, sends=EVENTS, receives=COMMANDS) as listener:
        asyncio.run(_serve(listener))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
