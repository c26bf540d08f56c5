"""The film of a picture that speaks."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from engine.common.atomic_file import replacing
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from engine.speech.articulation import TRAIL_S, articulate
from engine.speech.phonemes import Speech
from engine.speech.resampling import resampled
from installation.outputs.films.film import Film
from installation.outputs.films.soundtrack import SampledSound
from installation.stage.sound import RATE_HZ

PICTURES_HZ = 30


def write_spoken_film(
    path: Path, rig: Rig, speech: Speech, on_frame: Callable[[float], None] = lambda _: None
) -> float:
    """Writes the film with the spoken sound, complete or not at all, and returns its length in seconds.

    Each picture has the mouth of the middle of its time. on_frame: called with the share that is done. Raises
    OSError where the film cannot be written.
    """
    articulation = articulate(speech.phonemes)
    frames = math.ceil((speech.duration_s + TRAIL_S) * PICTURES_HZ) + 1
    sound = SampledSound(resampled(speech, RATE_HZ).samples)
    side_px = len(rig.picture)
    with ExitStack() as stack:
        temporary = stack.enter_context(replacing(path))
        film = stack.enter_context(Film(temporary, side_px, side_px, PICTURES_HZ, crf=16, soundtrack=sound))
        for frame in range(frames):
            film.add(draw(rig, articulation.at((frame + 0.5) / PICTURES_HZ)))
            on_frame((frame + 1) / frames)
    return frames / PICTURES_HZ
