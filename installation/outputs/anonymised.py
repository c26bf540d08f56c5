"""Films and photographs in which everybody has the head of a person who does not exist."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import cv2
import numpy as np

from engine.common.arrays import Pixels
from engine.common.atomic_file import replacing, write_bytes
from engine.common.errors import NoUsableFace, UsageError, printable
from engine.common.subjects import Subjects
from engine.faces.detector import box_centre
from engine.live.crowd.anonymiser import Anonymiser
from engine.live.crowd.head import box_width
from engine.live.crowd.lookout import Lookout
from engine.live.crowd.nobodies import Nobodies
from engine.live.crowd.recording import Person, observe, people_of
from hardware.camera.base import CameraError
from hardware.camera.film.clip import Clip
from installation.outputs.clip_sound import ClipSound, has_sound
from installation.outputs.film import Film
from installation.outputs.marks import (
    COMPOSITE_MEDIA,
    TRAINED_ALGORITHMIC_MEDIA,
    jpeg_bytes,
    png_bytes,
)

# Larger films are shrunk to this; faster ones have pictures left out.
FILM_PX, FASTEST_HZ = 1920, 60
# A person of a contact sheet: the side of their picture, as many box widths wide, and how many in a row.
SHEET_PX, SHEET_WIDTHS, SHEET_ROW = 160, 2.2, 8


class Recording:
    """A film or a photograph, all of whose frames can be had in ascending order, as often as wanted.

    frames, rate_hz: how many pictures there are, and how many a second. remarks: what of the film is not
    among them, a line each. path: of the film, which has the sound. Raises UsageError where the film cannot
    be read.
    """

    def __init__(self, source: Path | Pixels) -> None:
        self._photograph: Pixels | None = None
        self._clip: Clip | None = None
        self.path: Path | None = None
        self.remarks: list[str] = []
        if isinstance(source, Path):
            self._clip, self.path = Clip(source, FILM_PX), source
            self.rate_hz = max(1, min(FASTEST_HZ, round(self._clip.rate_hz)))
            self._times_s = self._clip.times_s(self.rate_hz)
            self.frames, self.remarks = len(self._times_s), self._clip.remarks(self.rate_hz)
        else:
            self._photograph, self.rate_hz, self.frames = source, 1, 1

    @property
    def begins_s(self) -> float:
        return self._clip.begins_s if self._clip else 0.0

    def picture(self, frame: int) -> Pixels:
        """uint8 (H, W, 3) RGB. Raises UsageError where the film is damaged."""
        if self._photograph is not None:
            return self._photograph
        assert self._clip is not None
        try:
            return self._clip.picture_at(float(self._times_s[frame]))
        except CameraError as error:
            raise UsageError(str(error)) from None

    def close(self) -> None:
        if self._clip:
            self._clip.close()


@contextmanager
def film_like(
    path: Path,
    recording: Recording,
    crf: int,
    subjects: Subjects | None = None,
    beside: int = 1,
    source_type: str | None = TRAINED_ALGORITHMIC_MEDIA,
) -> Iterator[Film]:
    """A new film of the size and rate of a recorded one and with its sound, written whole or not at all.

    crf, subjects, source_type: see `Film`. beside: how many pictures of that size stand side by side in it.
    """
    assert recording.path is not None
    height, width = recording.picture(0).shape[:2]
    with ExitStack() as stack:
        temporary = stack.enter_context(replacing(path, only_new=True))
        sound = (
            stack.enter_context(ClipSound(recording.path, recording.begins_s))
            if has_sound(recording.path)
            else None
        )
        yield stack.enter_context(
            Film(
                temporary, beside * width, height, recording.rate_hz,
                crf=crf, for_phones=False, soundtrack=sound, subjects=subjects,
                source_type=source_type,
            )
        )  # fmt: skip


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


def recording_of(source: Path | Pixels) -> "closing[Recording]":
    """A recording that is closed at the end of a `with` block."""
    return closing(Recording(source))
