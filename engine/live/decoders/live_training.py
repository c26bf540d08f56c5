"""Training that is looked at: two people who do not exist, drawn by the puppet while the decoders learn them.

It works in parts of about 0.1 s at most, between which it can be interrupted, and goes on later.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import cv2
import numpy as np
import torch

from engine.common.arrays import Pixels
from engine.live.acting import STILL_S, Act
from engine.live.decoders.faces import Faces, Flow, Lessons
from engine.live.decoders.following import miss_grey
from engine.live.decoders.known_poses import set_known_poses
from engine.live.decoders.layout import LAYOUTS
from engine.live.decoders.network import SIDES, Side, TwoDecoders, as_input, as_pictures
from engine.live.decoders.placement import Placement, crop
from engine.live.decoders.training import Trainer
from engine.live.decoders.training_frame import TrainingFrame
from engine.live.motion import Motion
from engine.live.rigs.puppet import draw
from engine.live.rigs.rig import Rig

LAYOUT = replace(LAYOUTS["thin"], poses=192, batch=1)
# Every so many frames one becomes a known pose; so many new ones are taken in at once.
POSE_EVERY, POSES_AT_ONCE = 3, 12
# Pictures that are never learned from; one is looked at in each frame. After all of them the curve goes on.
HELD = 24
CURVE_POINTS = 120
# Learned from again and again: the newest so many pictures.
KEPT = 480
LONGEST_STEP_S = 0.2
CODE_ROW = 24


class LiveTraining:
    """Learns two people by their rigs. seed: of how they move."""

    def __init__(self, rigs: Mapping[Side, Rig], seed: int = 0) -> None:
        self._rigs = rigs
        self._places = {side: _placement(rig) for side, rig in rigs.items()}
        self._act, self._act_s, self._drawn_s = Act(seed), STILL_S, -np.inf
        held = [self._pair(Act(seed + 1).at(STILL_S + 1 + 1.7 * number)) for number in range(HELD)]
        self._held = {side: _faces(torch.stack([pair[side] for pair in held])) for side in SIDES}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._network = TwoDecoders(LAYOUT)
        size = (4, LAYOUT.side_px, LAYOUT.side_px)
        self._kept = {side: torch.zeros(KEPT, *size, dtype=torch.uint8) for side in SIDES}
        self._poses = {side: torch.zeros(LAYOUT.poses, *size, dtype=torch.uint8) for side in SIDES}
        self._frames = self._collected = self._known = 0
        self._trainer = Trainer(self._network, self._lessons())
        self._misses: list[float] = []
        self._missed_grey: list[float] = []
        self._frozen_grey = 0.0

    def step(self, now_s: float, check: Callable[[], None] = lambda: None) -> TrainingFrame | None:
        """Draws the next frame, shows what is known, and learns from it; None while nothing is known yet.

        now_s: of a monotonic clock: the people move in its time. check: called between the parts; what it
        raises ends the step.
        """
        check()
        if self._collected - self._known >= POSES_AT_ONCE:
            self._know_collected(check)
        self._act_s += float(np.clip(now_s - self._drawn_s, 0.0, LONGEST_STEP_S))
        self._drawn_s = now_s
        pair = self._pair(self._act.at(self._act_s))
        frame = self._shown(pair, check) if self._known else None
        check()
        self._learn(pair, check)
        return frame

    def _pair(self, motion: Motion) -> dict[Side, torch.Tensor]:
        """Both people in one pose, uint8 (4, S, S). The crop stays where it is: the head moves in it."""
        still = replace(motion, x=0.0, y=0.0, scale=0.0)
        return {side: self._cropped(side, draw(rig, still)) for side, rig in self._rigs.items()}

    def _cropped(self, side: Side, picture: Pixels) -> torch.Tensor:
        place, rig = self._places[side], self._rigs[side]
        head = cv2.resize(rig.head, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        mask = np.rint(255 * head.clip(0, 1)).astype(np.uint8)
        four = np.dstack([crop(picture, place, LAYOUT.side_px), crop(mask, place, LAYOUT.side_px)])
        return torch.from_numpy(four).permute(2, 0, 1).contiguous()

    @torch.inference_mode()
    def _shown(self, pair: Mapping[Side, torch.Tensor], check: Callable[[], None]) -> TrainingFrame:
        self._network.eval()
        code = self._network.encode(as_input(pair["a"][None, :3]), "a")
        drawn = [as_pictures(self._network.decode(code, side))[0, ..., :3].numpy() for side in SIDES]
        check()
        self._look_at_held()
        return TrainingFrame(
            seen=_picture(pair["a"]),
            wanted=_picture(pair["b"]),
            code=_code_picture(code.shares[0, : self._known]),
            drawn=(np.ascontiguousarray(drawn[0]), np.ascontiguousarray(drawn[1])),
            pictures=self._frames,
            missed_grey=tuple(self._missed_grey),
            frozen_grey=self._frozen_grey,
        )

    def _look_at_held(self) -> None:
        """One more of the held pictures; after the last the curve has a further point."""
        at = len(self._misses)
        seen, wanted = (self._held[side].part(at, at + 1) for side in SIDES)
        answer = self._network(as_input(seen.pictures[:, :3]), "a", "b").float()
        self._misses.append(miss_grey(answer, wanted))
        if len(self._misses) == HELD:
            self._missed_grey.append(float(np.mean(self._misses)))
            self._misses = []
            if len(self._missed_grey) > CURVE_POINTS:
                del self._missed_grey[1::2]

    def _learn(self, pair: Mapping[Side, torch.Tensor], check: Callable[[], None]) -> None:
        """First poses become known; once there are enough, the decoders are trained."""
        for side in SIDES:
            self._kept[side][self._frames % KEPT] = pair[side]
        self._frames += 1
        if self._collected < LAYOUT.poses:
            if self._frames % POSE_EVERY == 0:
                for side in SIDES:
                    self._poses[side][self._collected] = pair[side]
                self._collected += 1
            return
        self._trainer.lessons = self._lessons()
        self._trainer.step(check)

    def _know_collected(self, check: Callable[[], None]) -> None:
        """All poses collected so far become known. Is done again where it has been interrupted."""
        for side in SIDES:
            set_known_poses(self._network, side, _faces(self._poses[side][: self._collected]))
            check()
        self._known = self._collected
        self._frozen_grey = miss_grey(self._network.means["b"].data[None], self._held["b"])

    def _lessons(self) -> dict[Side, Lessons]:
        """All that is kept, without flow."""
        count = min(self._frames, KEPT)
        a, b = (_faces(self._kept[side][:count]) for side in SIDES)
        still = Flow(np.zeros(0, np.int64), torch.zeros(0, LAYOUT.side_px, LAYOUT.side_px, 2))
        return {"a": Lessons(a, b, a, still), "b": Lessons(b, a, b, still)}


def _placement(rig: Rig) -> Placement:
    rest = rig.rest
    return Placement(rest.x_px, rest.y_px, rest.width_px, rest.roll_deg)


def _faces(pictures: torch.Tensor) -> Faces:
    return Faces(np.arange(len(pictures)), pictures)


def _picture(pictures: torch.Tensor) -> Pixels:
    return pictures[:3].permute(1, 2, 0).contiguous().numpy()


def _code_picture(shares: torch.Tensor) -> Pixels:
    """uint8 (H, CODE_ROW): the shares of all poses of the layout in rows; the largest is white."""
    grey = torch.zeros(LAYOUT.poses)
    grey[: len(shares)] = shares.abs() / shares.abs().max().clamp(min=1e-6)
    return (255 * grey).round().to(torch.uint8).view(-1, CODE_ROW).numpy()
