"""Stage and delivery process: what becomes of links when either of them is restarted or hangs."""

import asyncio
import gc
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import psutil
import pytest

from installation.delivery import process
from installation.delivery.client import DeliveryClient
from installation.delivery.files import TakeHomeFiles, encode_files
from installation.delivery.messages import Ended, Lost, Offer, Offered, Revoke, SetParameters, Unreachable
from installation.settings.delivery import Delivery as Network
from installation.visit.parameters import DeliveryParameters
from installation.workers.supervision import Condition
from tests.support.delivery_kit import Stage, ask, free_port, running, take_home, until


def test_links_outlive_the_stage_and_the_next_stage_finds_them(tmp_path: Path) -> None:
    network = Network(host="127.0.0.1", port=free_port())
    first = Stage(tmp_path / "sock", network)
    first.delivery.start()
    path = first.offer(take_home(1))
    process = first.delivery._connection.process
    assert process is not None
    first.delivery.stop()
    assert ask(network.port, path).status == 200
    with running(tmp_path / "sock", network) as second:
        newer = second.offer(take_home(2))
        assert ask(network.port, path).status == ask(network.port, newer).status == 200
        second.delivery.revoke(1)  # by its number, whoever offered it
        until(lambda: ask(network.port, path).status == 404 or None, "the first link's end")
        assert second.delivery._connection.process is None
    # With neither stage nor link it ends by itself.
    process.wait(10)
    assert process.returncode == 0


def test_a_stage_that_is_killed_leaves_links_alive(tmp_path: Path) -> None:
    """The real thing: a stage in a process of its own that vanishes without a word."""
    network = Network(host="127.0.0.1", port=free_port())
    script = f"""
import sys, time
from pathlib import Path
from tests.support.delivery_kit import Stage, take_home
from installation.settings.delivery import Delivery as Network
stage = Stage(Path({str(tmp_path / "sock")!r}), Network(host="127.0.0.1", port={network.port}))
stage.delivery.start()
print(stage.offer(take_home(7)), flush=True)
time.sleep(60)
"""
    stage = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert stage.stdout is not None
    path = stage.stdout.readline().strip()
    stage.kill()
    stage.wait()
    assert ask(network.port, path).status == 200
    with running(tmp_path / "sock", network) as second:
        second.offer(take_home(8))
        second.visits.add(7)
        assert ask(network.port, path).status == 200


def test_a_second_stage_waits_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a rehearsal beside the exhibition: the links of the first stage's visitors live on."""
    monkeypatch.setattr("installation.delivery.client.SILENCE_LIMIT_S", 3)
    with running(tmp_path / "sock") as first:
        path = first.offer(take_home(1))
        second = Stage(tmp_path / "sock", first.network)
        second.delivery.start()
        until(lambda: second.delivery.health.condition is Condition.WAITING or None, "being told")
        assert "Another kiosk" in second.delivery.health.message
        time.sleep(4)
        process = first.delivery._connection.process
        assert process is not None and process.poll() is None
        assert first.delivery.health.condition is Condition.OK
        assert ask(first.network.port, path).status == 200
        first.delivery.stop()
        # When the first has ended, it is the second's.
        newer = second.offer(take_home(2))
        assert ask(first.network.port, path).status == ask(first.network.port, newer).status == 200
        for visit_id in (1, 2):
            second.delivery.revoke(visit_id)
        until(lambda: not second.delivery._outbox or None, "the last commands' way")
        first.visits.clear()
        second.delivery.stop()


def test_the_stage_outlives_the_process_and_shows_no_dead_link(tmp_path: Path) -> None:
    with running(tmp_path / "sock") as stage:
        path = stage.offer(take_home(1))
        process = stage.delivery._connection.process
        assert process is not None
        process.kill()
        stage.wait_for(Lost, 1)
        newer = stage.offer(take_home(1))  # what the stage does while the visit goes on
        assert ask(stage.network.port, path).status == 404
        assert ask(stage.network.port, newer).status == 200
        assert stage.delivery._connection.process is not process


def test_a_process_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installation.delivery.client.SILENCE_LIMIT_S", 5)
    with running(tmp_path / "sock") as stage:
        stage.offer(take_home(1))
        process = stage.delivery._connection.process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        stage.wait_for(Lost, 1)
        stage.offer(take_home(2))
        assert not psutil.pid_exists(process.pid) or process.poll() is not None


