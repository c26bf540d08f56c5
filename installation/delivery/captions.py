"""What each judge says of the doppelgänger, in words for the visitor's phone."""

from engine.pipeline.result import Finding
from installation.delivery.parcel import Saying
from installation.settings.texts import Texts


def sayings(finding: Finding, text: Texts, exists: bool = True) -> tuple[Saying, ...]:
    """One for each judge that has been asked about the picture that is given.

    exists: whether the sitter does.
    """
    return tuple(
        Saying(
            text.judge(one.judge),
            one.of_doppelganger,
            text.strangers(one.fmr, exists),
        )
        for one in finding.opinions
        if one.of_doppelganger is not None
    )
