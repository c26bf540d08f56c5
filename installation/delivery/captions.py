"""What each judge says of the doppelgänger, in words for the visitor's phone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from installation.settings.texts import Texts

if TYPE_CHECKING:  # the process that faces the phones loads nothing of the engine
    from engine.pipeline.result import JudgeResult, PortrayalResult


@dataclass(frozen=True)
class Caption:
    """What one judge says of the doppelgänger: `same`, and who that judge is: who made it, when, with whose
    faces, and how often it takes a stranger for the sitter.

    is_witness: whether it is the witness (`PortrayalResult.witness`).
    """

    judge: str
    same: bool
    words: str
    is_witness: bool = False


def captions(result: "PortrayalResult", text: Texts, is_real: bool = True) -> tuple[Caption, ...]:
    """One for each judge that has been asked about the picture that is given, the witness last.

    is_real: whether the sitter is a real person, not a synthetic one.
    """
    from engine.judges.registry import origin_of

    def who(judge_result: "JudgeResult") -> str:
        mistakes = text.strangers(judge_result.fmr, is_real)
        return f"{text.origin(origin_of(judge_result.judge))} {mistakes}".lstrip()

    found = [
        Caption(
            text.judge(judge_result.judge),
            judge_result.of_doppelganger.same,
            who(judge_result),
            is_witness=judge_result is result.witness,
        )
        for judge_result in result.judge_results
        if judge_result.of_doppelganger is not None
    ]
    return tuple(sorted(found, key=lambda caption: caption.is_witness))
