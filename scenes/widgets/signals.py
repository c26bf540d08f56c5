"""Guidance as a drawing: a disc, the visitor, moves relative to a ring, the place to stand."""

import math

from installation.stage.canvas import Canvas
from installation.stage.theme import Theme, smooth
from installation.stage.view import Guidance

_DIRECTIONS = {
    Guidance.LEFT: (-1.0, 0.0),
    Guidance.RIGHT: (1.0, 0.0),
    Guidance.HIGHER: (0.0, -1.0),
    Guidance.LOWER: (0.0, 1.0),
}


def draw_signal(
    canvas: Canvas,
    theme: Theme,
    centre: tuple[float, float],
    radius_px: float,
    guidance: Guidance,
    turn: float,
    light: float = 1.0,
) -> None:
    """Draws the sign of one instruction, which moves once per unit of `turn`, or not (reduced motion)."""
    x, y = centre
    stroke = max(canvas.layout.stroke_px, round(radius_px / 12))
    done = 0.5 if theme.reduced_motion else smooth(1.4 * (turn % 1.0))
    inner = 0.42 * radius_px

    def place(scale: float = 1.0) -> None:
        canvas.arc(centre, (scale * 0.8 * radius_px,) * 2, stroke, theme.quiet_ink, light)

    def visitor(at: tuple[float, float], radius: float) -> None:
        canvas.disc(at, radius, theme.ink, light)

    match guidance:
        case Guidance.LEFT | Guidance.RIGHT | Guidance.HIGHER | Guidance.LOWER:
            along = _DIRECTIONS[guidance]
            place()
            away = (1 - done) * 1.3 * radius_px
            visitor((x - along[0] * away, y - along[1] * away), inner)
        case Guidance.NEARER:
            place()
            visitor(centre, (0.2 + 0.5 * done) * radius_px)
        case Guidance.FARTHER:
            place()
            visitor(centre, (1.05 - 0.5 * done) * radius_px)
        case Guidance.LOOK_HERE:
            place()
            visitor((x + (1 - done) * 0.5 * radius_px, y), 0.25 * radius_px)
        case Guidance.MORE_LIGHT:
            visitor(centre, inner)
            for ray in range(8):
                angle = ray * math.pi / 4
                begin, end = 0.62 * radius_px, (0.7 + 0.3 * done) * radius_px
                points = [(x + part * math.cos(angle), y + part * math.sin(angle)) for part in (begin, end)]
                canvas.polyline(points, stroke, theme.ink, light)
        case Guidance.HOLD_STILL | Guidance.READY:
            place()
            visitor(centre, inner * (1 - 0.12 * math.sin(math.pi * done)))
        case Guidance.ONE_AT_A_TIME:
            place()
            visitor(centre, inner)
            canvas.arc((x + (0.6 + done) * radius_px, y), (inner, inner), stroke, theme.quiet_ink, light)
        case Guidance.NOBODY:
            for part in range(12):
                canvas.arc(
                    centre,
                    (0.8 * radius_px,) * 2,
                    stroke,
                    theme.quiet_ink,
                    light,
                    1 / 24,
                    part * 30 + 20 * done,
                )
