"""Links, doors, addresses, codes and the card; and what becomes of links when either side is restarted."""

import asyncio
import gc
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from ipaddress import ip_network
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from pygame import Rect

from engine.common.arrays import Pixels
from installation.delivery import card, messages, process
from installation.delivery.address import accepted_hosts, base_url, choose, wifi_code
from installation.delivery.attempt_limit import MOST_ADDRESSES, AttemptLimit
from installation.delivery.client import DeliveryClient
from installation.delivery.files import CARD, DOPPELGANGER, OTHER, SAME, TakeHomeFiles, encode_files
from installation.delivery.links import MOST_LINKS, TOKEN_BITS, End, Links, new_token
from installation.delivery.messages import Ended, Lost, Offer, Offered, Revoke, SetParameters, Unreachable
from installation.delivery.page import render
from installation.delivery.pictures import TakeHomePictures
from installation.outputs import marks
from installation.settings.configuration import Delivery as Network
from installation.settings.configuration import WiFi
from installation.settings.phase import Phase
from installation.settings.texts import Texts, languages
from installation.stage import qr
from installation.stage.canvas import WHITE, Canvas, ItemKind
from installation.stage.typesetting import Colour
from installation.stage.view import Link
from installation.visit.parameters import DeliveryParameters
from installation.workers.connection_limit import ConnectionLimit
from installation.workers.supervision import Condition, ServiceError
from tests.support.delivery_kit import Stage, ask, free_port, picture, running, take_home, until
from tests.support.scene_views import BEGAN_S, play, registry

PACKAGE = encode_files(take_home())


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


# --- links ---


def test_tokens_are_128_random_bits_in_letters_that_codes_store_compactly() -> None:
    tokens = [new_token() for _ in range(10_000)]
    assert len(set(tokens)) == len(tokens) and TOKEN_BITS == 128
    assert all(len(token) == 26 and set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for token in tokens)
    # Every bit is drawn: at each place, all letters occur, but for the last, which holds three bits only.
    assert all(len({token[place] for token in tokens}) == 32 for place in range(25))
    assert len({token[25] for token in tokens}) == 8


def test_a_link_is_found_until_its_life_is_over() -> None:
    clock = Clock()
    links = Links(clock)
    link, _ = links.add(1, PACKAGE, 600, 3)
    assert links.find(link.token) is links.find(link.token.lower()) is link
    clock.now_s += 599.9
    assert links.find(link.token) is link and links.expire() == []
    clock.now_s += 0.2
    assert links.find(link.token) is None  # at once, not when somebody has tidied up
    assert links.expire() == [link] and link.end is End.EXPIRED and len(links) == 0


def test_the_last_save_ends_a_link() -> None:
    links = Links()
    link, _ = links.add(1, PACKAGE, 600, 2)
    cut: list[str] = []
    link.cuts.add(lambda: cut.append("the last save"))
    links.count_save(link)
    assert links.find(link.token) is link
    links.count_save(link)
    assert links.find(link.token) is None and link.end is End.SPENT and not cut


def test_a_visit_has_one_link_and_all_visits_a_bounded_number() -> None:
    links = Links()
    first, _ = links.add(0, PACKAGE, 600, 1)
    cut: list[str] = []
    first.cuts.add(lambda: cut.append("what was on its way"))
    second, made_way = links.add(0, PACKAGE, 600, 1)
    assert made_way == [first] and links.find(first.token) is None and cut
    for visit_id in range(1, MOST_LINKS + 1):
        _, made_way = links.add(visit_id, PACKAGE, 600, 1)
    assert len(links) == MOST_LINKS and made_way == [second] and second.end is End.TOO_MANY


@given(st.text(max_size=60))
def test_whatever_is_asked_for_no_link_is_found_by_it(text: str) -> None:
    links = Links()
    link, _ = links.add(1, PACKAGE, 600, 1)
    assert links.find(text) is None
    assert links.find(link.token + text) is (None if text else link)


