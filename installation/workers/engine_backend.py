"""Where the engine's requests are carried out: `Backend`, and `ProcessBackend`, a process of this machine.

Others, such as `installation/workers/remote/backend.py`, send the same requests
(`engine/runtime/messages.py`) and hand on the same messages, whatever lies between.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from engine.runtime.channel import Channel, ReceivedMessage
from engine.runtime.messages import LocalRequest
from hardware.memory import forbid_core_dumps
from installation.settings.configuration import Configuration
from installation.workers.child_process import ChildProcess

if TYPE_CHECKING:  # what loads torch stays out of the stage's process
    from engine.runtime.worker import Models


class Backend(Protocol):
    """One engine at a time: started, sent requests, received from, stopped, and started anew.

    All of it is called on one thread, the client's.
    """

    def start(self, first_person: int, lock_step: bool) -> None:
        """Starts an engine; see `engine.runtime.worker.serve`. It answers with `Ready` or why it cannot."""

    def send(self, request: LocalRequest) -> None:
        """Raises OSError where the engine has ended."""

    def receive(self) -> ReceivedMessage:
        """Waits for a `WorkerMessage`. Raises EOFError where the engine has ended."""

    def fileno(self) -> int:
        """For `select`: readable when `receive` would not block."""

    def exit_reason(self) -> str:
        """Why the engine has ended, in one line."""

    def rest(self) -> None:
        """Called again and again while there is no visit: now it may change to a better engine."""

    def stop(self) -> None:
        """Ends the engine at once, whatever it works on; nothing where none was started."""


class ChannelBackend(ABC):
    """A backend that talks through a channel, whoever is at its other end."""

    def __init__(self) -> None:
        self._channel: Channel | None = None  # from `start` to `stop`

    @abstractmethod
    def start(self, first_person: int, lock_step: bool) -> None:
        """As in `Backend`; opens the channel."""

    @abstractmethod
    def exit_reason(self) -> str:
        """As in `Backend`."""

    @abstractmethod
    def stop(self) -> None:
        """As in `Backend`; closes the channel."""

    def send(self, request: LocalRequest) -> None:
        self._open.send(request)

    def receive(self) -> ReceivedMessage:
        return self._open.receive()

    def fileno(self) -> int:
        return self._open.fileno()

    def rest(self) -> None:  # noqa: B027
        """There is nothing better to change to."""

    @property
    def _open(self) -> Channel:
        assert self._channel is not None, "start comes first"
        return self._channel


class ChildBackend(ChannelBackend):
    """A backend whose requests go to a child process, which carries them out or passes them on."""

    def __init__(self) -> None:
        super().__init__()
        self._child: ChildProcess | None = None

    @abstractmethod
    def open(self, first_person: int, lock_step: bool) -> ChildProcess:
        """Starts the process."""

    @property
    def pid(self) -> int | None:
        """The process's number; None where none runs."""
        return None if self._child is None else self._child.pid

    def start(self, first_person: int, lock_step: bool) -> None:
        self._child = self.open(first_person, lock_step)
        self._channel = self._child.channel

    def exit_reason(self) -> str:
        assert self._child is not None, "start comes first"
        return self._child.exit_reason()

    def stop(self) -> None:
        if self._child is not None:
            self._child.close()
        self._child = self._channel = None


class ProcessBackend(ChildBackend):
    """The engine in a process of its own on this machine."""

    def __init__(self, prepare: Callable[[], "Models"]) -> None:
        """`prepare` loads the networks, in the process; it must be picklable, as `partial(load_models,
        ...)`."""
        super().__init__()
        self._prepare = prepare

    def open(self, first_person: int, lock_step: bool) -> ChildProcess:
        return ChildProcess("engine", _run_engine, self._prepare, first_person, lock_step)


def load_models(configuration: Configuration) -> "Models":
    """Loads the networks of a configuration for the stage; see `ModelBundle`."""
    from installation.workers.models import ModelBundle

    return ModelBundle(configuration, for_stage=True)


def _run_engine(
    channel: Channel, prepare: Callable[[], "Models"], first_person: int, lock_step: bool
) -> None:
    """What the process runs."""
    forbid_core_dumps()
    from engine.runtime.worker import run_process

    run_process(channel, prepare, first_person, lock_step)
