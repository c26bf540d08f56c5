"""The rendering server as a whole: engines, pool and door, from a configuration until it is told to end."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from engine.common.errors import DoppelgangerError
from installation.server.door import Door
from installation.server.pool import Pool
from installation.server.replica import Replica
from installation.settings.configuration import Configuration
from installation.workers.engine_backend import Backend, ProcessBackend, load_models
from installation.workers.remote.keys import read_keys
from installation.workers.supervision import Supervisor

log = logging.getLogger(__name__)


def serve(configuration: Configuration, opened: Callable[[Door], None] = lambda door: None) -> None:
    """Serves kiosks until SIGTERM or SIGINT. opened: called once it listens.

    Raises UsageError, WeightsError or MachineError, where what is configured cannot be used.
    """
    keys = read_keys(configuration.server.keys, "server.keys")
    with backends(configuration) as engines:
        asyncio.run(serve_with(configuration, keys, engines, opened))


@contextmanager
def backends(configuration: Configuration) -> Iterator[Sequence[Backend]]:
    """As many engines as configured; none is started yet."""
    count = configuration.server.engines
    if configuration.server.pool == "ray":
        from installation.server.ray_engines import ray_backends

        with ray_backends(configuration) as engines:
            yield engines
    else:
        yield [ProcessBackend(partial(load_models, configuration)) for _ in range(count)]


async def serve_with(
    configuration: Configuration,
    keys: dict[str, bytes],
    engines: Sequence[Backend],
    opened: Callable[[Door], None],
) -> None:
    """Serves kiosks with these engines until SIGTERM or SIGINT."""
    ended: asyncio.Future[DoppelgangerError | None] = asyncio.get_running_loop().create_future()

    def end(error: DoppelgangerError | None = None) -> None:
        if not ended.done():
            ended.set_result(error)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    pool = Pool(end)
    replicas = [
        Replica(f"engine {number}", engine, pool, configuration.privacy.recycle_after)
        for number, engine in enumerate(engines, start=1)
    ]
    door = Door(configuration.server, keys, pool)
    supervisor = Supervisor(*replicas)
    try:
        async with door:
            supervisor.start()
            opened(door)
            error = await ended
    finally:  # behind the closed door: no kiosk is told that its engine has failed
        await asyncio.to_thread(supervisor.stop)
    if error is not None:
        raise error
