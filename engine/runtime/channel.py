"""Messages between two processes, whose arrays travel in shared memory and are not copied on arrival.

Every message has a memory of its own that both processes map (Linux's `memfd`). It has no name, so there is
nothing to clean up however a process ends: it is gone with the last one that maps it. Within a process it
lives as long as an array that lies in it, and `erase` overwrites it for both.
"""

import mmap
import os
import pickle
import select
import socket
from dataclasses import dataclass
from typing import Any

import numpy as np

ALIGNMENT_BYTES = 64
LONGEST_PACKET_BYTES = 65_536


@dataclass(frozen=True, eq=False)
class ReceivedMessage:
    """A message as it has arrived; it lies in `memory`, with its arrays, which are read-only."""

    message: Any
    memory: mmap.mmap


def erase(memory: mmap.mmap) -> None:
    """Overwrites a message with zeros: every array that lies in it, in both processes."""
    np.frombuffer(memory, np.uint8)[:] = 0


class Channel:
    """One end of a connection; the two are made by `Channel.pair`. An end can be handed to a new process.

    Messages are whatever can be pickled: for two processes of one program, nobody else.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple["Channel", "Channel"]:
        """Two connected ends. What one sends, the other receives, in order and whole."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    def fileno(self) -> int:
        """For `select` and its like: readable when `receive` would not block."""
        return self._socket.fileno()

    def waits(self, timeout_s: float | None = 0.0) -> bool:
        """Whether a message, or the end, comes within the time; None: for ever."""
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def send(self, message: object) -> None:
        """Raises OSError where the other end is closed."""
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
            socket.send_fds(self._socket, [sizes.tobytes()], [handle])
        finally:
            os.close(handle)

    def receive(self) -> ReceivedMessage:
        """Waits for the next message. Raises EOFError where the other end is closed."""
        try:
            packet, handles, _, _ = socket.recv_fds(self._socket, LONGEST_PACKET_BYTES, 1)
        except ConnectionResetError:
            packet = b""
        if not packet:
            raise EOFError
        sizes = np.frombuffer(packet, np.int64)
        starts, length = _layout(sizes)
        try:
            memory = mmap.mmap(handles[0], length)
        finally:
            os.close(handles[0])
        seen = memoryview(memory).toreadonly()
        parts = [seen[start : start + size] for start, size in zip(starts, sizes.tolist(), strict=True)]
        return ReceivedMessage(pickle.loads(parts[0], buffers=parts[1:]), memory)

    def close(self) -> None:
        """Closes this end; the other one's `receive` says so."""
        self._socket.close()


def _layout(sizes: np.ndarray) -> tuple[list[int], int]:
    """Where parts of these sizes lie, one behind the other, and the length of it all."""
    room = -(-sizes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return (np.cumsum(room) - room).tolist(), int(room.sum())
