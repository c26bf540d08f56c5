"""A web server for weights and a manifest that names it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.settings.manifest import Manifest
from tests.support.weights_kit import CONTENT, Server, entry, write_manifest


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server on this machine, without files."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def manifest(tmp_path: Path, server: Server) -> Manifest:
    """A manifest with one file, `network`, that the server has."""
    server.files["network.pkl"] = CONTENT
    return write_manifest(tmp_path, entry([server.url("network.pkl")]))