def test_misses_are_counted_by_address_and_forgotten_after_a_minute() -> None:
    clock = Clock()
    misses = AttemptLimit(clock)
    assert [misses.count("10.0.0.1", 3) for _ in range(5)] == [False, False, False, True, True]
    assert not misses.count("10.0.0.2", 3)
    clock.now_s += 61
    assert not misses.count("10.0.0.1", 3)
    # All of one household's IPv6 addresses are one; its neighbour's are not.
    assert [misses.count(f"2001:db8::{i}", 3) for i in range(4)][-1]
    assert not misses.count("2001:db8:0:1::1", 3)


def test_misses_of_many_addresses_take_bounded_memory() -> None:
    misses = AttemptLimit()
    for number in range(MOST_ADDRESSES + 500):
        misses.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 3)
    assert len(misses) == MOST_ADDRESSES


def test_the_door_counts_connections() -> None:
    limit = ConnectionLimit(5, 2, (ip_network("10.9.0.0/16"),))
    assert [limit.enter("10.0.0.1") for _ in range(3)] == [True, True, False]
    limit.leave("10.0.0.1")
    assert limit.enter("10.0.0.1")
    # A proxy brings many phones.
    assert [limit.enter("10.9.0.1") for _ in range(4)] == [True, True, True, False]
    for address in ("10.0.0.1", "10.0.0.1", "10.9.0.1", "10.9.0.1", "10.9.0.1"):
        limit.leave(address)
    assert not limit.inside  # nothing is remembered about who was here


# --- addresses ---


def test_the_address_is_one_that_phones_can_reach() -> None:
    interfaces = {"lo": ["127.0.0.1"], "docker0": ["172.17.0.1"], "wlan0": ["169.254.3.4", "192.168.4.1"]}
    assert choose(interfaces, route="192.168.4.1") == "192.168.4.1"
    assert choose(interfaces, wanted="wlan0", route="172.17.0.1") == "192.168.4.1"
    assert choose(interfaces) == "172.17.0.1"
    with pytest.raises(ServiceError, match="eth0 has no address"):
        choose(interfaces, wanted="eth0")
    with pytest.raises(ServiceError, match="no network"):
        choose({"lo": ["127.0.0.1"], "wlan0": ["169.254.3.4"]}, route="169.254.3.4")


def test_links_begin_with_capitals_where_those_mean_the_same() -> None:
    plain, usual = Network(port=80), Network(port=8080)
    assert base_url(plain, "192.168.4.1") == "HTTP://192.168.4.1"
    assert base_url(usual, "192.168.4.1") == "HTTP://192.168.4.1:8080"
    proxied = Network(public_url="https://museum.example/Mirror/")
    assert base_url(proxied, "127.0.0.1") == "HTTPS://MUSEUM.EXAMPLE/Mirror"
    assert accepted_hosts(proxied, "127.0.0.1") == {"museum.example", "127.0.0.1:8080"}
    for url, host in (
        ("https://museum.example:443", "museum.example"),
        ("http://m.example:80/a", "m.example"),
    ):
        network = Network(public_url=url)
        assert host in accepted_hosts(network, "127.0.0.1")
        assert base_url(network, "127.0.0.1").lower() == url.replace(":443", "").replace(":80", "")
    assert accepted_hosts(plain, "192.168.4.1") == {"192.168.4.1", "192.168.4.1:80"}


def test_a_configuration_that_cannot_work_is_refused() -> None:
    for wrong in (
        {"certificate": "a.pem"},
        {"certificate": "a.pem", "key": "b.pem"},
        {"public_url": "museum.example"},
        {"public_url": "ftp://museum.example"},
        {"public_url": "https://museum..example"},
        {"public_url": "https://[museum"},
        {"public_url": "https://:8443"},
        {"public_url": "https://museum.example:port"},
        {"public_url": "https://museum.example@elsewhere.example"},
        {"public_url": "https://münchen.example"},
        {"host": "0.0.0.0"},
        {"host": ""},
        {"host": "2001:db8::1"},
        {"host": "::", "public_url": "https://museum.example"},
        {"trusted_proxies": ["somebody"]},
        {"port": 0},
        {"wifi": {"name": ""}},
        {"wifi": {"name": "Guests", "password": "short"}},
    ):
        with pytest.raises(ValidationError):
            Network.model_validate(wrong)
    Network(host="0.0.0.0", public_url="https://[2001:db8::1]:8443/mirror")


