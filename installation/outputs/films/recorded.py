"""Films and photographs that are looked at frame by frame, as often as wanted, and new films like them."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from engine.common.arrays import Pixels
from engine.common.atomic_file import replacing
from engine.common.errors import UsageError
from engine.common.subjects import Subjects
from hardware.camera.base import CameraError
from hardware.camera.film.clip import Clip
from installation.outputs.films.clip_sound import ClipSound, has_sound
from installation.outputs.films.film import Film
from installation.outputs.marks import TRAINED_ALGORITHMIC_MEDIA

# Larger films are shrunk to this; faster ones have pictures left out.
FILM_PX, FASTEST_HZ = 1920, 60


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


def recording_of(source: Path | Pixels) -> "closing[Recording]":
    """A recording that is closed at the end of a `with` block."""
    return closing(Recording(source))
