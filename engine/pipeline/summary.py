"""From a portrayal to what is shown of it."""

from engine.border.strip import NoBorderReason
from engine.border.tracing import Curve
from engine.judges.base import Judge
from engine.judges.verdict import Verdict
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.result import JudgeResult, PortrayalResult


def summarise(portrayal: Portrayal, complete: bool = True) -> PortrayalResult:
    """What of a portrayal is shown; nothing of the sitter's own face is in it.

    complete: see `PortrayalResult`.
    """
    found = portrayal.doppelganger
    # Another finder may come first; the visit then speaks of the way that its doppelgänger lies on.
    nearest = portrayal.nearest if found is not portrayal.on_the_way else None
    return PortrayalResult(
        median=portrayal.strip,
        nearest=nearest.strip if nearest else None,
        judge_results=tuple(
            _judge_result(
                judge_curves.judge,
                judge_curves.curve,
                found.verdicts.get(judge_curves.judge.name) if found else None,
            )
            for judge_curves in portrayal.judged
        ),
        doppelganger=found.picture if found else None,
        complete=complete,
        enlarged=portrayal.enlargement.picture if portrayal.enlargement else None,
        refused=bool(portrayal.refused),
    )


def _judge_result(judge: Judge, curve: Curve, of_doppelganger: Verdict | None) -> JudgeResult:
    return JudgeResult(
        judge=judge.name,
        binding=judge.binding,
        threshold=judge.threshold,
        fmr=judge.fmr,
        samples=tuple(sample for sample in curve.samples if sample.verdict.measured),
        border_t=curve.border.t if curve.border else None,
        no_border_reason=_no_border_reason(curve),
        of_doppelganger=of_doppelganger,
    )


def _no_border_reason(curve: Curve) -> NoBorderReason | None:
    if curve.border:
        return None
    if not any(sample.verdict.measured for sample in curve.samples):
        return NoBorderReason.UNDECIDED
    return NoBorderReason.ALWAYS if curve.samples[-1].verdict.same else NoBorderReason.NEVER
