"""What each judge says of the doppelgänger, in words for the visitor's phone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from installation.settings.texts import Texts

if TYPE_CHECKING:  # the process that faces the phones loads nothing of the engine
    from engine.pipeline.result import PortrayalResult


@dataclass(frozen=True)
class Caption:
    """What one judge says of the doppelgänger: `same`, and a sentence that makes it understood."""

    judge: str
    same: bool
    words: str


def captions(result: "PortrayalResult", text: Texts, exists: bool = True) -> tuple[Caption, ...]:
    """One for each judge that has been asked about the picture that is given.

    exists: whether the sitter does.
    """
    return tuple(
        Caption(
            text.judge(one.judge),
            one.of_doppelganger.same,
            text.strangers(one.fmr, exists),
        )
        for one in result.judge_results
        if one.of_doppelganger is not None
    )
