"""From linear light to a picture: exposure for the skin, a film-like curve, straight alpha, WebP."""

import io

import numpy as np
from PIL import Image

from training.nobody.render.colour import LUMINANCE, linear_to_srgb

FAIR_SKIN_LUMINANCE = 0.33
MIDDLE_GREY_OF_FAIR_SKIN = 0.30
BRIGHTEST_SKIN = 0.36
WEBP_QUALITY = 92


def develop(light: np.ndarray, skin_colour: np.ndarray, exposure: float) -> np.ndarray:
    """Linear premultiplied RGBA float (R, R, 4) -> uint8 (R, R, 4) RGBA, sRGB with straight alpha.

    The middle of the picture, which the face fills, is exposed for its skin: deep skin stays darker than fair
    skin, though by less than it is. `exposure` is a factor on that.
    """
    alpha = np.clip(light[..., 3:], 0, 1)
    gain = _skin_target(skin_colour, exposure) / max(_median_luminance(light[..., :3]), 1e-4)
    straight = np.maximum(light[..., :3] * gain / np.maximum(alpha, 1e-3), 0)
    picture = np.clip(linear_to_srgb(_compress_highlights(straight)), 0, 1)
    picture = 0.72 * picture + 0.28 * picture**2 * (3 - 2 * picture)  # a little contrast
    picture = np.where(alpha > 0, picture, 0)
    return (np.concatenate([picture, alpha], axis=-1) * 255 + 0.5).astype(np.uint8)


def webp(picture: np.ndarray) -> bytes:
    """uint8 (R, R, 4) RGBA with straight alpha -> a WebP file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=WEBP_QUALITY, method=4, exact=False)
    return file.getvalue()


def _skin_target(skin_colour: np.ndarray, exposure: float) -> float:
    luminance = max(float(skin_colour @ LUMINANCE), 0.02)
    softened = (luminance / FAIR_SKIN_LUMINANCE) ** 0.55
    return min(MIDDLE_GREY_OF_FAIR_SKIN * softened * exposure, BRIGHTEST_SKIN)


def _median_luminance(rgb: np.ndarray) -> float:
    quarter = len(rgb) // 4
    return float(np.median(rgb[quarter : 3 * quarter, quarter : 3 * quarter] @ LUMINANCE))


def _compress_highlights(rgb: np.ndarray) -> np.ndarray:
    return 1.05 * rgb * (1 + 0.25 * rgb / 2.2**2) / (1 + 0.35 * rgb)