def test_another_network_ends_the_links_of_the_one_before(tmp_path: Path) -> None:
    before = Stage(tmp_path / "sock", Network(host="127.0.0.1", port=free_port()))
    before.delivery.start()
    path = before.offer(take_home(1))
    before.delivery.stop()
    with running(tmp_path / "sock") as stage:
        stage.offer(take_home(2))
        assert stage.wait_for(Ended, 1).why == "expired"
        with pytest.raises(OSError):
            ask(before.network.port, path)


def test_a_port_that_is_taken_is_told_and_tried_again(tmp_path: Path) -> None:
    network = Network(host="127.0.0.1", port=free_port())
    address = ("127.0.0.1", network.port)
    with socket.create_server(address) as taken, running(tmp_path / "sock", network) as stage:
        stage.delivery.offer(take_home(1))
        stage.visits.add(1)
        assert "in use" in stage.wait_for(Unreachable, 1).why
        until(lambda: "in use" in stage.delivery.health.message or None, "a warning to the curator")
        assert stage.delivery.health.condition is Condition.WAITING
        assert "network.md" in stage.delivery.health.advice
        taken.close()
        assert stage.wait_for(Offered, 1).url.startswith(f"http://127.0.0.1:{network.port}/D/")
        until(lambda: stage.delivery.health.condition == Condition.OK or None, "health")


def test_an_address_that_leads_elsewhere_is_never_shown(tmp_path: Path) -> None:
    """The self-test: behind this public URL is another server, which answers to everything."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"welcome to the gallery's Wi-Fi")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        network = Network(host="127.0.0.1", port=free_port(), public_url=url)
        with running(tmp_path / "sock", network) as stage:
            stage.delivery.offer(take_home(1))
            stage.visits.add(1)
            assert "another server" in stage.wait_for(Unreachable, 1).why
            assert not any(isinstance(news, Offered) for news in stage.news)
        other.shutdown()


def test_an_attempt_that_fails_holds_no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: str) -> str:
        raise RuntimeError

    async def attempt() -> weakref.ref[TakeHomeFiles]:
        monkeypatch.setattr(process, "why_unreachable", fail)
        serving, package = process.DeliveryProcess(), encode_files(take_home())
        serving._address = "127.0.0.1"
        await serving.execute(Offer(take_home(), 600, 1), package)
        for _ in range(5):
            await asyncio.sleep(0)
        await serving.execute(Revoke(1), None)
        assert serving._attempts == {}
        return weakref.ref(package)

    held = asyncio.run(attempt())
    gc.collect()
    assert held() is None


def test_parameters_that_glide_do_not_pile_up_before_a_process_that_is_not_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "sock", Network(host="127.0.0.1", port=free_port()))
    stage.delivery.offer(take_home(1))
    for life_s in range(600, 700):
        stage.set(life_s=float(life_s))
        stage.delivery.poll()
    offered, tuned = [command for _, command in stage.delivery._outbox]
    assert isinstance(offered, Offer) and tuned == SetParameters(stage.parameters)


def test_a_socket_that_others_could_open_is_refused_and_pictures_do_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installation.delivery.client.OFFER_LIMIT_S", 3.0)
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    delivery = DeliveryClient(
        Network(host="127.0.0.1", port=free_port()), DeliveryParameters, folder / "sock"
    )
    delivery.start()
    until(lambda: delivery.health.condition is Condition.FAILED or None, "the refusal")
    assert "open to others" in delivery.health.message and "chmod 700" in delivery.health.advice
    delivery.offer(take_home(1))
    assert delivery.poll() == []
    assert until(lambda: delivery.poll() or None, "the picture's end") == [Lost(visit_id=1)]
    assert not delivery._outbox
    delivery.stop()


def test_a_folder_whose_path_is_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    delivery = DeliveryClient(
        Network(host="127.0.0.1", port=free_port()), DeliveryParameters, folder / "sock"
    )
    delivery.start()
    until(lambda: delivery.health.condition is Condition.FAILED or None, "the refusal")
    assert str(folder) in delivery.health.message and "XDG_RUNTIME_DIR" in delivery.health.advice
    delivery.stop()
