"""The plot of how cost grows with work: both axes in doublings, from each curve's own first point."""

from math import log2

from engine.common.arrays import Pixels
from installation.stage.canvas import WHITE, Align, Canvas, grey

SIDE_PX, LEFT_PX, RIGHT_PX, EDGE_PX, LINE_PX, SAMPLE_PX = 1200, 120, 340, 120, 48, 50
STROKES = (9.0, 6.0, 4.0, 2.0)  # a curve is known by its width


def growth_plot(costs: dict[str, dict[int, float]], exponents: dict[str, float]) -> Pixels:
    """uint8 (1200, 1200, 3) RGB. costs: what grows -> how much of it -> seconds, rising. exponents: of the
    same, written beside the curves' names. The grey diagonal is linear growth, what is steeper is worse."""
    canvas = Canvas(SIDE_PX, SIDE_PX)
    curves = {
        name: [
            (log2(amount / next(iter(cost))), log2(seconds / next(iter(cost.values()))))
            for amount, seconds in cost.items()
        ]
        for name, cost in costs.items()
    }
    highest = max(1.0, *(max(point) for points in curves.values() for point in points))
    lowest = min(0.0, *(y for points in curves.values() for _, y in points))
    scale = min(SIDE_PX - LEFT_PX - RIGHT_PX, (SIDE_PX - 2 * EDGE_PX)) / (highest - lowest)

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT_PX + x * scale, SIDE_PX - EDGE_PX - (y - lowest) * scale

    for doubling in range(int(highest) + 1):
        across, up = at(doubling, lowest), at(0, doubling)
        canvas.polyline([across, at(doubling, highest)], 1, grey(70))
        canvas.polyline([up, at(highest, doubling)], 1, grey(70))
        canvas.text(f"x {2**doubling}", (across[0], across[1] + 40), 26, align=Align.MIDDLE)
        canvas.text(f"x {2**doubling}", (up[0] - 16, up[1] + 8), 26, align=Align.RIGHT)
    canvas.polyline([at(0, 0), at(highest, highest)], 3, grey(110))
    canvas.text("seconds, from those of each curve's first point", (LEFT_PX, at(0, highest)[1] - 40), 32)
    canvas.text("amount, from that of each curve's first point", (LEFT_PX, SIDE_PX - 24), 32)
    key_px = SIDE_PX - RIGHT_PX + 20
    below = at(highest, highest)[1]
    for stroke_px, shade, name, points in (
        (3, grey(110), "linear: 1", []),
        *(
            (stroke_px, WHITE, f"{name}: {exponents[name]:.2f}", points)
            for stroke_px, (name, points) in zip(STROKES, curves.items(), strict=True)
        ),
    ):
        if points:
            canvas.polyline([at(*point) for point in points], stroke_px, WHITE)
        canvas.polyline([(key_px, below), (key_px + SAMPLE_PX, below)], stroke_px, shade)
        canvas.text(name, (key_px + SAMPLE_PX + 14, below + 9), 26)
        below += LINE_PX
    return canvas.rgb
