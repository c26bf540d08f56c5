"""A doppelgänger that moves: its rig, how far it may go, and who it is while it moves.

Moving brings a picture nearer to the sitter or further away. So the poses at the ends of what is drawn are
judged once, when the rig is made, and every motion is reduced until all of them are someone else. What is
drawn later is judged while it is shown; what follows from that is `engine.live.restraint`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.common.arrays import Pixels
from engine.faces.analyser import FaceAnalyser
from engine.judges.base import Judge
from engine.judges.judging import Reference, judge_moved
from engine.judges.verdict import Verdict
from engine.live import puppet
from engine.live.directions import Directions, face_box
from engine.live.motion import Motion
from engine.live.rig import Rig
from engine.live.rigging import make_rig
from engine.pipeline.portrayal import Portrayal
from engine.pipeline.settings import PortrayalSettings

POSES = (
    Motion(yaw_deg=-14),
    Motion(yaw_deg=14),
    Motion(pitch_deg=-8),
    Motion(pitch_deg=8),
    Motion(yaw_deg=-10, pitch_deg=5),
    Motion(yaw_deg=10, pitch_deg=-5),
    Motion(smile=0.08, mouth_width=0.08),
    Motion(jaw=0.14),
    Motion(jaw=0.08, pucker=0.1, mouth_width=-0.08),
    Motion(left_lid=1.0, right_lid=1.0),
    Motion(brows=0.05, gaze=0.1),
    Motion(yaw_deg=10, smile=0.06, jaw=0.08, brows=0.03),
    Motion(yaw_deg=-12, pitch_deg=-7, roll_deg=9, scale=0.08, smile=0.06, jaw=0.1),
    Motion(yaw_deg=12, pitch_deg=7, roll_deg=-9, scale=-0.07, smile=0.06, mouth_width=0.06),
    Motion(yaw_deg=-12, pitch_deg=7, roll_deg=-9, brows=0.04, jaw=0.1, pucker=0.08),
    Motion(yaw_deg=12, pitch_deg=-7, roll_deg=9, gaze=-0.08, smile=-0.04, mouth_width=-0.06),
)
"""What is tried: about the ends of each number, and a few of them together."""

REACHES = (1.0, 0.75, 0.5)
"""Shares of every motion, tried in this order."""


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
    """A doppelgänger that is ready to be moved. reach: one of `REACHES`."""

    rig: Rig
    reach: float
    judge: MeetingJudge


def prepare_meeting(
    portrayal: Portrayal,
    directions: Directions,
    analyser: FaceAnalyser,
    settings: PortrayalSettings,
    check: Callable[[], None] = lambda: None,
) -> Meeting | None:
    """Makes the rig of the doppelgänger, and finds its reach.

    None where there is no doppelgänger, no face in it that can be moved, or no reach at which every pose is
    someone else. analyser: not to be closed before the meeting is over. check: called often; what it raises
    ends the work.
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
    reach = _reach(rig, judge, check)
    return None if reach is None else Meeting(rig, reach, judge)


def _reach(rig: Rig, judge: MeetingJudge, check: Callable[[], None]) -> float | None:
    for reach in REACHES:
        if all(_is_other(rig, pose.eased(reach), judge, check) for pose in POSES):
            return reach
    return None


def _is_other(rig: Rig, motion: Motion, judge: MeetingJudge, check: Callable[[], None]) -> bool:
    check()
    verdict = judge.verdict(puppet.draw(rig, motion))
    return verdict is not None and not verdict.same
