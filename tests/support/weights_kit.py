"""A web server on this machine and a manifest of small files, for tests of the weights."""

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from installation.settings.manifest import Manifest

CONTENT = bytes(range(256)) * 4096  # 1 MiB


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; breaks off after `break_after` bytes of a body; notes the Range of every request.

    For `excuses` it answers with a page, whatever is asked, as a network does that wants people to log in.
    """

    files: dict[str, bytes]
    excuses: frozenset[str] = frozenset()
    break_after: int | None = None
    ranges_known = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.requested: list[str | None] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.server.requested.append(wanted)
        if self.path.removeprefix("/") in self.server.excuses:
            self.send_response(200)
            self.send_header("Content-Length", "13")
            self.end_headers()
            self.wfile.write(b"please log in")
            return
        content = self.server.files.get(self.path.removeprefix("/"))
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        if not self.server.ranges_known:
            start = 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.break_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


def write_manifest(folder: Path, entries: str) -> Manifest:
    path = folder / "manifest.toml"
    licence = '[licences.free]\nname = "Free licence"\nsummary = "Do."\nurl = "http://127.0.0.1/licence"\n'
    path.write_text(licence + entries)
    return Manifest.load(path)


def entry(urls: list[str], digest: str = sha256(CONTENT), size: int | None = len(CONTENT)) -> str:
    size_line = "" if size is None else f"size_bytes = {size}"
    return f"""
[[weights]]
name = "network"
file = "network.pkl"
urls = {urls}
sha256 = "{digest}"
{size_line}
licence = "free"
purpose = "a test"
"""
