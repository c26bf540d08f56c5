"""Films and photographs in which everybody has the head of a person who does not exist."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.atomic_file import write_bytes
from engine.common.errors import NoUsableFace, printable
from engine.faces.detector import box_centre
from engine.live.crowd.anonymiser import Anonymiser
from engine.live.crowd.head import box_width
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.recording import Person, observe, people_of
from installation.outputs.films.recorded import Recording, film_like
from installation.outputs.marks import (
    COMPOSITE_MEDIA,
    jpeg_bytes,
    png_bytes,
)

# A person of a contact sheet: the side of their picture, as many box widths wide, and how many in a row.
SHEET_PX, SHEET_WIDTHS, SHEET_ROW = 160, 2.2, 8


def find_people(
    recording: Recording, lookout: Lookout, name: Path, notify: Callable[[float], None] = lambda _: None
) -> list[Person]:
    """Everybody in a recording. Raises NoUsableFace where nobody is found; name: of the file, to say so."""
    people = people_of(observe(lookout, recording.picture, recording.frames, notify), recording.rate_hz)
    if not people:
        raise NoUsableFace("none", f"{printable(name)}: no face was found in it, and nothing was written.")
    return people


def write_anonymised(
    path: Path,
    recording: Recording,
    people: Sequence[Person],
    nobodies: Nobodies,
    keep: Collection[int] = (),
    notify: Callable[[float], None] = lambda _: None,
) -> None:
    """Writes a new OUT.mp4, OUT.png or OUT.jpg, whole or not at all; a film with its sound.

    It is marked as a composite, as the room is photographed; and not at all where everybody was kept. Raises
    OSError where it cannot be written, or has appeared meanwhile.
    """
    anonymiser = Anonymiser(people, nobodies, keep)
    source_type = COMPOSITE_MEDIA if {person.number for person in people} - set(keep) else None
    if path.suffix != ".mp4":
        drawn = anonymiser.draw(recording.picture(0), 0)
        encode = png_bytes if path.suffix == ".png" else jpeg_bytes
        write_bytes(path, encode(drawn, source_type=source_type), only_new=True)
        return
    with film_like(path, recording, crf=18, source_type=source_type) as film:
        for frame in range(recording.frames):
            film.add(anonymiser.draw(recording.picture(frame), frame))
            notify((frame + 1) / recording.frames)


def write_contact_sheet(path: Path, recording: Recording, people: Sequence[Person]) -> None:
    """Writes everybody's own face with their number: a photograph, and not marked as synthetic. Raises
    OSError as `write_anonymised` does."""
    largest = {
        person.number: max(
            person.heads,
            key=lambda frame: (person.heads[frame].score > 0, box_width(person.heads[frame].box_px)),
        )
        for person in people
    }
    parts = {}
    for person in sorted(people, key=lambda person: largest[person.number]):
        frame = largest[person.number]
        parts[person.number] = _part(recording.picture(frame), person, frame)
    rows = -(-len(parts) // SHEET_ROW)
    sheet = np.zeros((rows * SHEET_PX, min(len(parts), SHEET_ROW) * SHEET_PX, 3), np.uint8)
    for index, number in enumerate(sorted(parts)):
        top, left = index // SHEET_ROW * SHEET_PX, index % SHEET_ROW * SHEET_PX
        sheet[top : top + SHEET_PX, left : left + SHEET_PX] = parts[number]
    write_bytes(path, png_bytes(sheet, source_type=None), only_new=True)


def _part(picture: Pixels, person: Person, frame: int) -> Pixels:
    head = person.heads[frame]
    side = max(2, round(SHEET_WIDTHS * box_width(head.box_px)))
    x, y = box_centre(head.box_px)
    part = cv2.resize(cv2.getRectSubPix(picture, (side, side), (x - 0.5, y - 0.5)), (SHEET_PX, SHEET_PX))
    for thickness, colour in ((5, (0, 0, 0)), (2, (255, 255, 255))):
        cv2.putText(
            part, str(person.number), (6, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, thickness, cv2.LINE_AA
        )
    return np.asarray(part, np.uint8)
