"""What one judge says of the picture that is given, and who that judge is."""

from dataclasses import dataclass

from engine.judges.registry import origin_of
from engine.judges.verdict import Verdict
from engine.pipeline.result import JudgeResult, PortrayalResult
from installation.stage.canvas import Canvas, TextBlock
from installation.stage.layout import below
from installation.stage.theme import Theme, sitter_exists, sitter_text
from installation.stage.typesetting import fit
from installation.stage.view import View
from scenes.widgets.verdict import draw_words, judge_name


@dataclass(frozen=True)
class Statement:
    """A judge's verdict on the doppelgänger. is_witness: whether it is the one nobody had to convince."""

    judge_result: JudgeResult
    verdict: Verdict
    is_witness: bool


def statements(result: PortrayalResult, most: int) -> list[Statement]:
    """In the order in which they are heard, `most` in all, the witness last. Empty without a doppelgänger."""
    witness = result.witness
    heard = [
        Statement(each, each.of_doppelganger, is_witness=False)
        for each in result.judge_results
        if each is not witness and each.of_doppelganger is not None
    ]
    if witness is None or witness.of_doppelganger is None:
        return heard[:most]
    return [*heard[: most - 1], Statement(witness, witness.of_doppelganger, is_witness=True)]


def draw_statement(
    canvas: Canvas, view: View, theme: Theme, statement: Statement, share: float, light: float
) -> None:
    """Draws the verdict in large words, and below it who the judge is.

    share: of the judge's time that is over, 0 to 1. Where there is no room for all that is to be said of the
    judge, it is said one sentence after the other.
    """
    layout, judge_result = canvas.layout, statement.judge_result
    name = judge_name(view, judge_result.judge)
    area = layout.panel.copy()
    if not layout.stacked:
        area = area.inflate(0, -round(0.24 * area.height))
    area = area.clip(layout.clear)
    headline = sitter_text(view, "jury.witness" if statement.is_witness else "jury.given", judge=name)
    taken = canvas.column([TextBlock(headline, layout.body_px, 500, theme.ink, light)], area)
    area = below(area, taken, layout.body_px // 3)
    taken = draw_words(canvas, view, theme, area, statement.verdict.same, light)
    area = below(area, taken, layout.body_px // 4)
    sentences = [view.text.strangers(judge_result.fmr, sitter_exists(view))]
    if origin := view.text.origin(origin_of(judge_result.judge)):
        sentences.insert(0, origin)
    if statement.is_witness:
        key = "jury.witness_same" if statement.verdict.same else "jury.witness_other"
        sentences.insert(0, sitter_text(view, key))
    blocks = [TextBlock(each, layout.body_px, 300, theme.ink, light) for each in sentences]
    paragraphs = tuple((each.words, each.size_px, each.weight, each.after) for each in blocks)
    _, is_whole = fit(paragraphs, area.size, layout.small_px)
    if not is_whole:
        number = min(int(share * len(blocks)), len(blocks) - 1)
        blocks = blocks[number : number + 1]
    canvas.column(blocks, area)
