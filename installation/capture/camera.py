"""The camera as the visit needs it: on from consent to farewell, else off, and retried while it fails."""

import logging
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.common.errors import UsageError
from hardware.camera.base import CameraHealth, CameraState, Feed, Frame
from hardware.camera.settings import CameraSettings, Crop
from installation.settings.parameters import Applies, Parameters
from installation.settings.registry import Registry
from installation.visit.events import CameraFailed, CameraReady, Event
from installation.workers.supervision import Condition, Health

log = logging.getLogger(__name__)


class CameraParameters(Parameters):
    """The camera's picture; see docs/cameras.md."""

    scene: ClassVar[str] = "camera"

    mirror: bool = Field(True, description="on the screen left and right are changed, as in a mirror")
    rotation_deg: Literal["0", "90", "180", "270"] = Field(
        "0", description="clockwise, what sets the picture of a tilted camera upright"
    )
    crop_left: float = Field(0, ge=0, le=0.9, description="cut off at the left, a share of the width")
    crop_right: float = Field(0, ge=0, le=0.9, description="cut off at the right, a share of the width")
    crop_top: float = Field(0, ge=0, le=0.9, description="cut off above, a share of the height")
    crop_bottom: float = Field(0, ge=0, le=0.9, description="cut off below, a share of the height")
    exposure_ms: float = Field(0, ge=0, le=1000, description="of each picture; 0 leaves it to the camera")
    width_px: Annotated[int, Applies.NEXT_SCENE] = Field(
        1280, ge=64, le=8192, description="asked of the camera, which gives the nearest it has"
    )
    height_px: Annotated[int, Applies.NEXT_SCENE] = Field(
        720, ge=64, le=8192, description="asked of the camera, which gives the nearest it has"
    )
    rate_hz: Annotated[float, Applies.NEXT_SCENE] = Field(
        30, ge=5, le=240, description="pictures a second, asked of the camera"
    )
    picture_s: float = Field(120, ge=0.2, le=86400, description="how long each picture of a folder stands")
    opening_s: float = Field(8, ge=1, le=30, description="how long the camera may take to come on")
    patience_s: float = Field(3, ge=1, le=30, description="without a good picture for so long, it has failed")

    def settings(self) -> CameraSettings:
        """As the camera takes them. Raises UsageError where the crop leaves nothing."""
        return CameraSettings(
            mirror=self.mirror,
            rotation_deg=int(self.rotation_deg),
            crop=Crop(self.crop_left, self.crop_top, 1 - self.crop_right, 1 - self.crop_bottom),
            exposure_ms=None if self.exposure_ms < 0.1 else self.exposure_ms,
            width_px=self.width_px,
            height_px=self.height_px,
            rate_hz=self.rate_hz,
            picture_s=self.picture_s,
        )


class CameraControl:
    """Turns the camera on and off, and reports when it fails and when it is back.

    A camera that has failed stays on until it gives a frame again, which nothing looks at. The same test is
    made once at the start, so that a missing camera is noticed before the first visitor comes; and after a
    visit that ended before the first frame, so that it is noticed although visitors soon walk away.

    open_feed: opens and starts the camera with these settings. Times are the main loop's clock.
    """

    name = "camera"

    def __init__(self, open_feed: Callable[[CameraSettings], Feed], registry: Registry) -> None:
        self._open_feed = open_feed
        self._registry = registry
        self._settings = CameraParameters().settings()
        self._feed: Feed | None = None
        self._wanted = False
        self._has_delivered = False  # a frame, since it was opened
        self._failed = False
        self._deadline_s = 0.0

    def begin(self, now_s: float) -> None:
        """Tests the camera at the start of the program: opens it until its first frame, or its failure."""
        self._open(now_s)

    def turn_on(self, now_s: float) -> None:
        """Opens the camera: a visitor has agreed."""
        self._wanted = True
        self._open(now_s)

    def turn_off(self) -> None:
        """Closes the camera after a visit, unless it has failed or not given a frame yet."""
        self._wanted = False
        if self._has_delivered and not self._failed:
            self._close()

    def restart(self, now_s: float) -> None:
        """Closes the camera and opens it again; where no visit wants it, until its first frame only."""
        self._close()
        self._open(now_s)

    def stop(self) -> None:
        """Closes the camera at the end of the program."""
        self._wanted = False
        self._close()

    def latest(self) -> Frame | None:
        """The newest good frame, while a visit wants the camera; else None."""
        return self._feed.latest() if self._feed is not None and self._wanted else None

    def poll(self, now_s: float) -> list[Event]:
        """CameraFailed and CameraReady, when that changes. Call once per frame of the main loop."""
        if self._feed is None:
            return []
        self._apply_settings(self._feed)
        if self._feed.latest() is not None:
            was_failed, self._failed, self._has_delivered = self._failed, False, True
            self._deadline_s = now_s + self._registry.of(CameraParameters).patience_s
            if not self._wanted:
                self._close()
            return [CameraReady()] if was_failed else []
        if self._failed or now_s < self._deadline_s:
            return []
        self._failed = True
        return [CameraFailed()]

    @property
    def feed_health(self) -> CameraHealth:
        """The camera's own health, for the technician's screen."""
        if self._feed is None:
            return CameraHealth(CameraState.STOPPED, "", None, 0.0, 0)
        return self._feed.camera_health()

    @property
    def health(self) -> Health:
        """The camera's health as one of the services, with advice."""
        if self._feed is None:
            return Health(Condition.OK, "off; nobody has agreed to be seen.")
        feed_health = self._feed.camera_health()
        if self._failed:
            return Health(
                Condition.WAITING,
                f"{feed_health.camera or 'camera'}: {feed_health.state}.",
                feed_health.what_to_do,
            )
        # Without the frame rate: a health that changes all the time would be sent all the time.
        return Health(Condition.OK, f"{feed_health.camera or 'camera'}: {feed_health.state}.")

    def _open(self, now_s: float) -> None:
        if self._feed is None:
            self._settings = self._settings_from_registry()
            self._feed = self._open_feed(self._settings)
            self._has_delivered = False
            self._deadline_s = now_s + self._registry.of(CameraParameters).opening_s

    def _close(self) -> None:
        if self._feed is not None:
            self._feed.stop()
            self._feed = None

    def _apply_settings(self, feed: Feed) -> None:
        settings = self._settings_from_registry()
        if settings != self._settings:
            self._settings = settings
            feed.apply(settings)

    def _settings_from_registry(self) -> CameraSettings:
        try:
            return self._registry.of(CameraParameters).settings()
        except UsageError as error:
            # Two crop sliders may cross for a moment; the last valid settings stay.
            log.debug("camera: %s", error)
            return self._settings
