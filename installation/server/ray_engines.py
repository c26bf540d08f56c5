"""Engines that Ray Serve starts, places on GPUs, and starts again: the extra `server`.

Ray is used for that alone. Pictures never pass through it: a replica connects to the door's process by a
local socket, and speaks with it as an engine's process does, so that nothing of a visitor gets into Ray's
object store, which spills to disk, or into its logs.

Ray 2.60.0 listens on all interfaces, whatever address it is given. So it runs in a network of its own
(`own_network.py`). Its HTTP and its dashboard are off, its own connections need a token that is drawn anew at
each start, and usage statistics are off.
"""

import logging
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from engine.common.errors import MachineError
from engine.runtime.channel import SHARED_MEMORY, Channel, Listener
from engine.runtime.messages import Ready
from installation.server import own_network
from installation.server.ray_cluster import Attend, Setup
from installation.settings.configuration import Configuration
from installation.workers.engine_backend import Backend, ChannelBackend
from installation.workers.supervision import ServiceError

log = logging.getLogger(__name__)

MEMORY_FOLDER = Path("/dev/shm")  # a tmpfs: what Ray writes there is on no disk
# With mediapipe, so that pip keeps to the protobuf that this needs.
INSTALL = '.venv/bin/python -m pip install "ray[serve]==2.60.0" mediapipe==0.10.21'
START_S = 180.0  # until Ray has started; until a replica answers
STOP_S = 30.0


class RayCluster:
    """Ray, as a program in a network of its own; started anew where it has ended. Any thread may use it."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._lock = threading.Lock()
        self._program: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self.folder = Path(
            tempfile.mkdtemp(prefix="ray-", dir=MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None)
        )

    @property
    def pid(self) -> int:
        """The program's process."""
        assert self._program is not None
        return self._program.pid

    def attend(self, request: Attend) -> None:
        """Has a replica connect. Raises ServiceError where Ray does not start, or has just ended."""
        with self._lock:
            if self._program is None or self._program.poll() is not None:
                self._stop()
                self._start()
            assert self._channel is not None
            try:
                self._channel.send(request)
            except OSError:
                raise ServiceError("Ray has ended, and is started again.") from None

    def stop(self) -> None:
        """Ends Ray, and removes its files."""
        with self._lock:
            self._stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        shutil.rmtree(self.folder / "r", ignore_errors=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = own_network.command("installation.server.ray_cluster", str(theirs.fileno()))
        self._program = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], start_new_session=True, stdout=subprocess.DEVNULL
        )
        theirs.close()
        self._channel = Channel(ours)
        self._channel.send(Setup(self._configuration, self.folder))
        try:
            answer = self._channel.receive().message if self._channel.waits(START_S) else "no answer in time"
        except EOFError:
            answer = "it ended at once"
        if not isinstance(answer, Ready):
            self._stop()
            raise ServiceError(f"Ray does not start ({getattr(answer, 'message', answer)}).")

    def _stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._program is not None:
            with suppress(subprocess.TimeoutExpired):
                self._program.wait(STOP_S)
            with suppress(ProcessLookupError):  # it, and what it has left behind
                os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
        self._program = self._channel = None


class RayBackend(ChannelBackend):
    """One of Ray Serve's replicas, as a backend."""

    def __init__(self, cluster: RayCluster) -> None:
        super().__init__()
        self._cluster = cluster

    def start(self, first_person: int, lock_step: bool) -> None:
        """Waits until a replica has connected. Raises ServiceError where none does."""
        path = self._cluster.folder / secrets.token_hex(4)
        with Listener(path, SHARED_MEMORY, SHARED_MEMORY) as listener:
            self._cluster.attend(Attend(path, first_person, lock_step))
            if not select.select([listener], [], [], START_S)[0]:
                raise ServiceError(f"Ray has started no engine within {START_S:.0f} s.")
            self._channel = listener.accept()

    def exit_reason(self) -> str:
        return "The engine's replica has ended; Ray starts another."

    @property
    def pid(self) -> int:
        """The replica's process; 0 where it lives in another container."""
        return self._open.peer_process_id()

    def stop(self) -> None:
        """Ends the replica's process, whatever it works on; Ray starts another."""
        if self._channel is not None:
            process_id = self._channel.peer_process_id()
            if process_id:  # 0, of another container, would be this program's own group
                with suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
            self._channel.close()
        self._channel = None


@contextmanager
def ray_backends(configuration: Configuration) -> Iterator[Sequence[Backend]]:
    """Engines of Ray Serve, as many as configured; Ray is started with the first, and ended afterwards.

    Raises MachineError without the extra, and where Ray could only run in this machine's network.
    """
    if find_spec("ray") is None:
        raise MachineError(
            f'server.pool is "ray", and Ray is not installed: {INSTALL}, or set pool = "processes".'
        )
    if why := own_network.fault():
        raise MachineError(
            f'server.pool is "ray", which needs a network of its own here ({why}): {own_network.ADVICE}, or '
            'set pool = "processes".'
        )
    cluster = RayCluster(configuration)
    try:
        yield [RayBackend(cluster) for _ in range(configuration.server.engines)]
    finally:
        cluster.stop()
