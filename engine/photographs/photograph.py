"""Reads a picture file as a photograph for the engine; or raises one line that says why it cannot be used."""

import io
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import av
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin, UnidentifiedImageError

from engine.common.errors import UsageError, printable
from engine.common.native_output import native_stderr_silenced
from engine.photographs import colour, tiff

# Of a HEIF file only the primary picture is read: no thumbnails, depth maps or masks.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)

# Decoders for what cameras, phones and editors write. Pillow's others are not used: files are untrusted, and
# some of those decoders start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
# 8064 x 6048 is what phones take at 48 megapixels. Reading 50 takes 350 MB for a moment, and 750 with alpha.
MAX_MEGAPIXELS = 50
# 50 megapixels of four channels at 16 bits: more is no photograph, and HEIF and AVIF files are read whole.
MAX_FILE_MB = 400
# What pillow_heif calls files of one or several still pictures, which FFmpeg takes for films of their tiles,
# and animations, which Pillow plays.
PICTURE_HEIF = ("image/heic", "image/heif", "image/avif", "image/avif-sequence")
# The chunks that say a PNG's colours come first, the longest of them a colour profile.
_PNG_HEAD_BYTES = 1 << 20
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

    EXIF rotation is applied; HEIF and AVIF files have a rotation of their own, which counts instead. Alpha is
    put over mid grey. Greyscale, palette and CMYK (Adobe's inverted JPEG too) become RGB; 10 to 16 bits per
    channel are scaled to 8, not cut off; a colour profile is converted to sRGB, and ignored where it is
    broken; HEIF, AVIF and PNG files may have code points in its place (`engine.photographs.colour`), PNG
    files a gamma. Of an animation the first frame counts, of several pictures in a file the primary one, not
    its reduced image. Larger pictures are
    shrunk by area averaging.

    Raises UsageError for everything that is no such file, is damaged or cut short, or has more than 50
    megapixels (judged by the header, before anything is decoded).
    """
    with opened_picture(path) as image:
        return read_pixels(image, printable(path))


def readable_photographs(
    paths: Iterable[Path], report: Callable[[str], None]
) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Each file with its picture as `load_photograph` reads it; what cannot be read is passed over, and
    reported in one line."""
    for path in paths:
        try:
            photograph = load_photograph(path)
        except UsageError as error:
            report(f"passed over: {error}")
            continue
        yield path, photograph


@contextmanager
def opened_picture(path: Path) -> Iterator[Image.Image]:
    """The picture file, its header read and its size checked, nothing decoded. Raises UsageError.

    While it is open, warnings and what native libraries write to standard error are discarded.
    """
    name = printable(path)
    # Pillow warns of odd metadata and of large pictures, libtiff writes to the terminal; the errors that
    # matter are raised.
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(native_stderr_silenced())
        warnings.simplefilter("ignore")
        file = stack.enter_context(_opened_file(path, name))
        yield identify(file, name)


def is_picture(path: Path) -> bool:
    """Whether the content of a file says that it is a picture, whatever its name says.

    True as well for raw files, and for a HEIF or AVIF file that cannot be read: it looks like a film, which
    it is not.
    """
    try:
        with opened_picture(path):
            return True
    except UsageError:
        try:
            with _opened_file(path, "") as file:
                return tiff.is_raw(file, path.name) or (pillow_heif.get_file_mimetype(file) in PICTURE_HEIF)
        except UsageError:
            return False


@contextmanager
def _opened_file(path: Path, name: str) -> Iterator[io.BufferedReader]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{name} is a folder: give one picture file in it.")
        if not stat.S_ISREG(mode):
            raise UsageError(f"{name} is not an ordinary file: give a JPEG, PNG, WebP, HEIC or TIFF.")
        size = path.stat().st_size
        if size == 0:
            raise UsageError(f"{name} is empty: copy or download the picture again.")
        if size > MAX_FILE_MB * 1_000_000:
            raise UsageError(
                f"{name} has {size / 1e6:.0f} MB, a photograph at most {MAX_FILE_MB}: give one picture."
            )
        file = path.open("rb")
    except FileNotFoundError:
        raise UsageError(f"{name} does not exist: check the name and the folder.") from None
    except PermissionError:
        raise UsageError(f"{name} may not be read: change its permissions, or copy it elsewhere.") from None
    except (OSError, ValueError) as error:  # a name that no file can have, a disk that does not answer
        reason = printable(getattr(error, "strerror", None) or error)
        raise UsageError(f"{name} cannot be opened ({reason}): check the name and the disk.") from None
    with file:
        yield file


def identify(file: IO[bytes], name: str) -> Image.Image:
    """The picture in `file`, its header read and its size checked. Raises UsageError."""
    if tiff.is_raw(file, name):
        raise tiff.refuse_raw(name)
    try:
        image = Image.open(file, formats=FORMATS)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            tiff.select_full_size(image, name)
    except UsageError:
        raise
    except UnidentifiedImageError:
        file.seek(0)
        if pillow_heif.get_file_mimetype(file) in PICTURE_HEIF:
            raise UsageError(
                f"{name} is damaged or cut short, or a HEIF that is not coded in HEVC: copy it again, or "
                "export it as JPEG."
            ) from None
        raise UsageError(
            f"{name} is not a picture that can be read here: give a JPEG, PNG, WebP, HEIC or TIFF."
        ) from None
    except Image.DecompressionBombError:
        raise UsageError(_too_large(name, "far more")) from None
    except Exception as error:  # see read_pixels
        raise UsageError(_damaged(name, error)) from None
    _check_size(image, name)
    if image.format == "AVIF":
        image.info["nclx_profile"] = _code_points_by_ffmpeg(file, "mov")
    elif image.format == "PNG" and _has_code_points(file):
        # They count before a colour profile: PNG, third edition, 4.3.
        image.info.pop("icc_profile", None)
        image.info["nclx_profile"] = _code_points_by_ffmpeg(file, "png_pipe")
    return image


def read_pixels(image: Image.Image, name: str, frame: int | None = None) -> NDArray[np.uint8]:
    """Decode a picture, or a frame of an animation, as `load_photograph` describes. Raises UsageError."""
    if image.mode in ("I", "F", "LAB", "HSV"):
        raise UsageError(
            f"{name} stores its colours as no photograph does ({image.mode}): save it as an ordinary "
            "8-bit RGB JPEG or PNG."
        )
    try:
        if frame is not None:
            image.seek(frame)
        image.load()
        _check_size(image, name)  # a HEIF file's header may have claimed less
        orientation = _orientation(image)
        info = image.info
        pixels = _to_srgb(_to_8_bit(image), info.get("icc_profile"), _code_points(image), _gamma(image))
        return np.array(_upright(pixels, orientation))
    except UsageError:
        raise
    except Exception as error:
        # On damaged bytes decoders raise anything: OSError, SyntaxError, struct.error, IndexError,
        # MemoryError ... For the user it all means the same.
        raise UsageError(_damaged(name, error)) from None


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_MEGAPIXELS * 1_000_000:
        raise UsageError(_too_large(name, f"{image.width} x {image.height} pixels, more"))


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Of a decoded picture; the outcome is L, RGB or CMYK, opaque, its longest side at most 4096 px."""
    if image.mode.startswith("I;16"):
        peak = tiff.peak_of(image)
        levels = np.minimum(np.asarray(image).astype(np.uint32), peak)
        if tiff.is_inverted(image):
            levels = peak - levels
        image = Image.fromarray(((levels * 255 + peak // 2) // peak).astype(np.uint8))
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


def _to_srgb(
    image: Image.Image, profile: bytes | None, code_points: tuple[int, int], gamma: float
) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile, or one for another kind of colours
    elif not colour.is_srgb(*code_points):
        return Image.fromarray(colour.to_srgb(np.asarray(image.convert("RGB")), *code_points))
    elif gamma != colour.USUAL_GAMMA:
        return Image.fromarray(colour.gamma_to_srgb(np.asarray(image.convert("RGB")), gamma))
    return image.convert("RGB")


def _code_points(image: Image.Image) -> tuple[int, int]:
    """Primaries and transfer by ITU-T H.273; 2 where the file does not say."""
    nclx = image.info.get("nclx_profile") or {}
    return nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2)


def _gamma(image: Image.Image) -> float:
    """The exponent from light to value that a PNG file says (`gAMA`); the usual one where nothing counts.

    `sRGB` and `cICP` count before it: PNG, third edition, 4.3.
    """
    said = image.info.get("gamma") if image.format == "PNG" else None
    if not said or "srgb" in image.info or image.info.get("nclx_profile"):
        return colour.USUAL_GAMMA
    usual = abs(said - colour.USUAL_GAMMA) < 0.01 or not 0.1 <= said <= 5
    return colour.USUAL_GAMMA if usual else float(said)


def _has_code_points(file: IO[bytes]) -> bool:
    """Whether a PNG file has a `cICP` chunk; asking FFmpeg decodes the picture once more."""
    place = file.tell()
    file.seek(0)
    head = file.read(_PNG_HEAD_BYTES)
    file.seek(place)
    return b"cICP" in head.partition(b"IDAT")[0]


def _code_points_by_ffmpeg(file: IO[bytes], container_format: str) -> dict[str, int]:
    """In pillow_heif's words: Pillow does not tell them, FFmpeg does."""
    place = file.tell()
    file.seek(0)
    try:
        with av.open(file, format=container_format) as container:
            context = container.streams.video[0].codec_context
            return {
                "color_primaries": context.color_primaries,
                "transfer_characteristics": context.color_trc,
            }
    except (av.error.FFmpegError, AttributeError, IndexError, OSError, ValueError):  # no stream, no decoder
        return {}
    finally:
        file.seek(place)


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
    reason = printable(error) or type(error).__name__
    return f"{name} is damaged or cut short ({reason}): copy or download the picture again."


def _too_large(name: str, how_large: str) -> str:
    return f"{name} has {how_large} than {MAX_MEGAPIXELS} megapixels: shrink it to {MAX_SIDE_PX} a side."
