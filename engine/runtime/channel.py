"""The connection between two processes of this machine: engine, film worker and delivery all use it.

A message travels as one packet of a local socket, in one of two wire formats. Each direction of a channel has
its own format, chosen when the channel is made:

- `SharedMemory`, between processes that trust each other. The packet holds the sizes of the message's parts;
  the parts themselves (the pickled message and its arrays) lie in a memory that both processes map (Linux's
  `memfd`), so arrays are not copied on arrival. The memory has no name, so there is nothing to clean up
  however a process ends: it is gone with the last process that maps it. `erase` overwrites it for both.
- `Text`, from a process that strangers can reach. The packet holds the text itself, of bounded length, which
  is checked on arrival. Nothing is unpickled, and no memory of the sender's is mapped, because the sender
  could shrink it and so crash the reader.
"""

import mmap
import os
import pickle
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

ALIGNMENT_BYTES = 64
LONGEST_PACKET_BYTES = 65_536
LONGEST_PATH_BYTES = 107  # of a local socket's path (unix(7))
BACKLOG = 4


@dataclass(frozen=True, eq=False)
class ReceivedMessage:
    """A message as it has arrived. memory: where it lies with its arrays, which are read-only; None where it
    came as text."""

    message: Any
    memory: mmap.mmap | None = None

    def erase(self) -> None:
        """Overwrites the message with zeros: every array that lies in it, in both processes."""
        if self.memory is not None:
            erase(self.memory)


def erase(memory: mmap.mmap) -> None:
    """Overwrites a message's memory with zeros, in both processes."""
    np.frombuffer(memory, np.uint8)[:] = 0


class WireFormat(Protocol):
    """How the messages of one direction are written into packets and read from them."""

    def send(self, end: socket.socket, message: Any, flags: int) -> None:
        """Sends one packet; `flags` are those of send(2)."""

    def receive(self, end: socket.socket) -> ReceivedMessage:
        """Waits for one packet. Raises EOFError where the other end is closed."""


class SharedMemory:
    """Any message that can be pickled. Both processes must trust each other: unpickling can run code."""

    def send(self, end: socket.socket, message: Any, flags: int) -> None:
        buffers: list[pickle.PickleBuffer] = []
        parts: list[bytes | memoryview] = [pickle.dumps(message, protocol=5, buffer_callback=buffers.append)]
        parts += [buffer.raw() for buffer in buffers]
        sizes = np.array([len(part) for part in parts], np.int64)
        starts, length = _layout(sizes)
        handle = os.memfd_create("message")
        try:
            os.ftruncate(handle, length)
            with mmap.mmap(handle, length) as memory:
                for start, part in zip(starts, parts, strict=True):
                    memory[start : start + len(part)] = part
            socket.send_fds(end, [sizes.tobytes()], [handle], flags)
        finally:
            os.close(handle)

    def receive(self, end: socket.socket) -> ReceivedMessage:
        packet, handles, _, _ = socket.recv_fds(end, LONGEST_PACKET_BYTES, 1)
        if not packet:
            raise EOFError
        sizes = np.frombuffer(packet, np.int64)
        starts, length = _layout(sizes)
        try:
            memory = mmap.mmap(handles[0], length)
        finally:
            os.close(handles[0])
        view = memoryview(memory).toreadonly()
        parts = [view[start : start + size] for start, size in zip(starts, sizes.tolist(), strict=True)]
        return ReceivedMessage(pickle.loads(parts[0], buffers=parts[1:]), memory)


@dataclass(frozen=True)
class Text:
    """Messages as text of at most `longest_bytes`.

    decode: raises ValueError for anything that is no message; what it returns is all the receiver gets.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    longest_bytes: int

    def send(self, end: socket.socket, message: Any, flags: int) -> None:
        data = self.encode(message)
        if not 0 < len(data) <= self.longest_bytes:
            raise ValueError(f"a message of {len(data)} bytes; {self.longest_bytes} at most")
        end.send(data, flags)

    def receive(self, end: socket.socket) -> ReceivedMessage:
        """Raises ValueError for what is too long or no message. Files sent along are closed by the kernel."""
        data, _, flags, _ = end.recvmsg(self.longest_bytes)
        if not data:
            raise EOFError
        if flags & socket.MSG_TRUNC:
            raise ValueError(f"a message of more than {self.longest_bytes} bytes")
        return ReceivedMessage(self.decode(data))


SHARED_MEMORY = SharedMemory()


class Channel:
    """One end of a connection; messages arrive whole and in order. An end can be handed to a new process."""

    def __init__(
        self, end: socket.socket, sends: WireFormat = SHARED_MEMORY, receives: WireFormat = SHARED_MEMORY
    ) -> None:
        self._socket, self._sends, self._receives = end, sends, receives

    @classmethod
    def pair(cls) -> tuple["Channel", "Channel"]:
        """Two connected ends in shared memory, one of them for a process that is about to be started."""
        first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(first), cls(second)

    @classmethod
    def connect(cls, path: Path, sends: WireFormat, receives: WireFormat) -> "Channel":
        """Connects to the `Listener` at a path. Raises OSError where there is none."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            end.connect(str(path))
        except OSError:
            end.close()
            raise
        return cls(end, sends, receives)

    def fileno(self) -> int:
        """For `select` and its like: readable when `receive` would not block."""
        return self._socket.fileno()

    def waits(self, timeout_s: float | None = 0.0) -> bool:
        """Whether a message, or the end, comes within the time; None: for ever."""
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def send(self, message: object) -> None:
        """Waits until there is room for the message.

        Raises OSError where the other end is closed, and BlockingIOError, which is one, where there is no
        room within `limit_sending`.
        """
        self._sends.send(self._socket, message, 0)

    def send_now(self, message: object) -> None:
        """Sends without waiting. Raises BlockingIOError where there is no room for the message."""
        self._sends.send(self._socket, message, socket.MSG_DONTWAIT)

    def limit_sending(self, limit_s: float) -> None:
        """From now on `send` waits no longer than this."""
        timeval = struct.pack("ll", int(limit_s), int(limit_s % 1 * 1e6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)

    def receive(self) -> ReceivedMessage:
        """Waits for the next message. Raises EOFError where the other end is closed, and ValueError where a
        text is no message."""
        try:
            return self._receives.receive(self._socket)
        except ConnectionResetError:
            raise EOFError from None

    def peer_process_id(self) -> int:
        """The process that listens at the other end of `connect`; 0 where it lives in another container."""
        credentials = self._socket.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, 3 * np.dtype("i").itemsize
        )
        return int(np.frombuffer(credentials, np.dtype("i"))[0])

    def close(self) -> None:
        """Closes this end; the other one's `receive` says so."""
        self._socket.close()


class Listener:
    """A local socket at a path, for processes that do not start one another. Only its owner may connect.

    Raises OSError where the path cannot be used; what was there before is removed.
    """

    def __init__(self, path: Path, sends: WireFormat, receives: WireFormat) -> None:
        self._path, self._sends, self._receives = path, sends, receives
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(BACKLOG)

    def fileno(self) -> int:
        """For `select`: readable when `accept` would not block."""
        return self._socket.fileno()

    def accept(self) -> Channel:
        """Waits for the next connection. Raises OSError once the listener is closed."""
        end, _ = self._socket.accept()
        return Channel(end, self._sends, self._receives)

    def close(self) -> None:
        """Closes the socket and removes its path."""
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _layout(sizes: np.ndarray) -> tuple[list[int], int]:
    """Where parts of these sizes in bytes begin, one behind the other, and the length of it all."""
    room = -(-sizes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return (np.cumsum(room) - room).tolist(), int(room.sum())
