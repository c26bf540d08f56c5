"""One training loop for all layouts."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from engine.inversion.projection import fast_dtype
from engine.live.decoders.faces import Faces, Lessons
from engine.live.decoders.known_poses import mouth_weight
from engine.live.decoders.network import SIDES, Code, Side, TwoDecoders, as_input, downsized, other
from engine.live.decoders.warping import carried, warped_and_straight
from engine.perceptual.encoder_features import EncoderFeatures

# The rate by which the known poses' pictures move, 0 to 1, and what keeps its denominator away from 0.
KNOWN_RATE, KNOWN_DAMPING = 0.15, 0.1
# Outside the mask a layout that draws one has little to answer for.
OUTSIDE = 0.1
# The rate of learning rises over the first steps, also where a training is taken up again.
WARM_UP_STEPS = 40
# Of each batch so many pictures are looked at by the perceptual loss, which costs as much as the network.
FEATURE_PICTURES = 1
# Neighbours for the flow constraint: pairs in a step that has some. Both are seen brighter or darker by up to
# so much: a small difference of what is seen must not become a large one of what is drawn.
NEIGHBOURS, GAIN = 1, 0.03
NEIGHBOURS_EVERY = 2  # steps
# Where the flow does not explain the true pictures either (grey levels as shares of 255), it binds less.
UNEXPLAINED = 0.03


@dataclass
class Progress:
    """How far a training has come. pictures: that the decoders answered. seconds: of training. loss: mean
    absolute difference of the last steps from the faces asked for, in grey levels of 255."""

    steps: int = 0
    pictures: int = 0
    seconds: float = 0.0
    loss: float = float("nan")


class Trainer:
    """Trains a network in place, step by step.

    lessons: of each decoder; may be exchanged between steps. features: for the perceptual loss, None where
    the layout has none. Its numbers are bfloat16 where the processor multiplies these natively, weights in
    float32.
    """

    def __init__(
        self,
        network: TwoDecoders,
        lessons: Mapping[Side, Lessons],
        features: EncoderFeatures | None = None,
        progress: Progress | None = None,
        seed: int = 0,
    ) -> None:
        self.network, self.progress = network, progress or Progress()
        self.lessons, self._features = lessons, features
        self._layout, self.batch = network.layout, network.layout.batch
        self.device = next(network.parameters()).device
        self._dtype = fast_dtype(self.device)
        self._steps_here = 0
        self._dice = torch.Generator().manual_seed(seed + self.progress.steps)
        self._mouth = mouth_weight(self._layout.side_px).to(self.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._adam = torch.optim.Adam(trained, lr=self._layout.learning_rate, betas=(0.5, 0.999))
        # With its first call PyTorch loads more of itself for a second: not in a step that is to give way.
        self._adam.zero_grad()

    def step(self, check: Callable[[], None] = lambda: None) -> None:
        """One batch for each of the decoders. check: called between them; what it raises ends the step, which
        has then changed at most the known poses' pictures."""
        begun_s = time.perf_counter()
        self.network.train()
        self._adam.zero_grad(set_to_none=True)
        for group in self._adam.param_groups:
            group["lr"] = self._layout.learning_rate * min(1.0, (1 + self._steps_here) / WARM_UP_STEPS)
        missed = []
        for side in SIDES:
            with torch.autocast(self.device.type, self._dtype, enabled=self._dtype != torch.float32):
                loss, miss = self._loss(side)
            loss.backward()
            missed.append(miss)
            check()
        self._adam.step()
        grey = float(torch.stack(missed).mean())
        self._steps_here += 1
        done = self.progress
        done.loss = grey if np.isnan(done.loss) else done.loss + 0.05 * (grey - done.loss)
        done.steps += 1
        done.pictures += len(SIDES) * self.batch
        done.seconds += time.perf_counter() - begun_s

    def _loss(self, side: Side) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of one decoder, and how far its pictures are from those asked for, in grey levels."""
        lessons, layout = self.lessons[side], self._layout
        pairs = round(layout.paired_share * self.batch)
        of_other = self._chosen(lessons.seen, lessons.drawn, pairs)
        own = self._chosen(lessons.own, lessons.own, self.batch - pairs)
        codes, targets = [], []
        for seen, (pictures, answers) in ((other(side), of_other), (side, own)):
            if len(pictures):
                bent, straight = warped_and_straight(pictures, answers, layout.warp, self._dice)
                codes.append(self.network.encode(self._to(bent[:, :3]), seen))
                targets.append(self._to(straight))
        target = torch.cat(targets)
        code = Code(*(torch.cat(parts) for parts in zip(*codes, strict=True)))
        drawn = self.network.decode(code, side).float()
        if layout.poses:
            self._learn_known(side, code.shares, target[:, : drawn.shape[1]] - drawn.detach())
        weight = (OUTSIDE + target[:, 3:]) * self._mouth if layout.mask else torch.ones_like(target[:, 3:])
        miss = (drawn[:, :3] - target[:, :3]).abs()
        loss = (miss * weight).mean() / weight.mean()
        if layout.mask:
            loss = loss + 0.5 * (drawn[:, 3:] - target[:, 3:]).abs().mean()
        if layout.features and self._features is not None:
            some = torch.randperm(len(target), generator=self._dice)[:FEATURE_PICTURES]
            loss = loss + layout.features * _looks(self._features, drawn[some], target[some])
        if layout.steady and len(lessons.flow.first) and self._steps_here % NEIGHBOURS_EVERY == 0:
            loss = loss + layout.steady * self._unsteadiness(side, lessons)
        return loss, 255 * miss.detach().mean()

    @torch.no_grad()
    def _learn_known(self, side: Side, shares: torch.Tensor, missed: torch.Tensor) -> None:
        """Moves the known poses' pictures towards what is missed (N, C, S, S), by affine projection (Ozeki
        and Umeda, 1984): gradient descent whose step fits how much of each pose there is."""
        with torch.autocast(self.device.type, enabled=False):
            inner = shares @ shares.T + KNOWN_DAMPING * torch.eye(len(shares), device=self.device)
            step = torch.linalg.solve(inner, missed.flatten(1))
            self.network.draws[side].data.add_(shares.T @ step, alpha=KNOWN_RATE)

    def _unsteadiness(self, side: Side, lessons: Lessons) -> torch.Tensor:
        """By how much two neighbouring answers differ beyond what their flow explains."""
        chosen = torch.randint(len(lessons.flow.first), (NEIGHBOURS,), generator=self._dice)
        first = torch.from_numpy(lessons.flow.first)[chosen]
        back = self._to(lessons.flow.back[chosen].float())
        pair = torch.cat([first, first + 1])
        truth = self._to(as_input(lessons.drawn.pictures[pair]))
        gains = 1 + GAIN * (2 * torch.rand(len(pair), 1, 1, 1, generator=self._dice) - 1)
        seen = self._to((as_input(lessons.seen.pictures[pair, :3]) * gains).clamp(0, 1))
        drawn = self.network(seen, other(side), side).float()
        true_before, true_after = truth[:NEIGHBOURS], truth[NEIGHBOURS:]
        unexplained = (carried(true_before, back) - true_after)[:, :3].abs().mean(dim=1, keepdim=True)
        weight = true_after[:, 3:] * torch.exp(-unexplained / UNEXPLAINED)
        change = (carried(drawn[:NEIGHBOURS], back) - drawn[NEIGHBOURS:])[:, :3].abs()
        return (change * weight).mean() / weight.mean().clamp(min=1e-3)

    def _chosen(self, seen: Faces, drawn: Faces, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        at = torch.randint(len(seen), (count,), generator=self._dice)
        return as_input(seen.pictures[at]), as_input(drawn.pictures[at])

    def _to(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.to(self.device)


def _looks(features: EncoderFeatures, drawn: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How different pictures look to the embedded encoder: mean squared distance of its features."""
    side_px = features.sees_px
    found, aims = (
        features.features(2 * downsized(pictures[:, :3], side_px) - 1) for pictures in (drawn, target)
    )
    misses = [(look - aim.detach()).square().sum(dim=1).mean() for look, aim in zip(found, aims, strict=True)]
    return torch.stack(misses).mean()
