"""A phone's view of the QR code on the screen, and what zbar reads in it."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pygame import Rect

from engine.common.arrays import Pixels
from installation.stage import qr
from installation.stage.canvas import Canvas
from tests.support.programs import require_programs


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
    require_programs("zbarimg")
    zbar = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", folder / "seen.png"],
        capture_output=True,
        text=True,
    )
    return zbar.stdout.strip()
