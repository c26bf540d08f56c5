"""The QR code on the screen: its size, and whether a phone far away can read it."""

import re
from itertools import product
from pathlib import Path

import cv2
import pytest

from installation.delivery.address import base_url
from installation.delivery.links import new_token
from installation.settings.delivery import Delivery as Network
from installation.settings.phase import Phase
from installation.stage import qr
from installation.stage.canvas import Canvas, ItemKind
from installation.stage.view import Link
from tests.support.code_reader import read_code, screen_with_code, seen_by_a_phone
from tests.support.scene_views import BEGAN_S, play, registry


@pytest.mark.parametrize(
    ("network", "address", "version"),
    [
        (Network(port=80), "10.0.0.5", 3),
        (Network(), "192.168.178.100", 3),
        (Network(port=65_535), "255.255.255.255", 3),
        (Network(public_url="https://kiosk.example-gallery.org"), "10.0.0.5", 4),
        (Network(public_url="https://Museum.example/Mirror"), "10.0.0.5", 4),
        (Network(public_url="https://mirror.museum.example:8443"), "10.0.0.5", 4),
    ],
    ids=lambda each: getattr(each, "public_url", None),
)
def test_codes_hold_the_text_that_cameras_open_and_stay_small(
    tmp_path: Path, network: Network, address: str, version: int
) -> None:
    link = f"{base_url(network, address)}/D/{new_token()}"
    # Android compares schemes letter by letter, and camera apps take HTTP:// for text.
    assert re.match(r"https?://[a-z0-9.:-]+(/Mirror)?/D/[A-Z2-7]{26}$", link)
    code = qr.encode(link)
    assert code.version == version
    # The control: all in small letters takes a larger code.
    assert qr.encode(link.lower() + "x" * 8).version > version
    screen = screen_with_code(link, 480)
    assert read_code(screen, tmp_path) == cv2.QRCodeDetector().detectAndDecode(screen)[0] == link


LINK, WIFI = (
    "http://192.168.178.100:8080/D/UGR4XKRTC36FFVGTF7WGXLV53U",
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
