"""The stage's side of the delivery: starts the process, or finds the one that is there, and talks to it."""

import fcntl
import logging
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Client, Connection
from pathlib import Path

from installation.delivery import messages
from installation.delivery.messages import (
    Command,
    Ended,
    Forgotten,
    Heartbeat,
    LinkEvent,
    LogLine,
    Lost,
    Message,
    Offer,
    Open,
    Revoke,
    SetParameters,
)
from installation.delivery.pictures import TakeHomePictures
from installation.settings import configuration
from installation.visit.parameters import DeliveryParameters
from installation.workers.supervision import Condition, PermanentServiceError, ResilientService, ServiceError

log = logging.getLogger(__name__)

POLL_S = 0.05
START_LIMIT_S = 20.0
SILENCE_LIMIT_S = 12.0  # the process says something twice a second, and at worst every five seconds
OFFER_LIMIT_S = 30.0  # for an offer to be handed over; nobody waits longer, and it is dropped
COMMAND_LIMIT_S = 3600.0  # for anything else; no link lives longer
LONGEST_PATH_BYTES = 107  # of a socket (unix(7))
# mallopt(3): what is larger than this goes back to the kernel, which clears it, as soon as it is freed.
# Forgotten pictures are then nowhere, not even in memory that nobody uses.
GIVE_MEMORY_BACK = {"MALLOC_MMAP_THRESHOLD_": "16384"}


