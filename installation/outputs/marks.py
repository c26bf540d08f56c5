"""Image files with a mark that they are synthetic, or in part, and no other metadata.

The mark is IPTC's digital source type in an XMP packet (IPTC Photo Metadata Standard, property "Digital
Source Type", and its NewsCodes; XMP specification part 3, Adobe 2020, for where the packet goes in PNG, JPEG
and MPEG-4). Every file is made from bare pixels, so no other metadata can be in it.
"""

import io
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from engine.common.subjects import Subjects

# All of it is generated; or photographed in part; `None` in place of them: no claim, it is a photograph.
TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP_BOX = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
_PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# PLUS, Model Release Status: not applicable, nobody in the picture exists.
_NOT_APPLICABLE = "http://ns.useplus.org/ldf/vocab/MR-NAP"
_XMP_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{_IPTC_EXTENSION}">'
    "{}</rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="r"?>'
)


def png_bytes(picture: NDArray[np.uint8], source_type: str | None = TRAINED_ALGORITHMIC_MEDIA) -> bytes:
    """A PNG whose pixels are exactly `picture`, uint8 (H, W, 3) RGB. source_type: None of a photograph."""
    chunks = PngImagePlugin.PngInfo()
    if source_type is not None:
        chunks.add_itxt("XML:com.adobe.xmp", _packet(source_type))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", pnginfo=chunks, compress_level=3)
    return file.getvalue()


def jpeg_bytes(
    picture: NDArray[np.uint8], quality: int = 92, source_type: str | None = TRAINED_ALGORITHMIC_MEDIA
) -> bytes:
    """A JPEG of `picture`, uint8 (H, W, 3) RGB, with full colour resolution (4:4:4). source_type: None of a
    photograph."""
    mark = {} if source_type is None else {"xmp": _packet(source_type).encode()}
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:4:4", **mark)
    return file.getvalue()


def mark_mp4(
    path: Path, subjects: Subjects | None = None, source_type: str = TRAINED_ALGORITHMIC_MEDIA
) -> None:
    """Append the mark to a finished MP4 in place, as a top-level `uuid` box, which players skip.

    A file that has the mark stays as it is. subjects: whose faces it shows, if that is to be in the mark.
    """
    if read_digital_source_type(path) is not None:
        return
    content = _XMP_BOX + _packet(source_type, subjects).encode()
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + len(content), b"uuid") + content)


def _packet(source_type: str, subjects: Subjects | None = None) -> str:
    """The mark with IPTC's "Person Shown in the Image" for those who agreed, and PLUS's "Model Release
    Status" where nobody in the film exists."""
    about = f"<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>"
    if subjects is not None and subjects.invented:
        about += f'<plus:ModelReleaseStatus xmlns:plus="{_PLUS}">{_NOT_APPLICABLE}</plus:ModelReleaseStatus>'
    if subjects is not None and subjects.consenting:
        names = "".join(f"<rdf:li>{escape(name)}</rdf:li>" for name in subjects.consenting)
        about += f"<Iptc4xmpExt:PersonInImage><rdf:Bag>{names}</rdf:Bag></Iptc4xmpExt:PersonInImage>"
    return _XMP_PACKET.format(about)


def read_subjects(path: Path) -> Subjects:
    """Whose faces an MP4 says that it shows; of one that says nothing, or is no MP4, nobody is known."""
    try:
        with path.open("rb") as file:
            packet = _xmp_of_mp4(path) if file.read(8)[4:] == b"ftyp" else None
        root = ElementTree.fromstring(packet) if packet else None
    except (ValueError, ElementTree.ParseError):
        root = None
    if root is None:
        return Subjects(invented=False)
    synthetic = root.findtext(f".//{{{_IPTC_EXTENSION}}}DigitalSourceType") == TRAINED_ALGORITHMIC_MEDIA
    release = root.findtext(f".//{{{_PLUS}}}ModelReleaseStatus")
    names = root.findall(f".//{{{_IPTC_EXTENSION}}}PersonInImage//{{{_RDF}}}li")
    return Subjects(
        invented=synthetic and release == _NOT_APPLICABLE,
        consenting=tuple(name.text for name in names if name.text),
    )


def read_digital_source_type(path: Path) -> str | None:
    """The IPTC digital source type that a PNG, JPEG or MP4 states, or None where it states none."""
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] == b"ftyp"
    if is_mp4:
        packet = _xmp_of_mp4(path)
    else:
        with Image.open(path) as image:
            packet = image.info.get("xmp")
    if packet is None:
        return None
    element = ElementTree.fromstring(packet).find(f".//{{{_IPTC_EXTENSION}}}DigitalSourceType")
    return None if element is None else element.text


def mp4_boxes(path: Path) -> Iterator[tuple[str, int, int]]:
    """The top-level boxes of an MP4 as (type, offset of the whole box, size of the whole box) in bytes.

    Raises ValueError where the file is no sequence of boxes (ISO/IEC 14496-12, section 4.2).
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while offset < end:
            file.seek(offset)
            header = file.read(16)
            if len(header) < 8:
                raise ValueError(f"{path}: ends inside a box")
            size, kind = struct.unpack(">I4s", header[:8])
            if size == 1 and len(header) == 16:
                (size,) = struct.unpack(">Q", header[8:])
            elif size == 0:
                size = end - offset
            if size < 8 or offset + size > end:
                raise ValueError(f"{path}: a box does not fit into the file")
            yield kind.decode("latin-1"), offset, size
            offset += size


def _xmp_of_mp4(path: Path) -> bytes | None:
    for kind, offset, size in mp4_boxes(path):
        if kind == "uuid":
            with path.open("rb") as file:
                file.seek(offset + 8)
                content = file.read(size - 8)
            if content.startswith(_XMP_BOX):
                return content[len(_XMP_BOX) :]
    return None
