"""The connection between processes: what arrives, what ends it, what is erased, what a stranger can do."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.runtime.channel import SHARED_MEMORY, Channel, Listener, Text


@dataclass(frozen=True, eq=False)
class Pictures:
    """A message with arrays."""

    name: str
    pictures: tuple[np.ndarray, ...]


WORDS = Text(str.encode, bytes.decode, 20)


@contextlib.contextmanager
def connected(path: Path) -> Iterator[tuple[Channel, Channel]]:
    """A client that sends shared memory, and its server, which answers in words."""
    with Listener(path, sends=WORDS, receives=SHARED_MEMORY) as listener:
        client = Channel.connect(path, sends=SHARED_MEMORY, receives=WORDS)
        server = listener.accept()
        with contextlib.closing(client), contextlib.closing(server):
            yield client, server


def test_arrays_arrive_whole_and_in_order_and_share_their_memory() -> None:
    one, other = Channel.pair()
    sent = [
        Pictures(str(n), (np.full((50, 40, 3), n, np.uint8), np.arange(n, dtype=float))) for n in range(3)
    ]
    for message in sent:
        one.send(message)
    for message in sent:
        received = other.receive()
        assert received.message.name == message.name
        for ours, theirs in zip(message.pictures, received.message.pictures, strict=True):
            assert np.array_equal(ours, theirs) and not theirs.flags.writeable
        received.erase()
        assert not any(picture.any() for picture in received.message.pictures)
    assert not other.waits()


def test_the_end_of_one_side_is_told_to_the_other() -> None:
    one, other = Channel.pair()
    one.send("last")
    one.close()
    assert other.receive().message == "last"
    with pytest.raises(EOFError):
        other.receive()
    with pytest.raises(BrokenPipeError):
        other.send("anybody?")


def test_each_direction_has_its_own_format(tmp_path: Path) -> None:
    with connected(tmp_path / "sock") as (client, server):
        client.send(Pictures("a", (np.ones(5),)))
        assert server.receive().message.pictures[0].sum() == 5
        server.send("short words")
        received = client.receive()
        assert received.message == "short words" and received.memory is None
        received.erase()  # nothing to erase: no error
        assert client.peer_process_id() == os.getpid()


def test_only_its_owner_may_connect_and_a_closed_listener_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    path.write_text("left by an earlier process")
    with Listener(path, WORDS, WORDS):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        Channel.connect(path, WORDS, WORDS)


def test_a_sender_of_text_can_send_neither_objects_nor_memory_nor_too_much(tmp_path: Path) -> None:
    """It may have been taken over by a stranger, and then keeps to no rule of ours."""
    with connected(tmp_path / "sock") as (client, server):
        with pytest.raises(ValueError, match="20 at most"):
            server.send("x" * 21)
        files = len(os.listdir("/proc/self/fd"))
        stranger = Channel(server._socket)  # speaks SHARED_MEMORY
        stranger.send(Pictures("b", (np.ones(5),)))
        with contextlib.suppress(ValueError):
            assert isinstance(client.receive().message, str)  # the sizes of the parts, as text
        server._socket.send(b"x" * 21)
        with pytest.raises(ValueError, match="more than 20 bytes"):
            client.receive()
        server._socket.send(b"\xff")
        with pytest.raises(ValueError):
            client.receive()
        handle = os.memfd_create("trap")
        socket.send_fds(server._socket, [b"fine"], [handle, handle])
        os.close(handle)
        assert client.receive().message == "fine"
        assert len(os.listdir("/proc/self/fd")) == files


def test_nobody_waits_for_a_side_that_takes_nothing(tmp_path: Path) -> None:
    with connected(tmp_path / "sock") as (client, server):
        with pytest.raises(BlockingIOError):
            for _ in range(100_000):
                server.send_now("words")
        client.limit_sending(0.2)
        with pytest.raises(BlockingIOError):
            for _ in range(100_000):
                client.send("words")


def test_a_listener_accepts_until_it_is_closed(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "sock", WORDS, WORDS)
    accepted: list[Channel] = []
    thread = threading.Thread(target=lambda: accepted.append(listener.accept()), daemon=True)
    thread.start()
    client = Channel.connect(tmp_path / "sock", WORDS, WORDS)
    thread.join(30)
    assert not thread.is_alive()
    accepted[0].send("hello")
    assert client.receive().message == "hello"
    listener.close()
    with pytest.raises(OSError):
        listener.accept()
