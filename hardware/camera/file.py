"""A picture, a folder of pictures or a video clip in the camera's place.

Pictures are read by `engine.photographs`, so that a visit before `file:portrait.jpg` begins with the same
pixels that `./kiosk visit portrait.jpg` works on, and so that there is one decoder for untrusted files.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from engine.common.errors import UsageError, printable
from engine.photographs.animation import is_animation
from engine.photographs.folder import PICTURE_SUFFIXES
from engine.photographs.photograph import is_picture, load_photograph
from hardware.camera.base import CameraError, CameraState
from hardware.camera.film.clip import Clip
from hardware.camera.film.decoding import is_film
from hardware.camera.settings import CameraSettings
from hardware.camera.still import Folder, Moving, Still, shrunk
from hardware.camera.timed import Footage, TimedCamera

log = logging.getLogger(__name__)


class FileSource:
    """A file or folder that stands in for a camera, from its beginning each time it is opened.

    Raises UsageError at once where it cannot be used: nothing there, no pictures in the folder, no video in
    the clip, or none that can be decoded. `now` is the clock that `read` follows.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._reported: set[str] = set()
        try:
            path.stat()
        except FileNotFoundError:
            raise UsageError(
                f"camera file {printable(path)} does not exist: check the name and the folder."
            ) from None
        except (OSError, ValueError) as error:
            reason = printable(getattr(error, "strerror", None) or error)
            raise UsageError(
                f"camera file {printable(path)} cannot be looked at ({reason}): check the name and the "
                "permissions of the folders above."
            ) from None
        if not os.access(path, os.R_OK, effective_ids=True):
            raise UsageError(
                f"camera file {printable(path)} may not be read: change its permissions, or copy it."
            )
        if not (path.is_file() or path.is_dir()):
            raise UsageError(
                f"camera file {printable(path)} is neither a file nor a folder: give one of them."
            )
        footage = self._footage(CameraSettings())
        try:
            footage.picture_at(0.0)
        except CameraError as error:
            raise UsageError(str(error)) from None
        finally:
            footage.close()

    def open(self, settings: CameraSettings) -> TimedCamera:
        try:
            return TimedCamera(self._path.name, self._footage(settings), settings.rate_hz, self._now)
        except UsageError as error:
            raise CameraError(CameraState.MISSING, str(error)) from None

    def _footage(self, settings: CameraSettings) -> Footage:
        side_px = max(settings.width_px, settings.height_px)
        if self._path.is_dir():
            return Folder(self._path, side_px, settings.picture_s, self._report)
        named_as_picture = self._path.suffix.lower() in PICTURE_SUFFIXES
        if is_picture(self._path) or (named_as_picture and not is_film(self._path)):
            if is_animation(self._path):
                return Moving(self._path, side_px)
            return Still(shrunk(load_photograph(self._path), side_px))
        return Clip(self._path, side_px)

    def _report(self, line: str) -> None:
        """Logs each line once, however often the source is opened and a folder begins again."""
        if line not in self._reported:
            self._reported.add(line)
            log.warning(line)
