"""One measured figure with its limit, and the table of all."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `holds` is None for what is only reported."""

    name: str
    value: float
    renders: float | None = None
    wanted: str = ""
    holds: bool | None = None


def table(result: Sequence[Figure]) -> str:
    """Markdown."""
    lines = ["| figure | samples | renders | wanted | |", "|---|---|---|---|---|"]
    for figure in result:
        beside = "" if figure.renders is None else f"{figure.renders:.3f}"
        verdict = {True: "yes", False: "**no**", None: ""}[figure.holds]
        lines.append(f"| {figure.name} | {figure.value:.3f} | {beside} | {figure.wanted} | {verdict} |")
    return "\n".join(lines) + "\n"
