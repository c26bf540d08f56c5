"""Engines that Ray Serve starts, places on GPUs, and starts again: the extra `server`.

Ray is used for that alone. Pictures never pass through it: a replica connects to the door's process by a
local socket, and speaks with it as an engine's process does, so that nothing of a visitor gets into Ray's
object store, which spills to disk, or into its logs.

Tried with Ray 2.60.0. Its HTTP and its dashboard are off, its own connections need a token that is drawn
anew at each start, and usage statistics are off. It listens on all interfaces all the same: docs/server.md.
"""

import asyncio
import logging
import os
import secrets
import select
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.common.errors import MachineError
from engine.runtime.channel import SHARED_MEMORY, Channel, Listener, ReceivedMessage
from engine.runtime.messages import LocalRequest
from installation.settings.configuration import Configuration
from installation.workers.engine_backend import Backend
from installation.workers.supervision import ServiceError

log = logging.getLogger(__name__)

MEMORY_FOLDER = Path("/dev/shm")  # a tmpfs: what Ray writes there is on no disk
OBJECT_STORE_BYTES = 80 * 2**20  # the least that Ray takes; nothing large gets into it
# With mediapipe, so that pip keeps to the protobuf that this needs.
INSTALL = '.venv/bin/python -m pip install "ray[serve]==2.60.0" mediapipe==0.10.21'
START_S = 180.0  # until a replica answers
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # engines that reserve no GPU may use it all the same
}


class RayBackend:
    """One of Ray Serve's replicas, as a backend. handle: of the deployment. folder: for the local socket."""

    def __init__(self, handle: Any, folder: Path) -> None:
        self._handle, self._folder = handle, folder
        self._channel: Channel | None = None
        self._call: Any = None

    def start(self, first_person: int, lock_step: bool) -> None:
        """Waits until a replica has connected. Raises ServiceError where none does."""
        path = self._folder / secrets.token_hex(4)
        with Listener(path, SHARED_MEMORY, SHARED_MEMORY) as listener:
            self._call = self._handle.attend.remote(str(path), first_person, lock_step)
            if not select.select([listener], [], [], START_S)[0]:
                self._call.cancel()
                raise ServiceError(f"Ray has started no engine within {START_S:.0f} s.")
            self._channel = listener.accept()

    def send(self, request: LocalRequest) -> None:
        self._open.send(request)

    def receive(self) -> ReceivedMessage:
        return self._open.receive()

    def fileno(self) -> int:
        return self._open.fileno()

    def exit_reason(self) -> str:
        return "The engine's replica has ended; Ray starts another."

    def rest(self) -> None:
        pass

    def stop(self) -> None:
        """Ends the replica's process, whatever it works on; Ray starts another."""
        if self._channel is not None:
            process_id = self._channel.peer_process_id()
            if process_id:  # 0, of another container, would be this program's own group
                with suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
            self._channel.close()
        self._channel = self._call = None

    @property
    def _open(self) -> Channel:
        assert self._channel is not None, "start comes first"
        return self._channel


class RayEngine:
    """What runs in a replica: an engine for whoever listens at a local socket, one at a time."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    async def attend(self, path: str, first_person: int, lock_step: bool) -> None:
        """Connects, loads the networks, and carries out requests until the other end is closed."""
        await asyncio.to_thread(self._attend, path, first_person, lock_step)

    def _attend(self, path: str, first_person: int, lock_step: bool) -> None:
        from functools import partial

        from engine.runtime.worker import be_quiet, serve
        from hardware.memory import forbid_core_dumps
        from installation.workers.engine_backend import load_models

        forbid_core_dumps()
        be_quiet()
        channel = Channel.connect(Path(path), SHARED_MEMORY, SHARED_MEMORY)
        try:
            serve(channel, partial(load_models, self._configuration), first_person, lock_step)
        finally:
            channel.close()


@contextmanager
def ray_backends(configuration: Configuration) -> Iterator[Sequence[Backend]]:
    """Starts Ray and as many replicas as configured; ends both. Raises MachineError without the extra."""
    os.environ.update(ENVIRONMENT | {"RAY_AUTH_TOKEN": secrets.token_hex(32)})
    try:
        import ray
        from ray import serve
    except ImportError:
        raise MachineError(
            f'server.pool is "ray", and Ray is not installed: {INSTALL}, or set pool = "processes".'
        ) from None
    settings = configuration.server
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir=MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None))
    try:
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder / "r"),  # which Ray opens to everybody; the folder about it stays closed
            _node_ip_address="127.0.0.1",
        )
        serve.start(proxy_location="Disabled")
        deployment = serve.deployment(
            RayEngine,
            name="engine",
            num_replicas=settings.engines,
            max_ongoing_requests=1,
            ray_actor_options={"num_cpus": 0, "num_gpus": settings.gpus_per_engine},
        )
        handle = serve.run(deployment.bind(configuration), name="doppelganger", route_prefix=None)
        yield [RayBackend(handle, folder) for _ in range(settings.engines)]
    finally:
        with suppress(Exception):  # it is on its way out in any case
            serve.shutdown()
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
