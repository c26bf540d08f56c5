"""Reads a picture file as a photograph for the engine; or raises one line that says why it cannot be used."""

import io
import stat
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from engine.common.errors import UsageError
from engine.common.native_output import native_stderr_silenced

# Decoders for what cameras, phones and editors write. Pillow's others are not used: files are untrusted, and
# some of those decoders start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
MAX_MEGAPIXELS = 40
# At 4096 px even a face a tenth as wide as the picture has 400 pixels, and no generator makes more than
# 1024 for the whole crop; what follows then stays within a second.
MAX_SIDE_PX = 4096
# The background of transparent parts. Mid grey, because dark hair would lose its outline on black, and white
# hair on white.
GROUND = (128, 128, 128)

# What sets a picture upright, by its EXIF orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_photograph(path: Path) -> NDArray[np.uint8]:
    """Read a picture file as uint8 (H, W, 3) sRGB, upright, its longest side at most 4096 px.

    EXIF rotation is applied. Alpha is put over mid grey. Greyscale, palette and CMYK (Adobe's inverted JPEG
    too) become RGB; 16 bits per channel are scaled to 8, not cut off; a colour profile is converted to
    sRGB, and ignored where it is broken. Of an animation the first frame counts. Larger pictures are shrunk
    by area averaging.

    Raises UsageError for everything that is no such file, is damaged or cut short, or has more than 40
    megapixels (judged by the header, before anything is decoded).
    """
    name = _printable(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{name} is a folder: give one picture file in it.")
        if not stat.S_ISREG(mode):
            raise UsageError(f"{name} is not an ordinary file: give a JPEG, PNG, WebP or TIFF.")
        if path.stat().st_size == 0:
            raise UsageError(f"{name} is empty: copy or download the picture again.")
        with path.open("rb") as file:
            return _read(file, name)
    except FileNotFoundError:
        raise UsageError(f"{name} does not exist: check the name and the folder.") from None
    except PermissionError:
        raise UsageError(f"{name} may not be read: change its permissions, or copy it elsewhere.") from None
    except (OSError, ValueError) as error:  # a name that no file can have, a disk that does not answer
        reason = _printable(getattr(error, "strerror", None) or error)
        raise UsageError(f"{name} cannot be opened ({reason}): check the name and the disk.") from None


def _read(file: io.BufferedReader, name: str) -> NDArray[np.uint8]:
    # Pillow warns of odd metadata and of large pictures, libtiff writes to the terminal; the errors that
    # matter are raised below.
    with warnings.catch_warnings(), native_stderr_silenced():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:
            raise UsageError(
                f"{name} is not a picture that can be read here: give a JPEG, PNG, WebP or TIFF "
                "(a phone's HEIC: export it as JPEG)."
            ) from None
        except Image.DecompressionBombError:
            raise UsageError(_too_large(name, "far more")) from None
        except Exception as error:  # see below
            raise UsageError(_damaged(name, error)) from None
        if image.width * image.height > MAX_MEGAPIXELS * 1_000_000:
            raise UsageError(_too_large(name, f"{image.width} x {image.height} pixels, more"))
        if image.mode in ("I", "F", "LAB", "HSV"):
            raise UsageError(
                f"{name} stores its colours as no photograph does ({image.mode}): save it as an ordinary "
                "8-bit RGB JPEG or PNG."
            )
        try:
            pixels = _to_srgb(_to_8_bit(image), image.info.get("icc_profile"))
            return np.array(_upright(pixels, _orientation(image)))
        except Exception as error:
            # On damaged bytes decoders raise anything: OSError, SyntaxError, struct.error, IndexError,
            # MemoryError ... For the user it all means the same.
            raise UsageError(_damaged(name, error)) from None


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Decodes; the outcome is L, RGB or CMYK, opaque, its longest side at most 4096 px."""
    image.load()
    if image.mode.startswith("I;16"):
        sixteen_bits = np.asarray(image).astype(np.uint32)
        image = Image.fromarray(((sixteen_bits * 255 + 32767) // 65535).astype(np.uint8))
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (*GROUND, 255))
        image = Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    shrink = MAX_SIDE_PX / max(image.size)
    if shrink < 1:
        width, height = (max(1, round(side * shrink)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BOX)
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile, or one for another kind of colours
    return image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8, of a decoded picture; 1 where the EXIF data are broken."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the parser raises whatever the damaged bytes make it run into
        return 1


def _damaged(name: str, error: Exception) -> str:
    reason = _printable(error) or type(error).__name__
    return f"{name} is damaged or cut short ({reason}): copy or download the picture again."


def _too_large(name: str, how_large: str) -> str:
    return f"{name} has {how_large} than {MAX_MEGAPIXELS} megapixels: shrink it to {MAX_SIDE_PX} a side."


def _printable(value: object) -> str:
    """On one line and free of control characters, whatever is in a file's name or a decoder's complaint."""
    return "".join(c if c.isprintable() else "?" for c in str(value))
