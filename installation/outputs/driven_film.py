"""The film of a picture that moves as the face in a clip does."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from engine.common.atomic_file import replacing
from engine.common.errors import NoUsableFace, UsageError, printable
from engine.faces.analyser import FaceAnalyser
from engine.live.driver import Driver
from engine.live.follower import Follower
from engine.live.puppet import draw
from engine.live.rig import Rig
from hardware.camera.base import CameraError
from hardware.camera.film.clip import Clip
from installation.outputs.clip_sound import ClipSound, has_sound
from installation.outputs.film import Film

# The driver's pictures are shrunk to this: the mesh of a face needs 192 pixels.
DRIVER_PX = 1280
FASTEST_HZ = 30


def write_driven_film(
    path: Path,
    rig: Rig,
    clip_path: Path,
    analyser: FaceAnalyser,
    on_frame: Callable[[float], None] = lambda _: None,
) -> float:
    """Writes the film, complete or not at all, and returns its length in seconds.

    It has the clip's sound and about its rate, at most `FASTEST_HZ`. While no face is seen, the picture
    rests. Holds one frame at a time. on_frame: called with the share that is done. Raises UsageError where
    the clip is no film, NoUsableFace where no face is in it, and OSError where the film cannot be written.
    """
    clip = Clip(clip_path, DRIVER_PX)
    rate_hz = max(1, min(FASTEST_HZ, round(clip.rate_hz)))
    frames = max(1, round(clip.duration_s * rate_hz))
    driver, follower = Driver(analyser), Follower()
    seen = 0
    with ExitStack() as stack:
        stack.callback(clip.close)
        temporary = stack.enter_context(replacing(path))
        sound = stack.enter_context(ClipSound(clip_path, clip.begins_s)) if has_sound(clip_path) else None
        side_px = len(rig.picture)
        film = stack.enter_context(Film(temporary, side_px, side_px, rate_hz, crf=16, soundtrack=sound))
        for frame in range(frames):
            try:
                mesh = driver.mesh(clip.picture_at(frame / rate_hz))
            except CameraError as error:
                raise UsageError(str(error)) from None
            seen += mesh is not None
            film.add(draw(rig, follower.step(mesh, frame / rate_hz)))
            on_frame((frame + 1) / frames)
        if not seen:
            raise NoUsableFace("none", f"{printable(clip_path)}: no face was found in it. Give another clip.")
    return frames / rate_hz
