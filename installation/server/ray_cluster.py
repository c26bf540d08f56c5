"""Ray and its replicas, in a network of their own: the program that `ray_engines.py` starts.

    python -m installation.server.ray_cluster DESCRIPTOR

DESCRIPTOR is of a local socket. The first message there is a `Setup`, answered with `Ready` or `Failed`; then
each `Attend` has a replica connect to a local socket. It ends with the other end of the socket, or with Ray.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from engine.common.errors import exception_summary
from engine.runtime.channel import SHARED_MEMORY, Channel
from engine.runtime.messages import Failed, Ready
from hardware.memory import forbid_core_dumps
from installation.server.own_network import raise_loopback
from installation.settings.configuration import Configuration

OBJECT_STORE_BYTES = 80 * 2**20  # the least that Ray takes; nothing large gets into it
LOOK_S = 1.0  # so often it is looked whether Ray's own processes live
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # engines that reserve no GPU may use it all the same
}


@dataclass(frozen=True)
class Setup:
    """folder: for Ray's files."""

    configuration: Configuration
    folder: Path


@dataclass(frozen=True)
class Attend:
    """An engine is to serve whoever listens at this path; see `engine.runtime.worker.serve`."""

    path: Path
    first_person: int
    lock_step: bool


class RayEngine:
    """What runs in a replica: an engine for whoever listens at a local socket, one at a time."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    async def attend(self, request: Attend) -> None:
        """Connects, loads the networks, and carries out requests until the other end is closed."""
        await asyncio.to_thread(self._attend, request)

    def _attend(self, request: Attend) -> None:
        from engine.runtime.worker import be_quiet, serve
        from installation.workers.engine_backend import load_models

        forbid_core_dumps()
        be_quiet()
        channel = Channel.connect(request.path, SHARED_MEMORY, SHARED_MEMORY)
        try:
            serve(channel, partial(load_models, self._configuration), request.first_person, request.lock_step)
        finally:
            channel.close()


@contextmanager
def replicas(setup: Setup) -> Iterator[Any]:
    """Starts Ray and as many replicas as configured, and ends both. Yields Ray Serve's handle of them."""
    import ray
    from ray import serve

    settings = setup.configuration.server
    try:
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(setup.folder / "r"),  # which Ray opens to everybody; the folder about it is closed
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
        yield serve.run(deployment.bind(setup.configuration), name="doppelganger", route_prefix=None)
    finally:
        with suppress(Exception):  # it is on its way out in any case
            serve.shutdown()
        ray.shutdown()


def run(channel: Channel) -> None:
    """The whole life of the program."""
    setup = channel.receive().message
    os.environ.update(ENVIRONMENT | {"RAY_AUTH_TOKEN": secrets.token_hex(32)})
    try:
        with replicas(setup) as handle:
            channel.send(Ready())
            rays_own = psutil.Process().children()
            while not any(map(_has_ended, rays_own)):
                if channel.waits(LOOK_S):
                    handle.attend.remote(channel.receive().message)
            os._exit(1)  # Ray would wait for what has died
    except EOFError:
        return
    except Exception as error:
        channel.send(Failed(exception_summary(error)))


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def main() -> None:
    """What `python -m` runs."""
    forbid_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+C is for the door
    raise_loopback()
    run(Channel(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    # By its name: Ray and pickled messages name the classes of this module.
    from installation.server import ray_cluster

    ray_cluster.main()
