"""Plays the sounds of the scenes on the machine's sound device, through pygame's mixer."""

import logging
from collections.abc import Sequence

import pygame

from engine.common.native_output import native_stderr_silenced
from installation.stage.sound import RATE_HZ, Sound, SoundParameters, StartedSound, Voice, samples
from installation.stage.view import View

log = logging.getLogger(__name__)

_BUFFER = 1024  # samples: the sound comes at most 21 ms after its frame
_FADE_MS = 150  # of a voice that is broken off


class Speaker:
    """A context manager that holds the sound device. Without one nothing is heard; the log says so once."""

    def __init__(self) -> None:
        self._sounds: dict[Sound, pygame.mixer.Sound] = {}
        self._voice: pygame.mixer.Sound | None = None  # that speaks, until what it says is over

    def __enter__(self) -> "Speaker":
        try:
            with native_stderr_silenced():  # ALSA writes about every device that it tries
                pygame.mixer.init(RATE_HZ, size=-16, channels=1, buffer=_BUFFER, allowedchanges=0)
            self._sounds = {each: pygame.mixer.Sound(buffer=samples(each).tobytes()) for each in Sound}
        except pygame.error as error:
            log.warning("sound: no device can be used (%s). The piece goes on in silence.", error)
        return self

    def __exit__(self, *_: object) -> None:
        self._sounds.clear()
        self._voice = None
        pygame.mixer.quit()

    def play(self, sounds: Sequence[StartedSound], view: View) -> None:
        """Begins these sounds now, at the volume that is set, and ends a voice whose sentence is broken off;
        returns at once."""
        self._end_voice(view)
        if not sounds or not self._sounds:
            return
        volume = view.parameters.of(SoundParameters).volume_percent / 100
        for each in sounds if volume > 0 else ():
            sound = self._sound(each.sound)
            sound.set_volume(volume)
            sound.play()

    def _sound(self, sound: Sound | Voice) -> pygame.mixer.Sound:
        if isinstance(sound, Sound):
            return self._sounds[sound]
        self._voice = pygame.mixer.Sound(buffer=sound.samples.tobytes())
        return self._voice

    def _end_voice(self, view: View) -> None:
        meeting = view.participant.meeting
        if self._voice is not None and (meeting is None or meeting.sentence is None):
            self._voice.fadeout(_FADE_MS)
            self._voice = None