def test_wifi_codes_are_escaped() -> None:
    assert wifi_code(None) is None
    assert wifi_code(WiFi(name="Guests")) == "WIFI:T:nopass;S:Guests;;"
    assert wifi_code(WiFi(name="Guests", password="mirror mirror", hidden=True)) == (
        "WIFI:T:WPA;S:Guests;P:mirror mirror;H:true;;"
    )
    assert wifi_code(WiFi(name='a;b:c,d\\e"f')) == r"WIFI:T:nopass;S:a\;b\:c\,d\\e\"f;;"


# --- codes ---


@pytest.mark.parametrize(
    ("base", "version"),
    [
        ("HTTP://192.168.4.1", 3),
        ("HTTP://192.168.178.100:8080", 3),
        ("HTTPS://KIOSK.EXAMPLE-GALLERY.ORG", 4),
        ("HTTPS://MUSEUM.EXAMPLE/mirror", 4),
    ],
)
def test_codes_stay_small(base: str, version: int) -> None:
    code = qr.encode(f"{base}/D/{new_token()}")
    assert code.version == version
    # The control: the same in small letters takes a larger code.
    assert qr.encode(f"{base}/d/{new_token()}".lower() + "x" * 8).version > version


def screen_with_code(text: str, size_px: int) -> Pixels:
    """A screenshot, uint8 (1080, 1920, 3) RGB, of nothing but a code and the light field it stands on."""
    canvas = Canvas(1920, 1080)
    canvas.qr_code(qr.modules(text), Rect(700, 300, size_px, size_px), qr.QUIET_ZONE, ground=216, light=1.0)
    return canvas.pixels[..., :3].copy()


def seen_by_a_phone(screen: Pixels, tilt_deg: float, light: float, scale: float = 0.25) -> Pixels:
    """A screenshot as a camera far away sees it: a quarter of its size, a little blurred, tilted, dim."""
    small = cv2.resize(screen, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 100, 100, 100, 100, cv2.BORDER_CONSTANT)  # nothing is turned out of it
    height, width = small.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt_deg, 1.0)
    turned = cv2.warpAffine(cv2.GaussianBlur(small, (0, 0), 0.6), turn, (width, height))
    noise = np.random.default_rng(0).normal(0, 3, turned.shape)
    return np.clip(turned * light + 12 + noise, 0, 255).astype(np.uint8)


def read_code(picture: Pixels, folder: Path) -> str:
    """What zbar reads in a picture, or an empty string."""
    Image.fromarray(picture).save(folder / "seen.png")
    zbar = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", folder / "seen.png"],
        capture_output=True,
        text=True,
    )
    return zbar.stdout.strip()


LINK, WIFI = (
    "HTTP://192.168.178.100:8080/D/UGR4XKRTC36FFVGTF7WGXLV53U",
    "WIFI:T:WPA;S:Guests;P:mirror mirror;;",
)


@pytest.mark.parametrize("tilt_deg", [0, 20, -20])
@pytest.mark.parametrize("light", [1.0, 0.5])
def test_codes_are_read_from_afar(tmp_path: Path, tilt_deg: float, light: float) -> None:
    for text in (LINK, WIFI):
        screen = screen_with_code(text, 480)
        assert read_code(seen_by_a_phone(screen, tilt_deg, light), tmp_path) == text
        # The control: too small a code, under the same conditions, is not read.
        tiny = screen_with_code(text, 120)
        assert read_code(seen_by_a_phone(tiny, tilt_deg, light), tmp_path) == ""


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920)])
def test_the_codes_of_the_last_scene_are_read_from_afar(tmp_path: Path, size: tuple[int, int]) -> None:
    canvas, values = Canvas(*size), registry()
    for wifi, texts in ((None, {LINK}), (WIFI, {LINK, WIFI})):
        play(canvas, Phase.DOPPELGANGER, 8.0, values, link=Link(LINK, BEGAN_S + 600, wifi))
        screen = canvas.pixels[..., :3].copy()
        # Two codes share the place of one: who scans them stands nearer.
        side_px = min(one.rect.width for one in canvas.drawn_items if one.kind is ItemKind.QR_CODE)
        scale = 0.25 * max(480 / side_px, 1.0)
        for tilt_deg, light in product((0, 20, -20), (1.0, 0.5)):
            read = read_code(seen_by_a_phone(screen, tilt_deg, light, scale), tmp_path)
            assert set(read.splitlines()) == texts, (tilt_deg, light)


