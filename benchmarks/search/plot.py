"""The plot of how cost grows with work: both axes in doublings, from each curve's own first point."""

from math import log2

from engine.common.arrays import Pixels
from installation.stage.canvas import WHITE, Align, Canvas, grey

SIDE_PX, LEFT_PX, RIGHT_PX, EDGE_PX = 1200, 120, 300, 120
STROKES = (9.0, 6.0, 4.0, 2.0)  # a curve is known by its width and its name


def growth_plot(costs: dict[str, dict[int, float]]) -> Pixels:
    """uint8 (1200, 1200, 3) RGB. costs: what grows -> how much of it -> seconds, rising. The grey diagonal is
    linear growth, what is steeper is worse."""
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
    canvas.text("cost over work", (LEFT_PX, 70), 36)
    for stroke_px, (name, points) in zip(STROKES, curves.items(), strict=False):
        canvas.polyline([at(*point) for point in points], stroke_px, WHITE)
        end = at(*points[-1])
        canvas.text(name, (end[0] + 18, end[1] + 8), 28)
    return canvas.rgb
