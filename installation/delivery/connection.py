"""The stage's connection to the delivery process: which one it is, how it is started, how it is ended.

The process listens at a local socket in a folder that only its user can look into. It may have been started
by an earlier stage. A lock beside the socket says which stage it belongs to: it serves one at a time.
"""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.runtime.channel import LONGEST_PATH_BYTES, Channel
from installation.delivery.messages import COMMANDS, EVENTS
from installation.settings.paths import ROOT
from installation.workers.supervision import PermanentServiceError, ServiceError

POLL_S = 0.05
START_LIMIT_S = 20.0
# mallopt(3): what is larger than this goes back to the kernel, which clears it, as soon as it is freed.
# Forgotten pictures are then nowhere, not even in memory that nobody uses.
GIVE_MEMORY_BACK = {"MALLOC_MMAP_THRESHOLD_": "16384"}


class DeliveryConnection:
    """Belongs to one client. path: of the socket; the lock lies beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._channel: Channel | None = None
        self._lock: int | None = None
        self.process: subprocess.Popen[bytes] | None = None
        """The process, where this object has started it."""

    @property
    def channel(self) -> Channel:
        """To the process; there from `open` to `close`."""
        assert self._channel is not None, "open comes first"
        return self._channel

    def open(self, wait: Callable[[float], bool], send_limit_s: float) -> None:
        """Connects to the process that is there, or starts one.

        wait: sleeps for so many seconds, and says whether to give up. send_limit_s: how long `channel.send`
        waits for a process that takes nothing. Raises ServiceError where it does not start or belongs to
        another stage, PermanentServiceError where the socket's path cannot be used.
        """
        if len(os.fsencode(self._path)) > LONGEST_PATH_BYTES:
            shorter = "Set XDG_RUNTIME_DIR to a folder with a shorter path."
            raise PermanentServiceError(f"{self._path} is too long for a socket.", shorter)
        _make_private(self._path.parent)
        self._claim()
        self._channel = self._connect() or self._start(wait)
        self._channel.limit_sending(send_limit_s)

    def close(self) -> None:
        """Closes the channel. The process goes on until its last link ends, and stays this stage's."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def release(self) -> None:
        """Lets another stage have the process."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def kill(self) -> None:
        """Ends the process at once, whoever has started it."""
        process_id = self.channel.peer_process_id()
        if process_id > 0:  # else it lives in another container
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)

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

    def _connect(self) -> Channel | None:
        try:
            return Channel.connect(self._path, sends=COMMANDS, receives=EVENTS)
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def _start(self, wait: Callable[[float], bool]) -> Channel:
        if self.process is not None:
            self.process.poll()  # Reaps the one before.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "installation.delivery.process", str(self._path)],
            cwd=ROOT,
            # It outlives the stage, and must not keep a pipe open that the stage's words go to.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | GIVE_MEMORY_BACK,
            # It is no child of the stage's terminal or session: it may stay when the stage goes.
            start_new_session=True,
        )
        give_up_s = time.monotonic() + START_LIMIT_S
        while not wait(POLL_S):
            channel = self._connect()
            if channel is not None:
                return channel
            if self.process.poll() is not None:
                by_hand = f"python -m installation.delivery.process {self._path}"
                raise ServiceError(
                    f"Its process ended at once, with exit code {self.process.returncode}.",
                    f"It says why by hand: {by_hand}",
                )
            if time.monotonic() > give_up_s:
                self.process.kill()
                raise ServiceError(f"Its process did not start within {START_LIMIT_S:.0f} s.")
        raise ServiceError("It was stopped while it started.")


def default_path(port: int) -> Path:
    """The local socket of the delivery that serves `port`."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(runtime) / f"doppelganger-{os.getuid()}" / f"delivery-{port}.sock"


def _make_private(folder: Path) -> None:
    """A folder that nobody else can look into. Raises PermanentServiceError where somebody else has made
    it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat(follow_symlinks=False)
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermanentServiceError(f"{folder} is open to others.", f"Remove it, or run: chmod 700 {folder}")
