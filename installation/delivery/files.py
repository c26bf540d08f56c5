"""The files behind a link: a visit's pictures, card and film, encoded, each with its mark."""

from collections.abc import Mapping
from dataclasses import dataclass

from installation.delivery import card
from installation.delivery.captions import Caption
from installation.delivery.pictures import TakeHomePictures
from installation.outputs import marks
from installation.settings.texts import Texts

DOPPELGANGER, ENLARGED = "doppelganger.png", "doppelganger_1024.png"
GROUP = "group.png"
CARD, FILM = "card.jpg", "morph.mp4"
SAME, OTHER = "border_same.png", "border_other.png"


@dataclass(frozen=True)
class File:
    """A finished file; its name says nothing about the visit."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class TakeHomeFiles:
    """The files by name and the words that go with them.

    exact_px: the width of the doppelgänger in the generator's own resolution.
    """

    language: str
    captions: tuple[Caption, ...]
    files: Mapping[str, File]
    same: bool = False
    is_real: bool = True
    exact_px: int = 0
    is_group: bool = False


def encode_files(pictures: TakeHomePictures) -> TakeHomeFiles:
    """Encodes the pictures as PNG, pixel by pixel as they were judged, and makes the card."""
    images = {GROUP if pictures.is_group else DOPPELGANGER: pictures.doppelganger}
    if pictures.enlarged is not None:
        images[ENLARGED] = pictures.enlarged
    if pictures.pair is not None:
        images |= {SAME: pictures.pair[0], OTHER: pictures.pair[1]}
    files = [
        File(name, "image/png", marks.png_bytes(picture, pictures.source_type))
        for name, picture in images.items()
    ]
    text = Texts.load(pictures.language)
    drawn = card.draw(pictures, text)
    files.append(File(CARD, "image/jpeg", marks.jpeg_bytes(drawn, source_type=pictures.source_type)))
    if pictures.film is not None:
        files.append(File(FILM, "video/mp4", pictures.film))
    by_name = {file.name: file for file in files}
    return TakeHomeFiles(
        pictures.language,
        pictures.captions,
        by_name,
        pictures.same,
        pictures.is_real,
        exact_px=len(pictures.doppelganger),
        is_group=pictures.is_group,
    )
