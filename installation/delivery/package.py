"""What a link leads to: the parcel's pictures and film as files, each marked as synthetic."""

from collections.abc import Mapping
from dataclasses import dataclass

from installation.delivery import card
from installation.delivery.parcel import Parcel, Saying
from installation.outputs import marks
from installation.settings.texts import Texts

DOPPELGANGER, CARD, FILM = "doppelganger.png", "card.jpg", "morph.mp4"
SAME, OTHER = "border_same.png", "border_other.png"


@dataclass(frozen=True)
class File:
    """A finished file; its name says nothing about the visit."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Package:
    """The files by name and the words that go with them."""

    language: str
    sayings: tuple[Saying, ...]
    files: Mapping[str, File]
    same: bool = False
    exists: bool = True


def pack(parcel: Parcel) -> Package:
    """Encodes the pictures as PNG, pixel by pixel as they were judged, and makes the card."""
    pictures = {DOPPELGANGER: parcel.doppelganger}
    if parcel.pair is not None:
        pictures |= {SAME: parcel.pair[0], OTHER: parcel.pair[1]}
    files = [File(name, "image/png", marks.png_bytes(picture)) for name, picture in pictures.items()]
    text = Texts.load(parcel.language)
    drawn = card.draw(parcel.doppelganger, parcel.pair, text, parcel.same, parcel.exists)
    files.append(File(CARD, "image/jpeg", marks.jpeg_bytes(drawn)))
    if parcel.film is not None:
        files.append(File(FILM, "video/mp4", parcel.film))
    by_name = {file.name: file for file in files}
    return Package(parcel.language, parcel.sayings, by_name, parcel.same, parcel.exists)
