"""The setups of docs/network.md, tried for real: nginx with the very lines given there, and HTTPS."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from installation.delivery.links import new_token
from installation.delivery.messages import Forgotten, Offered, Unreachable
from installation.settings.delivery import Delivery as Network
from tests.conftest import REPO
from tests.support.browser_headers import BROWSERS, PROXIES, TRACKING, cookies
from tests.support.delivery_kit import FILM, Stage, ask, free_port, read_all, running, take_home, until
from tests.support.programs import require_programs


@contextmanager
def nginx(folder: Path, port: int, location: str) -> Iterator[None]:
    """nginx with one location of its own, in the foreground; it takes headers of 60 KiB itself."""
    require_programs("nginx")
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        "http { access_log off; server { large_client_header_buffers 4 60k; "
        f"listen 127.0.0.1:{port}; {location} }} }}\n"
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    server = subprocess.Popen(command)
    try:
        yield
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def behind_nginx(folder: Path, front: int, without: str = "") -> Iterator[Stage]:
    """A delivery behind nginx at the port `front`, as docs/network.md sets it up `without` one line."""
    text = (REPO / "docs" / "network.md").read_text("utf-8")
    location = re.findall(r"```nginx\n(.*?)```", text, re.S)[0]
    assert without in location
    url, behind = f"http://127.0.0.1:{front}/mirror", free_port()
    network = Network(host="127.0.0.1", port=behind, public_url=url, trusted_proxies=["127.0.0.1"])
    location = location.replace("8080", str(behind)).replace(without, "")
    with nginx(folder, front, location), running(folder / "sock", network) as stage:
        yield stage


def test_behind_a_proxy_with_a_path(tmp_path: Path) -> None:
    front = free_port()
    with behind_nginx(tmp_path, front) as stage:
        path = stage.offer(take_home(1))
        assert path.startswith("/mirror/D/")
        page = ask(front, path)
        assert page.status == 200 and page.headers["cache-control"] == "no-store"
        # Everything the page asks for is found, as a browser finds it from there.
        found = re.findall(r'(?:src|href|action|poster)="([^"]+)"', page.body.decode())
        assert len(found) > 8
        for each in found:
            target = f"/mirror/D/{each}" if not each.startswith("../") else f"/mirror/{each[3:]}"
            assert ask(front, target).status == (200 if not each.endswith("/forget") else 404), each
        assert ask(front, f"{path}/morph.mp4", headers={"Range": "bytes=5-9"}).body == FILM[5:10]
        # Through the proxy each phone counts by itself.
        most = stage.parameters.misses_per_minute
        miss = f"/mirror/D/{new_token()}"
        assert [ask(front, miss, address="127.0.21.1").status for _ in range(most + 1)][-1] == 429
        assert ask(front, miss, address="127.0.21.2").status == 404
        forgetting = ask(front, f"{path}/forget", "POST")
        assert forgetting.status == 303 and forgetting.headers["location"] == "../gone"
        stage.wait_for(Forgotten, 1)
        assert ask(front, "/mirror/D/gone").status == 200


@pytest.mark.parametrize("without", ["", "    error_log /dev/null;\n"], ids=["as told", "control"])
def test_a_proxy_logs_no_token_where_a_download_breaks_off(tmp_path: Path, without: str) -> None:
    front = free_port()
    with behind_nginx(tmp_path, front, without) as stage:
        path = stage.offer(take_home(1, film=bytes(20_000_000)))
        with socket.create_connection(("127.0.0.1", front), 20) as slow:
            slow.sendall(f"GET {path}/morph.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{front}\r\n\r\n".encode())
            slow.recv(1024)
            ask(front, f"{path}/forget", "POST")
            with suppress(ConnectionResetError):
                read_all(slow)
        log = tmp_path / "error.log"
        if without:  # the control; nginx writes it when it likes
            until(lambda: path in log.read_text() or None, "the token in nginx's log")
    assert (path in log.read_text()) is bool(without), log.read_text()


COOKIE_LINE = '    proxy_set_header Cookie "";\n'


@pytest.mark.parametrize("without", ["", COOKIE_LINE], ids=["as told", "control"])
def test_a_proxy_passes_on_what_phones_send_to_a_museum_except_its_cookies(
    tmp_path: Path, without: str
) -> None:
    front = free_port()
    with behind_nginx(tmp_path, front, without) as stage:
        path = stage.offer(take_home(1))
        for name, headers in BROWSERS.items():
            for cookie_bytes in (3000, 30_000):
                assert ask(front, path, headers=headers | {"Cookie": cookies(cookie_bytes)}).status == 200, (
                    name
                )
            # More than the delivery takes: what comes back shows whether the proxy has passed it on.
            many = headers | {"Cookie": cookies(50_000)}
            assert ask(front, path, headers=many).status == (400 if without else 200), name
        signed_in = PROXIES["oauth2-proxy"] | PROXIES["Azure"] | PROXIES["client certificates"]
        assert ask(front, f"{path}?{TRACKING}", headers=signed_in).status == 200


def test_an_address_that_is_not_trusted_cannot_name_another(tmp_path: Path) -> None:
    with running(tmp_path / "sock") as stage:
        path, port = stage.offer(take_home(1)), stage.network.port
        most = stage.parameters.misses_per_minute
        for number in range(most + 1):
            forged = {"X-Forwarded-For": f"10.0.0.{number}"}
            status = ask(port, f"/D/{new_token()}", headers=forged, address="127.0.23.1").status
        assert status == 429 and ask(port, path).status == 200


def test_only_the_address_that_the_proxy_adds_is_believed(tmp_path: Path) -> None:
    """In a line of its own, too, behind the one that a phone has made up."""
    network = Network(host="127.0.0.1", port=free_port(), trusted_proxies=["127.0.0.1"])
    with running(tmp_path / "sock", network) as stage:
        port, most = network.port, stage.parameters.misses_per_minute
        stage.offer(take_home(1))

        def misses(phone: str) -> list[int]:
            return [
                ask(
                    port,
                    f"/D/{new_token()}",
                    headers={"X-Forwarded-For": f"10.0.0.{n}", "x-forwarded-for": phone},
                ).status
                for n in range(most + 1)
            ]

        assert misses("10.1.0.1") == [404] * most + [429]
        assert misses("10.1.0.2") == [404] * most + [429]


def test_over_https_with_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = _certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # the kiosk trusts it, as it does real ones
    port = free_port()
    url = f"https://localhost:{port}"
    network = Network(host="127.0.0.1", port=port, public_url=url, certificate=certificate, key=key)
    with running(tmp_path / "sock", network) as stage:
        stage.visits.add(1)
        stage.delivery.offer(take_home(1))
        link = stage.wait_for(Offered, 1).url
        assert link.startswith(f"https://localhost:{port}/D/")
        trusting = ssl.create_default_context(cafile=str(certificate))
        host = {"Host": f"LOCALHOST:{port}"}
        assert ask(port, urlsplit(link).path, headers=host, tls=trusting).status == 200
        other, _ = _certificate(tmp_path, "other")
        strange = ssl.create_default_context(cafile=str(other))
        with pytest.raises(ssl.SSLCertVerificationError):  # the control: a phone that does not trust it
            ask(port, urlsplit(link).path, headers=host, tls=strange)


def test_a_certificate_that_phones_would_refuse_is_noticed(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "localhost")
    port = free_port()
    url = f"https://localhost:{port}"
    network = Network(host="127.0.0.1", port=port, public_url=url, certificate=certificate, key=key)
    with running(tmp_path / "sock", network) as stage:
        stage.visits.add(1)
        stage.delivery.offer(take_home(1))
        assert "Certificate" in stage.wait_for(Unreachable, 1).why
        until(lambda: "Certificate" in stage.delivery.health.message or None, "a warning to the curator")


def test_a_certificate_that_is_missing_is_noticed(tmp_path: Path) -> None:
    network = Network(
        host="127.0.0.1",
        port=free_port(),
        public_url="https://localhost",
        certificate=tmp_path / "none.pem",
        key=tmp_path / "none.pem",
    )
    with running(tmp_path / "sock", network) as stage:
        until(lambda: "No such file" in stage.delivery.health.message or None, "a warning to the curator")


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for `name` and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    require_programs("openssl")
    command = ["openssl", "req", "-x509", *kind, *subject, "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