class DeliveryClient(ResilientService):
    """Offers finished pictures to phones. `offer`, `revoke` and `poll` belong to the stage's thread.

    parameters: gives the values in force.  path: the local socket; by default one for each port.

    The process outlives this object for as long as a link lives. A later one finds it there again.
    """

    advice = "See docs/network.md."
    longest_wait_s = 10.0
    setup_limit_s = START_LIMIT_S + 5.0
    heartbeat_limit_s = SILENCE_LIMIT_S + 3.0

    def __init__(
        self,
        network: configuration.Delivery,
        parameters: Callable[[], DeliveryParameters],
        path: Path | None = None,
    ) -> None:
        super().__init__("delivery")
        self._network = network
        self._parameters = parameters
        self._path = path or default_path(network.port)
        self._tuned = parameters()
        self._outbox: deque[tuple[float, Command]] = deque()  # since when, what
        self._outbox_lock = threading.Lock()
        self._news: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self._living: set[int] = set()  # visits whose offer the process has
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._lock: int | None = None  # the file that says whose the process is

    # --- the stage's thread ---

    def offer(self, pictures: TakeHomePictures, agreed: DeliveryParameters | None = None) -> None:
        """Makes a link for these pictures, as far as phones may have them; returns at once.

        agreed: what the visitor was told about it; without it, what the parameters say now.
        """
        parameters = agreed or self._parameters()
        if parameters.gives == "doppelganger":
            pictures = pictures.doppelganger_alone()
        self._send(Offer(pictures, parameters.life_s, parameters.saves))

    def stop(self) -> None:
        """Ends the service, and leaves the process to the next stage."""
        super().stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def revoke(self, visit_id: int) -> None:
        """The visit's link dies, and its pictures are dropped everywhere; returns at once."""
        self._withdraw(lambda each: isinstance(each, Offer) and each.pictures.visit_id == visit_id)
        self._send(Revoke(visit_id))

    def poll(self) -> list[LinkEvent]:
        """What has happened since the last time; never waits. Call it each frame."""
        if self._parameters() != self._tuned:
            self._tuned = self._parameters()
            self._withdraw(lambda each: isinstance(each, SetParameters))  # Only the last one counts.
            self._send(SetParameters(self._tuned))
        self._drop_stale()
        news = []
        while not self._news.empty():
            news.append(self._news.get())
        return news

    def _send(self, command: Command) -> None:
        with self._outbox_lock:
            self._outbox.append((self.clock(), command))

    def _withdraw(self, obsolete: Callable[[Command], bool]) -> None:
        """Takes back what waits to be handed over and has become obsolete."""
        with self._outbox_lock:
            self._outbox = deque(each for each in self._outbox if not obsolete(each[1]))

    def _drop_stale(self) -> None:
        """What could not be handed over in time is dropped; pictures do not wait in the stage for long."""
        now_s = self.clock()
        fresh: deque[tuple[float, Command]] = deque()
        stale: list[Command] = []
        with self._outbox_lock:
            for since_s, command in self._outbox:
                if now_s - since_s > (OFFER_LIMIT_S if isinstance(command, Offer) else COMMAND_LIMIT_S):
                    stale.append(command)
                else:
                    fresh.append((since_s, command))
            self._outbox = fresh
        for command in stale:
            if isinstance(command, Offer):
                self._news.put(Lost(visit_id=command.pictures.visit_id))

    # --- the service's thread ---

    def setup(self) -> None:
        """Finds the process or starts it, and says what network it is to serve."""
        if len(os.fsencode(self._path)) > LONGEST_PATH_BYTES:
            shorter = "Set XDG_RUNTIME_DIR to a folder with a shorter path."
            raise PermanentServiceError(f"{self._path} is too long for a socket.", shorter)
        _make_private(self._path.parent)
        self._claim()
        self._connection = self._connect()
        self._connection.send(Open(self._network, self._tuned))

    def run(self) -> None:
        """Hands commands over and takes news in."""
        assert self._connection is not None
        heard_s = self.clock()
        while not self.stopping.is_set():
            self._hand_over(self._connection)
            if self._connection.poll(POLL_S):
                try:
                    self._take_in(messages.read(self._connection.recv_bytes(messages.LONGEST_NEWS)))
                except EOFError:
                    raise ServiceError("Its process has ended.") from None
                heard_s = self.clock()
                self.beat()
            elif self.clock() - heard_s > SILENCE_LIMIT_S:
                _kill(self._connection)
                raise ServiceError("Its process was silent, and has been ended.")

    def teardown(self) -> None:
        """Leaves the process, which ends when its last link does; what this side knew of links is void."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for visit_id in self._living:
            self._news.put(Lost(visit_id=visit_id))
        self._living.clear()

    def _hand_over(self, connection: Connection) -> None:
        while True:
            with self._outbox_lock:
                entry = self._outbox[0] if self._outbox else None
            if entry is None:
                return
            try:
                connection.send(entry[1])
            except BlockingIOError:
                _kill(connection)
                raise ServiceError("Its process took nothing any more, and has been ended.") from None
            # Only what has been handed over leaves the box: above all, no revocation gets lost.
            with self._outbox_lock, suppress(ValueError):
                self._outbox.remove(entry)
            if isinstance(entry[1], Offer):
                self._living.add(entry[1].pictures.visit_id)

    def _take_in(self, message: Message) -> None:
        if isinstance(message, Heartbeat):
            self._show(message.problem)
            return
        if isinstance(message, LogLine):
            log.log(message.level, "delivery: %s", message.words)
            return
        if isinstance(message, Ended | Forgotten):
            self._living.discard(message.visit_id)
        self._news.put(message)

    def _show(self, problem: str) -> None:
        """Makes the health say whether phones get through."""
        if problem and problem != self.health.message:
            log.warning("delivery: phones cannot get through: %s", problem)
            self._report(Condition.WAITING, problem, self.advice)
        elif not problem and self.health.condition is not Condition.OK:
            self._report(Condition.OK, "running.")

    def _claim(self) -> None:
        """Makes the process this stage's alone until it stops or dies.

        The process hears one stage at a time: a second one would wait in vain, and end it for being silent.
        """
        if self._lock is not None:
            return
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            way_out = "End it, or run this one --without-phone or with another port in [delivery]."
            raise ServiceError("Another kiosk serves this port.", way_out) from None
        self._lock = lock

    def _connect(self) -> Connection:
        with_process = self._dial()
        if with_process is not None:
            return with_process
        if self._process is not None:
            self._process.poll()  # Reaps the one before.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "installation.delivery.process", str(self._path)],
            cwd=configuration.ROOT,
            # It outlives the stage, and must not keep a pipe open that the stage's words go to.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | GIVE_MEMORY_BACK,
            # It is no child of the stage's terminal or session: it may stay when the stage goes.
            start_new_session=True,
        )
        give_up_s = self.clock() + START_LIMIT_S
        while not self.wait(POLL_S):
            connection = self._dial()
            if connection is not None:
                return connection
            if self._process.poll() is not None:
                by_hand = f"python -m installation.delivery.process {self._path}"
                raise ServiceError(
                    f"Its process ended at once, with exit code {self._process.returncode}.",
                    f"It says why by hand: {by_hand}",
                )
            if self.clock() > give_up_s:
                self._process.kill()
                raise ServiceError(f"Its process did not start within {START_LIMIT_S:.0f} s.")
        raise ServiceError("It was stopped while it started.")

    def _dial(self) -> Connection | None:
        try:
            connection = Client(str(self._path), family="AF_UNIX")
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        limit = struct.pack("ll", int(SILENCE_LIMIT_S), 0)
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return connection


def default_path(port: int) -> Path:
    """The local socket of the delivery that serves `port`."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(runtime) / f"doppelganger-{os.getuid()}" / f"delivery-{port}.sock"


def _make_private(folder: Path) -> None:
    """A folder that nobody else can look into. Raises PermanentServiceError where it is another user's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat(follow_symlinks=False)
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermanentServiceError(f"{folder} is open to others.", f"Remove it, or run: chmod 700 {folder}")


def _kill(connection: Connection) -> None:
    """Ends the process at the other end, whoever started it."""
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    process_id, _, _ = struct.unpack("3i", peer)
    if process_id > 0:  # else it lives in another container
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
