"""Technician, `./kiosk run --setup`: framing, focus, light, camera, screens and the delivery to phones.

In English, and the only scene that shows measurements. They are drawn while a face is there and kept nowhere.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from pygame import Rect

from engine.common.arrays import Pixels
from engine.faces.alignment import ffhq_quad
from engine.faces.measurement import Face
from hardware.camera.base import CameraState
from installation.stage.canvas import Align, Canvas, TextBlock
from installation.stage.layout import Layout
from installation.stage.scene import Scene
from installation.stage.view import Diagnostics, View
from installation.visit.face_limits import face_limits
from installation.visit.parameters import CaptureParameters

WHITE, GREY, DIM = (255, 255, 255), (168, 168, 168), (80, 80, 80)
# From this level on a channel counts as overexposed.
CLIPPED = 250


@dataclass(frozen=True)
class Gauge:
    """One measure: `value` on a scale from 0 to `full`, good from `low` to `high`."""

    name: str
    shown: str
    value: float
    full: float
    low: float
    high: float = float("inf")

    @property
    def good(self) -> bool:
        return self.low <= self.value <= self.high


class Technician(Scene):
    """Draws the camera's whole picture with the square of the portrait in it, and what is measured there."""

    parameters = CaptureParameters

    def __init__(self) -> None:
        self.leave()

    def leave(self) -> None:
        self._best_focus = self._passed_focus = 0.0

    def draw(self, canvas: Canvas, view: View) -> None:
        if view.diagnostics is None:
            return
        diagnostics = view.diagnostics
        layout = canvas.layout
        panel = layout.panel.copy()
        if view.camera is not None:
            rect = _fitted(view.camera.image, layout)
            self._draw_picture(
                canvas, view.camera.image, rect, diagnostics, view.parameters.of(CaptureParameters)
            )
            if layout.stacked:
                panel.top = rect.bottom + layout.margin_px // 2
        asked = (
            view.participant.sighting.guidance.value
            if view.participant.sighting and view.camera
            else "no picture"
        )
        words = [TextBlock(asked.capitalize(), layout.large_px, 500, WHITE)]
        panel.top = canvas.column(words, panel).bottom + layout.margin_px // 2
        for gauge in self._gauges(diagnostics, view):
            panel.top = self._draw_gauge(canvas, panel, gauge)
        panel.top += layout.small_px // 2
        panel.height = layout.page.bottom - panel.top
        canvas.column(
            [TextBlock(line, layout.small_px, 400, GREY, after=0.2) for line in lines(diagnostics)], panel
        )

    def _draw_picture(
        self, canvas: Canvas, picture: Pixels, rect: Rect, diagnostics: Diagnostics, values: CaptureParameters
    ) -> None:
        canvas.picture(picture, rect, fade_edges=False)
        stroke = canvas.layout.stroke_px
        scale = rect.width / picture.shape[1]
        # Ellipses for the nearest and the farthest face, in the middle.
        for share in (values.near_share, values.far_share):
            radius = share * min(rect.size) / 2
            canvas.arc(rect.center, (radius, 1.3 * radius), stroke, GREY)
        if diagnostics.face is not None:
            quad = ffhq_quad(diagnostics.face.landmarks) * scale + rect.topleft
            canvas.polyline([*quad.tolist(), quad[0].tolist()], 2 * stroke, WHITE)

    def _gauges(self, diagnostics: Diagnostics, view: View) -> list[Gauge]:
        if view.camera is None:
            return []
        picture, face, values = view.camera.image, diagnostics.face, view.parameters.of(CaptureParameters)
        part = _part(picture, face)
        focus = measure_focus(part)
        best, passed = self._past_best(focus)
        gauges = [
            Gauge("Focus" if passed else "Focus: past the best and back", f"{focus:.2f}", focus, best,
                  0.9 * best if passed else float("inf")),
            Gauge("Overexposed", f"{100 * clipped_share(part):.0f} %", clipped_share(part), 0.2, 0.0, 0.02),
        ]  # fmt: skip
        if face is None:
            return gauges
        limits, shorter_px = face_limits(values), min(picture.shape[:2])
        far_px = max(limits.min_face_px, values.far_share * shorter_px)
        near_px = values.near_share * shorter_px
        yaw, pitch, _ = face.pose_deg
        return [
            *gauges,
            Gauge("Light", f"{face.brightness:.0f}", face.brightness, 100, limits.min_brightness),
            Gauge("Sharpness", f"{face.sharpness:.2f}", face.sharpness, 0.8, limits.min_sharpness),
            Gauge("Face", f"{face.face_px:.0f} px", face.face_px, 1.2 * near_px, far_px, near_px),
            Gauge("Turned aside", f"{yaw:+.0f}°", abs(yaw), 60, 0, limits.max_yaw_deg),
            Gauge("Looking up", f"{pitch:+.0f}°", abs(pitch), 60, 0, limits.max_pitch_deg),
        ]

    def _past_best(self, focus: float) -> tuple[float, bool]:
        """The best focus so far, and whether it is a maximum: whether the focus has been worse since."""
        self._best_focus = max(self._best_focus, focus)
        if focus < 0.8 * self._best_focus:
            self._passed_focus = self._best_focus
        return self._best_focus, self._best_focus <= 1.05 * self._passed_focus

    def _draw_gauge(self, canvas: Canvas, panel: Rect, gauge: Gauge) -> int:
        """Draws a name, a number, and a bar with its limits, filled if the value is good. Returns its end."""
        size = canvas.layout.small_px
        baseline = panel.top + size
        canvas.text(gauge.name, (panel.left, baseline), size, 400, GREY)
        canvas.changing_number(gauge.shown, (panel.right, baseline), size, 500, WHITE, align=Align.RIGHT)
        bar = Rect(panel.left, baseline + size // 4, panel.width, max(size // 5, 3))

        def along(value: float) -> int:
            return round(bar.width * min(max(value / gauge.full, 0.0), 1.0)) if gauge.full > 0 else 0

        canvas.fill(bar, DIM)
        filled = Rect(bar.left, bar.top, along(gauge.value), bar.height)
        if gauge.good:
            canvas.fill(filled, WHITE)
        else:
            canvas.outline(filled, max(bar.height // 3, 1), WHITE)
        stroke = canvas.layout.stroke_px
        for mark in (gauge.low, gauge.high):
            if 0 < mark <= gauge.full:
                x = bar.left + along(mark)
                canvas.fill(Rect(x, bar.top, stroke, 3 * bar.height), WHITE)
        return bar.bottom + size // 6


def lines(diagnostics: Diagnostics) -> list[str]:
    """The lines of text; how to leave comes first, so that nothing pushes it off the screen."""
    camera = diagnostics.camera
    size = f"{camera.size_px[0]}x{camera.size_px[1]} px, " if camera.size_px else ""
    again = f", opened again {camera.reopened} times" if camera.reopened else ""
    found = [
        "Escape ends this picture",
        f"Camera: {camera.camera or 'none'}, {size}{camera.rate_hz:.1f} Hz, {camera.state}{again}",
    ]
    if camera.state is not CameraState.RUNNING:
        found.append(camera.what_to_do)
    for screen in diagnostics.screens:
        here = "  ← this one" if screen == diagnostics.screen else ""
        found.append(
            f"Screen {screen.index}: {screen.name}, {screen.size_px[0]}x{screen.size_px[1]} px{here}"
        )
    if diagnostics.phones:
        found.append(diagnostics.phones)
    return found


def measure_focus(part: Pixels) -> float:
    """How much fine detail uint8 (H, W, 3) RGB has; compared with itself while the lens is turned.

    As `engine.faces.measurement.measure_sharpness`, but in the camera's own pixels: what is lost there is the
    lens's.
    """
    luma = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across = cv2.filter2D(luma, -1, np.array([[1.0, -2.0, 1.0]]))
    down = cv2.filter2D(luma, -1, np.array([[1.0], [-2.0], [1.0]]))
    return float(min(across.std(), down.std()) / max(float(luma.std()), 1.0))


def clipped_share(part: Pixels) -> float:
    """The share of pixels, 0 to 1, of which a channel has reached its end."""
    return float(np.mean(part.max(axis=2) >= CLIPPED))


def _part(picture: Pixels, face: Face | None) -> Pixels:
    """The part of the picture with the face, or its middle."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = face.box_px if face else (width / 3, height / 3, 2 * width / 3, 2 * height / 3)
    left, top = int(np.clip(x0, 0, width - 2)), int(np.clip(y0, 0, height - 2))
    return picture[top : max(top + 2, int(y1)), left : max(left + 2, int(x1))]


def _fitted(picture: Pixels, layout: Layout) -> Rect:
    """The largest rectangle of the picture's aspect ratio in the layout's square for the face."""
    height, width = picture.shape[:2]
    scale = min(layout.face.width / width, layout.face.height / height)
    rect = Rect(0, 0, round(scale * width), round(scale * height))
    if layout.stacked:  # a smaller one, for the numbers below it
        rect.scale_by_ip(0.6, 0.6)
        rect.midtop = layout.face.midtop
    else:
        rect.center = layout.face.center
    return rect