# --- what is given ---


def test_files_carry_the_mark_and_nothing_else(tmp_path: Path) -> None:
    given = take_home(film=None)
    package = encode_files(given)
    assert given.pair is not None
    same, other = given.pair
    for name, judged in ((DOPPELGANGER, given.doppelganger), (SAME, same), (OTHER, other)):
        (tmp_path / name).write_bytes(package.files[name].content)
        with Image.open(tmp_path / name) as image:
            assert (np.asarray(image) == judged).all()  # so every judge says what it said
            assert set(image.info) == {"xmp", "XML:com.adobe.xmp"} and not image.getexif()
        assert marks.read_digital_source_type(tmp_path / name) == marks.TRAINED_ALGORITHMIC_MEDIA
    (tmp_path / CARD).write_bytes(package.files[CARD].content)
    with Image.open(tmp_path / CARD) as image:
        assert image.size == (1080, 1350) and not image.getexif()
        assert set(image.info) <= {"xmp", "jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert marks.read_digital_source_type(tmp_path / CARD) == marks.TRAINED_ALGORITHMIC_MEDIA


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("with_pair", [True, False])
def test_the_card_fits_in_every_language(language: str, with_pair: bool) -> None:
    pair = (picture(1), picture(2)) if with_pair else None
    drawn = card.draw(picture(3), pair, Texts.load(language))
    assert drawn.shape == (1350, 1080, 3)
    # Nothing runs into the margins.
    assert (drawn[1080:, :58] == 0).all() and (drawn[1080:, -58:] == 0).all()
    assert (drawn[-24:] == 0).all()
    assert drawn[1080:, 60:-60].max() == 255


@pytest.mark.parametrize("language", languages())
def test_the_card_says_legibly_that_nobody_is_shown(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone shows it a third as large."""
    written: dict[str, tuple[float, int]] = {}

    def write(_: Canvas, words: str, at: object, size_px: int, weight: int, colour: Colour = WHITE) -> None:
        written[words] = size_px, min(colour)

    monkeypatch.setattr(Canvas, "text", write)
    text = Texts.load(language)
    card.draw(picture(3), (picture(1), picture(2)), text)
    size_px, grey = written[text("card.synthetic")]
    assert size_px >= 32 and grey >= 220


# What only somebody who was portrayed can be told.
LIKENESS = re.compile(r"likeness|like yours|you end|sees you|still you|your own face"
                      r"|for me|[Bb]etween me|like mine"
                      r"|Ihrem|Ihnen|noch Sie|Sie enden|mir|meinem|meines")  # fmt: skip


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("with_pair", [True, False])
def test_nobody_without_a_camera_is_told_of_a_likeness(
    language: str, same: bool, with_pair: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on the page nor on the card."""
    pair = (picture(1), picture(2)) if with_pair else None

    def told(exists: bool) -> tuple[set[str], set[str]]:
        card_words: list[str] = []
        monkeypatch.setattr(Canvas, "text", lambda _, words, *args, **more: card_words.append(words))
        content = encode_files(TakeHomePictures(1, language, picture(3), pair=pair, same=same, exists=exists))
        return set(LIKENESS.findall(render(content, "X", 600))), set(LIKENESS.findall(" ".join(card_words)))

    assert all(told(exists=True)) and not any(told(exists=False))


def test_the_languages_have_the_same_words() -> None:
    english = {key for key in Texts.load("en").lines if key.startswith(("phone.", "card."))}
    for language in languages():
        assert {k for k in Texts.load(language).lines if k.startswith(("phone.", "card."))} == english


# --- two processes ---


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
from installation.settings.configuration import Delivery as Network
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
        assert stage.wait_for(Offered, 1).url.startswith(f"HTTP://127.0.0.1:{network.port}/D/")
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
        await serving.obey(Offer(take_home(), 600, 1), package)
        for _ in range(5):
            await asyncio.sleep(0)
        await serving.obey(Revoke(1), None)
        assert serving._announcing == {}
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


def test_the_process_takes_nothing_from_the_network_into_the_stage_but_checked_news() -> None:
    good = messages.Offered(visit_id=1, url="HTTP://X/D/A", lives_s=600).model_dump_json().encode()
    assert messages.read(good) == messages.Offered(visit_id=1, url="HTTP://X/D/A", lives_s=600)
    for bad in (b"", b"\x80\x04N.", b"{}", b'{"kind":"offered"}', good[:-1], b'{"kind":"open"}'):
        with pytest.raises(ValueError):
            messages.read(bad)


def test_the_process_leaves_no_dump_and_nothing_open_on_disk(tmp_path: Path) -> None:
    with running(tmp_path / "sock") as stage:
        path = stage.offer(take_home(1))
        ask(stage.network.port, f"{path}/save/card.jpg")
        assert stage.delivery._connection.process is not None
        process = psutil.Process(stage.delivery._connection.process.pid)
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        writing = [file.path for file in process.open_files() if file.mode != "r"]
        assert [path for path in writing if not path.startswith(("/dev", "/proc"))] == []


def test_forgotten_pictures_are_not_even_in_unused_memory(tmp_path: Path) -> None:
    """The process's whole memory is searched for pieces of a film and of a picture, before and after."""
    rng = np.random.default_rng(11)
    film, noise = rng.bytes(3_000_000), rng.integers(0, 255, (512, 512, 3), np.uint8)
    given = TakeHomePictures(1, "en", noise, (), (noise, noise), film)
    png = encode_files(given).files[DOPPELGANGER].content
    pieces = [
        content[at : at + 64]
        for content in (film, png, noise.tobytes())
        for at in range(100, len(content), len(content) // 5)
    ]
    with running(tmp_path / "sock") as stage:
        path = stage.offer(given)
        assert stage.delivery._connection.process is not None
        for name in ("morph.mp4", DOPPELGANGER, CARD):
            assert ask(stage.network.port, f"{path}/{name}").status == 200
        # The control: while they can be fetched, film and picture are found.
        assert _pieces_in_memory(stage.delivery._connection.process.pid, pieces) >= len(pieces) // 2
        stage.delivery.revoke(1)
        until(lambda: ask(stage.network.port, path).status == 404 or None, "the end of the link")
        # Shreds of less than 16 KiB may be left.
        assert _pieces_in_memory(stage.delivery._connection.process.pid, pieces) <= len(pieces) // 5


def _pieces_in_memory(process_id: int, pieces: list[bytes]) -> int:
    """How many of the pieces are in the process's memory, read as a debugger would."""
    found: set[bytes] = set()
    with open(f"/proc/{process_id}/maps") as maps, open(f"/proc/{process_id}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(edge, 16) for edge in span.split("-"))
            memory.seek(start)
            content = memory.read(end - start)
            found |= {piece for piece in pieces if piece in content}
    return len(found)


def test_the_process_loads_nothing_of_the_engine_or_the_camera() -> None:
    """What it cannot see it cannot give away."""
    script = "import sys, installation.delivery.process; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert "installation.delivery.server" in loaded
    foreign = {name for name in loaded if name.startswith(("torch", "mediapipe", "dlib", "hardware."))}
    engine = {name for name in loaded if name.startswith("engine.")}
    allowed = {"engine.common", "engine.common.arrays", "engine.common.errors"}
    allowed |= {"engine.runtime", "engine.runtime.channel"}  # numpy and sockets only
    assert foreign == {"hardware.memory"} and engine <= allowed
