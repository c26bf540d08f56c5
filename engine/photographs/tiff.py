"""What a TIFF file holds beside its picture: reduced images, and the data of a camera's sensor (raw files).

Raw files are TIFF files of their makers whose first page is a small preview. They need developing, which is
the business of other programs: they are refused by name instead of taking the preview for the photograph.
"""

from pathlib import PurePath
from typing import IO

from PIL import Image, TiffImagePlugin

from engine.common.errors import UsageError

# TIFF 6.0, TIFF/EP (ISO 12234-2) and DNG.
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS_PER_SAMPLE, _PHOTOMETRIC = 254, 255, 258, 262
_SUB_IFDS, _DNG_VERSION = 330, 50706
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2  # a value of SubfileType
_MIN_IS_WHITE = 0
_SENSOR_DATA = (32803, 34892)  # colour filter array, linear raw

_RAW_SUFFIXES = {
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc"),
    *(".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2"),
    *(".srf", ".srw", ".x3f"),
}
# Panasonic, Olympus (three), Fujifilm, Sigma, Minolta; Canon's have their mark further on.
_RAW_STARTS = (b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM")
_HEAD_BYTES = 16
_MAX_PAGES = 100


def is_raw(file: IO[bytes], name: str) -> bool:
    """Whether a file is a raw file by its first bytes, or a TIFF file that is named as one."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    is_tiff = head.startswith((b"II*\0", b"MM\0*"))
    return (
        head.startswith(_RAW_STARTS)
        or (head[8:10] == b"CR" and is_tiff)  # CR2
        or head[4:12] == b"ftypcrx "  # CR3
        or head[6:14] == b"HEAPCCDR"  # CRW
        or (is_tiff and PurePath(name).suffix.lower() in _RAW_SUFFIXES)
    )


def refuse_raw(name: str) -> UsageError:
    """The error that says so."""
    return UsageError(
        f"{name} is a raw file of a camera, which has to be developed: export it as JPEG, or give the JPEG "
        "that the camera took beside it."
    )


def select_full_size(image: TiffImagePlugin.TiffImageFile, name: str) -> None:
    """Turns to the first page that is neither a reduced image nor a mask, where the first page is one.

    Raises UsageError for raw files, and where no page of full size can be read.
    """
    if _DNG_VERSION in image.tag_v2:
        raise refuse_raw(name)
    for page in range(_MAX_PAGES):
        try:
            image.seek(page)
        except EOFError:
            break
        if image.tag_v2.get(_PHOTOMETRIC) in _SENSOR_DATA:
            raise refuse_raw(name)
        if not _is_reduced(image):
            return
    image.seek(0)
    if _SUB_IFDS in image.tag_v2:  # where raw files keep the sensor's data
        raise refuse_raw(name)


def peak_of(image: Image.Image) -> int:
    """The value of white in a decoded greyscale picture of up to 16 bits; 65535 in all formats but TIFF."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    return (1 << int(tags.get(_BITS_PER_SAMPLE, (16,))[0])) - 1


def is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white in a decoded greyscale picture of 16 bits; those of 8 bits Pillow inverts itself."""
    return (
        isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _MIN_IS_WHITE
    )


def _is_reduced(image: TiffImagePlugin.TiffImageFile) -> bool:
    kind = int(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0))
    return bool(kind & (_REDUCED | _MASK)) or image.tag_v2.get(_SUBFILE_TYPE) == _OLD_REDUCED
