"""What each judge says of the doppelgänger, in words for the visitor's phone."""

from engine.finding import Finding
from installation.delivery import Saying
from installation.texts import Texts


def sayings(finding: Finding, text: Texts) -> tuple[Saying, ...]:
    """One for each judge that has been asked about the picture that is given."""
    return tuple(
        Saying(text.lines.get(f"judge.{one.judge}", one.judge), one.of_doppelganger, strangers(one.fmr, text))
        for one in finding.opinions
        if one.of_doppelganger is not None
    )


def strangers(fmr: float | None, text: Texts) -> str:
    """A judge's operating point as a visitor reads it."""
    if fmr is None:
        return text("jury.unmeasured")
    count = f"{max(round(fmr * 10_000), 1):,}".replace(",", text("jury.thousands"))
    return text("jury.takes", count=count)
