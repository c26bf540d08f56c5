"""OSC clients that were not written here: osc.js from npm, and liblo's oscsend and oscdump."""

import contextlib
import fcntl
import json
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.programs import require_programs

TESTS = Path(__file__).parent


def chromium() -> str:
    """The path of the browser."""
    require_programs("chromium")
    return str(shutil.which("chromium"))


def node_modules() -> Path:
    """The npm packages that package-lock.json pins, installed on first use by one test process at a time."""
    require_programs("npm", "node")
    folder = TESTS / "node_modules"
    with (TESTS / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)
        if not (folder / ".package-lock.json").exists():
            command = ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=TESTS, check=True, capture_output=True, timeout=300)
    return folder


class OscJs:
    """osc.js, sending and receiving on one socket, connection or WebSocket."""

    def __init__(self, process: "subprocess.Popen[str]", over_websocket: bool = False) -> None:
        self._process = process
        self._over_websocket = over_websocket
        self._lines: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def send(self, address: str, *arguments: tuple[str, object]) -> None:
        """Sends a message; each argument is (type tag, value)."""
        self._write({"address": address, "args": _arguments(arguments)})

    def send_bundle(self, at_s: float | None, *messages: tuple[Any, ...]) -> None:
        """Sends a bundle of (address, *arguments) for that time of Unix time, or for at once."""
        packets = [{"address": each[0], "args": _arguments(each[1:])} for each in messages]
        raw = [0, 1] if at_s is None else [int(at_s) + 2_208_988_800, int(at_s % 1 * 2**32)]
        self._write({"timeTag": {"raw": raw}, "packets": packets})

    def send_text(self, text: str) -> None:
        """Sends a text over the WebSocket."""
        self._write_line({"text": text})

    def receive_text(self) -> str:
        """The next text from the WebSocket; OSC is dropped."""
        while True:
            message = self._lines.get(timeout=10)
            if "text" in message:
                return str(message["text"])

    def _write(self, packet: object) -> None:
        self._write_line({"packet": packet} if self._over_websocket else packet)

    def _write_line(self, line: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def receive(self, *addresses: str, within_s: float = 10.0) -> tuple[str, tuple[Any, ...]]:
        """The next message with one of these addresses (any, if none are given); others are dropped."""
        while True:
            message = self._lines.get(timeout=within_s)
            if not addresses or message.get("address") in addresses:
                return message["address"], tuple(each.get("value") for each in message["args"])

    def ask(self, address: str, *arguments: tuple[str, object]) -> tuple[Any, ...]:
        """Sends a message, and returns the next one from that address, or what was wrong with it."""
        self.send(address, *arguments)
        return self.receive(address, "/error")[1]

    def silent(self, wait_s: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            self._lines.get(timeout=wait_s)
        except queue.Empty:
            return True
        return False


def _arguments(given: tuple[tuple[str, object], ...]) -> list[dict[str, object]]:
    return [{"type": tag, "value": value} for tag, value in given]


@contextlib.contextmanager
def osc_js(port: int, transport: str = "udp") -> Iterator[OscJs]:
    """osc.js, connected."""
    with _node("osc_client.js", transport, "127.0.0.1", str(port)) as process:
        client = OscJs(process)
        assert client._lines.get(timeout=30) == {"ready": True}
        yield client


@contextlib.contextmanager
def websocket(port: int, origin: str = "") -> Iterator[OscJs]:
    """The npm package ws, connected. Raises ConnectionRefusedError where it is turned away."""
    words = (origin,) if origin else ()
    with _node("websocket_client.js", f"ws://127.0.0.1:{port}/", *words) as process:
        client = OscJs(process, over_websocket=True)
        first = client._lines.get(timeout=30)
        if "error" in first:
            raise ConnectionRefusedError(first["error"])
        yield client


def oscquery(*words: str) -> dict[str, Any]:
    """What the npm package oscquery finds."""
    with _node("oscquery_client.js", *words) as process:
        return dict(json.loads(process.communicate(timeout=60)[0]))


@contextlib.contextmanager
def _node(script: str, *words: str) -> Iterator["subprocess.Popen[str]"]:
    node_modules()
    command = ["node", str(TESTS / script), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def oscsend(port: int, address: str, *arguments: str, transport: str = "udp") -> None:
    """liblo's oscsend: types, then values."""
    require_programs("oscsend")
    url = f"osc.{transport}://127.0.0.1:{port}"
    subprocess.run(["oscsend", url, address, *arguments], check=True, timeout=20)


class OscDump:
    """liblo's oscdump on a port of its own; `lines` are address, types and values."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.port = port
        self.lines: list[str] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A line begins with the time tag.
            self.lines.append(line.split(maxsplit=1)[1].strip() if " " in line else line)

    def told(self, start: str) -> list[str]:
        """The lines that begin so."""
        return [line for line in list(self.lines) if line.startswith(start)]


def _is_bound(port: int) -> bool:
    """Whether a UDP socket of this machine has that port."""
    tables = (Path(f"/proc/net/{name}").read_text() for name in ("udp", "udp6"))
    return any(f":{port:04X} " in table for table in tables)


@contextlib.contextmanager
def oscdump() -> Iterator[OscDump]:
    """oscdump, listening."""
    require_programs("oscsend")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        while not _is_bound(port):
            assert process.poll() is None, "oscdump has ended"
            time.sleep(0.01)
        yield OscDump(process, port)
    finally:
        process.kill()
        process.communicate()
