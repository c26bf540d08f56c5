"""Films of people who do not exist, in motion."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from engine.common.atomic_file import replacing
from engine.common.subjects import Subjects
from engine.live.acting import Act
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig
from installation.outputs.films.film import Film

PICTURES_HZ = 25


def write_acted_film(
    path: Path, rig: Rig, act: Act, seconds: float, notify: Callable[[float], None] = lambda _: None
) -> None:
    """Writes the film, complete or not at all; its mark says that nobody in it exists.

    notify: called with the share that is done. Raises OSError where the film cannot be written.
    """
    frames, side_px = round(seconds * PICTURES_HZ), len(rig.picture)
    with ExitStack() as stack:
        temporary = stack.enter_context(replacing(path))
        film = stack.enter_context(
            Film(temporary, side_px, side_px, PICTURES_HZ, crf=14, subjects=Subjects(invented=True))
        )
        for frame in range(frames):
            film.add(draw(rig, act.at(frame / PICTURES_HZ)))
            notify((frame + 1) / frames)
