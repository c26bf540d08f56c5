"""Rates in reports about judges, and how such a report is written."""

from pathlib import Path

from engine.common.errors import UsageError
from engine.judges.calibration import Rate
from installation.outputs import report
from installation.outputs.report import Number, Part


class Share(Part):
    """A rate: `count` of `trials`, with the exact 95 % interval of Clopper and Pearson."""

    count: int
    trials: int
    interval: tuple[Number, Number]

    def __str__(self) -> str:
        """As a table on a terminal has it: 3/12 [5, 57] %."""
        low, high = (100 * end for end in self.interval)
        return f"{self.count}/{self.trials} [{low:.0f}, {high:.0f}] %"


def share(rate: Rate) -> Share:
    """A rate with its interval."""
    return Share(count=rate.count, trials=rate.trials, interval=rate.interval)


def write_figures(figures: Part, path: Path) -> None:
    """Writes a report. Raises UsageError where it cannot be written."""
    try:
        report.write(figures, path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}). Choose another --out.") from error
