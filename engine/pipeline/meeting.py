"""A doppelgänger that moves: its rig, how far it may go, and who it is while it moves.

Moving brings a picture nearer to the sitter or further away. So some hundred poses are judged once, when the
rig is made; from them follows how far each motion may go (`engine.live.safe_motion`). What is drawn later is
judged while it is shown; what follows from that is `engine.live.restraint`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_moved
from engine.judges.verdict import Verdict
from engine.live.motion import REST, Motion
from engine.live.rigs import puppet
from engine.live.rigs.directions import Directions, face_box
from engine.live.rigs.rig import Rig
from engine.live.rigs.rigging import make_rig
from engine.live.safe_motion import JudgedPoses, judge_poses
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.settings import PortrayalSettings


@dataclass(frozen=True, eq=False)
class MeetingJudge:
    """The binding judges with their references of the sitter. Holds what a visit must leave nothing of."""

    panel: Sequence[tuple[Judge, Reference]]
    analyser: FaceAnalyser
    settings: PortrayalSettings

    def verdict(self, picture: Pixels) -> Verdict | None:
        """On the face in a picture in FFHQ framing, uint8 (R, R, 3) RGB: that of the binding judge to which
        it is most alike. None where no face is found in it, or a judge sees none."""
        mesh = self.analyser.mesh(picture, face_box(len(picture)))
        if mesh is None:
            return None
        points, seed, k = mesh[:, :2].astype(np.float32), self.settings.seed, self.settings.k
        verdicts = [judge_moved(judge, sitter, picture, points, seed, k) for judge, sitter in self.panel]
        if not all(verdict.measured for verdict in verdicts):
            return None
        return min(verdicts, key=lambda verdict: verdict.distance / verdict.threshold)


@dataclass(frozen=True, eq=False)
class Meeting:
    """A doppelgänger that is ready to be moved. judged: what the judge says of its poses."""

    rig: Rig
    judged: JudgedPoses
    judge: MeetingJudge


def prepare_meeting(
    portrayal: Portrayal,
    directions: Directions,
    analyser: FaceAnalyser,
    settings: PortrayalSettings,
    check: Callable[[], None] = lambda: None,
) -> Meeting | None:
    """Makes the rig of the doppelgänger, and has its poses judged.

    None where there is no doppelgänger, no face in it that can be moved, or it is not someone else at rest in
    its own alignment. analyser: not to be closed before the meeting is over. check: called often; what it
    raises ends the work.
    """
    found = portrayal.doppelganger
    if found is None:
        return None
    mesh = analyser.mesh(found.picture, face_box(len(found.picture)))
    if mesh is None:
        return None
    check()
    panel = [(each.judge, each.reference) for each in portrayal.judged if each.judge.binding]
    judge = MeetingJudge(panel, analyser, settings)
    generator = portrayal.continuum.generator
    rig = make_rig(found.picture, mesh, generator, found.place, directions, analyser)

    def ratio(motion: Motion) -> float:
        check()
        verdict = judge.verdict(puppet.draw(rig, motion))
        return 0.0 if verdict is None else verdict.distance / verdict.threshold

    if ratio(REST) <= 1:
        return None
    return Meeting(rig, judge_poses(rig, ratio), judge)
