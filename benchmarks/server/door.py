"""The rendering server with small engines: `python -m benchmarks.server.door FOLDER`.

FOLDER has `certificate.pem`, `key.pem` and `keys`, as `Site` makes them. Prints its port. `--bare`: nothing
of what waits for a kiosk is dropped, and no kiosk is given up; the control of the measurement of memory.
`--plain`: without TLS, at 127.0.0.1. `--trace`: prints every error that is the door's own.
"""

import argparse
import asyncio
import logging
import math
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from aiohttp.http_exceptions import HttpProcessingError

from benchmarks.server.engine import SmallEngine, Work
from hardware.memory import forbid_core_dumps, overwrite_freed_memory
from installation.server import door, outbox
from installation.server.door import Door
from installation.server.serving import serve_with
from installation.settings.configuration import load
from installation.settings.server import EngineSettings, ServerSettings
from installation.workers.remote import transfer
from installation.workers.remote.backend import address_of
from installation.workers.remote.keys import read_keys
from installation.workers.remote.link import Address, connection_fault
from tests.support.server_kit import NAMES, make_certificate


class Site:
    """A folder with certificate and keys for 16 kiosks, and the door that runs there. port: of the door."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options, self.port = folder, options, 0
        make_certificate(folder)
        for number, name in enumerate(NAMES):
            line = f"{name} {bytes([number]).hex() * 32}\n"
            (folder / name).write_text(line)
            (folder / name).chmod(0o600)
        keys = folder / "keys"
        keys.write_text("".join((folder / name).read_text() for name in NAMES))
        keys.chmod(0o600)
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The door's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        is_plain = "--plain" in self._options
        return f"ws://127.0.0.1:{self.port}" if is_plain else f"wss://localhost:{self.port}"

    def settings(self, name: str) -> EngineSettings:
        """What this kiosk's configuration says."""
        return EngineSettings(
            server=self.url, keys=self.folder / name, certificate=self.folder / "certificate.pem"
        )

    def address(self, name: str) -> Address:
        """The same, as its link is told."""
        return address_of(self.settings(name))

    def start(self) -> None:
        """Starts the door, at the same port as before, and waits until an engine is ready."""
        command = [sys.executable, "-m", "benchmarks.server.door", str(self.folder), "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        while connection_fault(self.address(NAMES[-1])):
            time.sleep(0.2)

    def kill(self) -> None:
        """Ends the door at once, as the kernel does when memory is short."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends it as SIGTERM does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> "Site":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def as_options(work: Work) -> list[str]:
    """For the command line."""
    return [f"--{field.name}={getattr(work, field.name)}" for field in fields(Work)]


def _bare() -> None:
    """Takes the bounds away."""
    for module, name, value in (
        (outbox, "NEWEST_ONLY", ()),
        (outbox, "MOST_MESSAGES", 2**60),
        (outbox.Outboxes, "limit", lambda self: None),
        (transfer, "STALL_S", math.inf),
        (door, "HEARTBEAT_S", None),
    ):
        setattr(module, name, value)


def _trace() -> None:
    """Has errors of the door itself printed; what strangers send is none."""
    http = logging.getLogger("installation.server.door.http")
    http.disabled = False
    http.addFilter(_is_the_doors_own)


def _is_the_doors_own(record: logging.LogRecord) -> bool:
    return record.exc_info is not None and not isinstance(record.exc_info[1], HttpProcessingError)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--engines", type=int, default=2)
    for option in ("--bare", "--plain", "--trace"):
        parser.add_argument(option, action="store_true")
    for field in fields(Work):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    chosen = parser.parse_args(arguments)
    forbid_core_dumps()
    overwrite_freed_memory()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    if chosen.bare:
        _bare()
    folder = chosen.folder
    server = ServerSettings(
        port=chosen.port,
        engines=chosen.engines,
        keys=folder / "keys",
        certificate=None if chosen.plain else folder / "certificate.pem",
        key=None if chosen.plain else folder / "key.pem",
    )
    configuration = load().model_copy(update={"server": server})
    work = Work(**{field.name: getattr(chosen, field.name) for field in fields(Work)})
    engines = [SmallEngine(work) for _ in range(chosen.engines)]
    keys = read_keys(server.keys, "keys")

    def opened(door: Door) -> None:
        if chosen.trace:
            _trace()
        print(door.port, flush=True)

    with suppress(KeyboardInterrupt):
        asyncio.run(serve_with(configuration, keys, engines, opened))


if __name__ == "__main__":
    main()
