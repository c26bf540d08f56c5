"""*nearest*: the picture that looks most like the match and that every binding judge calls someone else.

`search_nearest` looks for it; `NearestFinder` then closes in on the match from where that search has ended.

From the match, the latent moves through W+ (the visit's own offsets of the generator stay as they are), so
that the *visible change* is least, subject to one constraint for each judge: its distance, in expectation
over the perturbations (EOT, Athalye et al., *Synthesizing Robust Adversarial Examples*, 2018), lies beyond
its threshold, by so much that the worst case does too. How much that is, is measured every few steps.

The steps are *projected*: each goes down the visible change as far as the constraints allow, and back onto
them where they are violated, along the way that is shortest in the metric of the match
(`engine.finders.metric`) and does both: Rosen's gradient projection; the small quadratic programme behind it
is solved exactly. So no weight between likeness and judges has to be found.

A judge whose network gives no gradient is *probed*: its distance is compared at two places on either side
(simultaneous perturbation, Spall, 1992), in the directions in which faces differ most.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from torch import Tensor

from engine.border.continuum import Continuum
from engine.common.arrays import Pixels
from engine.finders.base import Doppelganger, Finder, FinderStage, FinderTask, Holds, JudgeConstraint
from engine.finders.bisection import first_that_holds, last_that_holds
from engine.finders.metric import LatentMetric
from engine.inversion.projection import Place, Step, draw, latent_spread
from engine.judges.gradients import DifferentiableJudge
from engine.judges.perturbations import WORST_CASE, Perturbation, diverse_perturbations, perturbations
from engine.perceptual.visible_change import VisibleChange
from engine.stylegan2.network import Generator, to_uint8


@dataclass(frozen=True)
class NearestSettings:
    """How the nearest picture is looked for.

    Attributes:
        steps: exactly this many steps are taken where every judge has gradients.
        rate: how far a step goes for the sake of likeness, in standard deviations of w; it falls to nothing.
        probed_steps, probed_rate: the same where a judge has no gradients.
        reach: how far it goes at most.
        farthest: how far from the match the search goes at most, root mean square; moves that convince the
            judges are about 0.2 long, so this only ends what leads nowhere.
        recovery: the share of a violated constraint that one step makes good.
        memory: the share of the last steps' gradients in a step's own; evens out the perturbations.
        k: perturbations a step of a judge with gradients; half of them drawn anew each time, half those that
            were hardest.
        diverse_changes: whether the perturbations drawn anew are larger than a verdict's; then all but one
            are.
        moving_layers: the share of the latent's layers that move, from the coarsest.
        check_every: steps from one measurement of the worst case to the next.
        reserve: how far beyond the limit the search aims, as a share of the threshold; the last bisection
            takes it back.
        dtype: of the feature maps while searching; what is judged is always float32.
        seed: of the perturbations and probes.
    """

    steps: int = 20
    rate: float = 0.036
    probed_steps: int = 40
    probed_rate: float = 0.02
    reach: float = 0.25
    farthest: float = 1.0
    recovery: float = 0.3
    memory: float = 0.7
    k: int = 5
    diverse_changes: bool = False
    moving_layers: float = 1.0
    check_every: int = 5
    reserve: float = 0.005
    dtype: torch.dtype = torch.float32
    seed: int = 0


PROBED_DIRECTIONS = 16
PROBE_DISTANCE = 0.3  # in standard deviations of w
PROBES = 2  # pairs a step
PROBED_K = 8  # perturbations a step; fewer were measured with gradients only

# Places on the way from where the search has ended (0) to the match (1).
ABOUT_THE_END = (0.1, 0.05, 0.0, -0.05, -0.1, -0.2, -0.4)
"""Tried first: back towards the match as far as it still holds, or a little further out where it does not
quite hold."""
TOWARDS_THE_MATCH = (0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Tried where the first of those holds already; the match itself usually does not."""
FINEST_T = 0.005
"""Bisection ends once two places are this close together: the whole way is about one just-noticeable
difference long."""


class NearestFinder(Finder):
    """Searches through W+ for the nearest picture that holds, then closes in on the match."""

    name = "nearest"
    description = "is the nearest picture found of somebody else"
    stage: ClassVar[FinderStage] = "nearest"
    judging_stage: ClassVar[FinderStage] = "nearest_judging"
    own_continuum = True

    def __init__(self, settings: NearestSettings | None = None) -> None:
        self.settings = settings or NearestSettings()

    def find(self, task: FinderTask) -> Doppelganger | None:
        """The nearest picture found, or None where none holds, or where the match itself holds and is its own
        nearest picture."""
        if task.match_holds:
            return None
        match = task.continuum.end
        for step in search_nearest(
            task.generator, match, task.constraints, task.change, self.settings, task.metric
        ):
            task.report_step(step)
        return close_in(task.generator, step.place, match, task.holds)


def build(dtype: torch.dtype, seed: int) -> NearestFinder:
    """The finder of a visit; see `engine.finders.registry`."""
    return NearestFinder(NearestSettings(dtype=dtype, seed=seed))


def close_in(generator: Generator, found: Place, match: Place, holds: Holds) -> Doppelganger | None:
    """The first picture that holds, seen from the match, on the way there from the place `found` in which the
    search has ended; None where none does."""
    way = Continuum(generator, found, match)
    t = first_that_holds(way.picture, holds, ABOUT_THE_END, FINEST_T)
    if t == ABOUT_THE_END[0]:
        t = last_that_holds(way.picture, holds, (t, *TOWARDS_THE_MATCH), FINEST_T)
    return None if t is None else Doppelganger(NearestFinder.name, None, way.place(t), way.picture(t))


class _ConstraintEstimate:
    """What is known of one judge's constraint: `limit + gap - distance <= 0`, in shares of its threshold.

    `distance` is the mean over the step's perturbations: half of them drawn anew, half those of the worst
    case that were hardest when last measured. `gap` is what this mean must have in hand for the worst case
    itself to be beyond the limit.
    """

    def __init__(self, constraint: JudgeConstraint, settings: NearestSettings, device: torch.device) -> None:
        self.constraint, self.settings = constraint, settings
        self.gap = 0.03 * constraint.judge.threshold  # a first guess
        network = constraint.judge.network_with_gradients()
        self.differentiable = network and DifferentiableJudge(
            constraint.judge, network, constraint.reference, device, settings.dtype
        )
        self.k = settings.k if network else PROBED_K
        self.hardest = WORST_CASE[-(1 if settings.diverse_changes else self.k // 2) :]

    def _changes(self, index: int) -> list[Perturbation]:
        draw_changes = diverse_perturbations if self.settings.diverse_changes else perturbations
        return [*draw_changes(self.settings.seed + index, self.k - len(self.hardest)), *self.hardest]

    def _distances(self, picture: Pixels, changes: Sequence[Perturbation]) -> NDArray[np.float64]:
        """One for each of the changes; a picture without a face is far away, but not infinitely."""
        judge, reference = self.constraint.judge, self.constraint.reference
        embeddings = judge.describe([picture], reference.alignment, changes)[0]
        return np.nan_to_num(judge.distance(embeddings, reference.embedding), nan=2 * judge.threshold)

    def _violation(self, distance: float) -> float:
        threshold = self.constraint.judge.threshold
        wanted = self.constraint.limit + self.settings.reserve * threshold + self.gap
        return (wanted - distance) / threshold

    def gradient(self, move: Tensor, picture: Tensor, index: int) -> tuple[float, Tensor]:
        """The violation, and its gradient by `move`, through the judge's network."""
        assert self.differentiable
        mean = self.differentiable.distances(picture, self._changes(index)).mean()
        (gradient,) = torch.autograd.grad(-mean / self.constraint.judge.threshold, move, retain_graph=True)
        return self._violation(float(mean.detach())), gradient

    def probe(
        self, drawn: Callable[[Tensor], Pixels], move: Tensor, directions: Tensor, index: int
    ) -> tuple[float, Tensor]:
        """The same for a judge without gradients, from pairs of pictures about `move`."""
        random = torch.Generator().manual_seed(self.settings.seed + index)
        changes = self._changes(index)
        total, gradient = 0.0, torch.zeros_like(move)
        for _ in range(PROBES):
            signs = torch.randint(0, 2, [len(directions)], generator=random).to(move) * 2 - 1
            way = (signs @ directions)[None, None].expand_as(move) * PROBE_DISTANCE
            there, back = (
                float(self._distances(drawn(move.detach() + side * way), changes).mean()) for side in (1, -1)
            )
            total += (there + back) / 2 / PROBES
            slope = (there - back) / 2 / self.constraint.judge.threshold
            gradient -= slope * way / way.square().sum() / PROBES
        return self._violation(total), gradient

    def check(self, picture: Pixels, index: int) -> bool:
        """Measures the gap and the hardest changes anew; True where the picture is beyond the limit."""
        worst = self._distances(picture, WORST_CASE)
        self.hardest = tuple(WORST_CASE[i] for i in np.argsort(worst)[: len(self.hardest)])
        mean = self._distances(picture, self._changes(index)).mean()
        lowest = min(worst.min(), self._lowest_plain(picture))
        self.gap = float(self.gap + mean - lowest) / 2
        return bool(lowest > self.constraint.limit)

    def _lowest_plain(self, picture: Pixels) -> float:
        """The smallest distance of the plain reading, which needs no margin beyond the threshold; infinite
        without one."""
        if self.constraint.plain is None:
            return math.inf
        distances = self.constraint.plain.distances(picture)
        margin = self.constraint.limit - self.constraint.judge.threshold
        return float(np.nan_to_num(distances, nan=math.inf).min()) + margin


def search_nearest(
    generator: Generator,
    match: Place,
    constraints: Sequence[JudgeConstraint],
    change: VisibleChange,
    settings: NearestSettings | None = None,
    metric: LatentMetric | None = None,
) -> Iterator[Step]:
    """Looks for the nearest picture that every judge calls someone else. The last step holds the best place:
    the least visible change of those found to hold in the worst case; where none did, the last one.

    The steps' `loss` is what they go down: the parts of the visible change that have gradients
    (`VisibleChange.smooth`). metric: of the match; Euclidean by default.
    """
    settings = settings or NearestSettings()
    spread = latent_spread(generator)
    estimates = [_ConstraintEstimate(constraint, settings, generator.device) for constraint in constraints]
    differentiable = all(estimate.differentiable for estimate in estimates)
    if not differentiable:
        settings = replace(settings, steps=settings.probed_steps, rate=settings.probed_rate)
    steps = settings.steps
    move = torch.zeros_like(match.latent, requires_grad=True)
    metric = metric or LatentMetric()
    if settings.moving_layers < 1:
        metric = metric.within(_coarse_layers(move, settings.moving_layers))
    optimiser = _ProjectedSteps(move, len(estimates), settings, metric)
    best, least = match, math.inf

    @cache
    def directions() -> Tensor:
        return principal_directions(generator, PROBED_DIRECTIONS)

    def place(move: Tensor) -> Place:
        return Place(match.latent + spread * move, match.offsets)

    @torch.no_grad()
    def drawn(move: Tensor) -> Pixels:
        return to_uint8(draw(generator, place(move)))[0].numpy()

    for index in range(steps):
        picture = draw(generator, place(move), settings.dtype)
        loss = change.smooth(picture).sum()
        (likeness,) = torch.autograd.grad(loss, move, retain_graph=True)
        measured = [
            estimate.gradient(move, picture, index)
            if estimate.differentiable
            else estimate.probe(drawn, move, directions(), index)
            for estimate in estimates
        ]
        optimiser.step(index, likeness, measured)
        here = place(move.detach().clone())
        done = index == steps - 1
        if done or (index + 1) % settings.check_every == 0:
            shown = drawn(move.detach())
            total = change.measure(shown).total
            # Every judge measures, also where one has already said no.
            if all([estimate.check(shown, index) for estimate in estimates]) and total < least:
                best, least = here, total
            elif done and least == math.inf:
                best = here
        yield Step(
            "nearest",
            index,
            steps,
            float(loss.detach()),
            to_uint8(draw(generator, best) if done else picture)[0],
            best if done else here,
        )


class _ProjectedSteps:
    """Moves down a loss and onto the constraints at once; `move` is changed in place.

    Everything is computed in the metric's coordinates, in which the shortest move is the least visible one.
    """

    def __init__(
        self, move: Tensor, constraints: int, settings: NearestSettings, metric: LatentMetric
    ) -> None:
        self.move, self.settings, self.metric = move, settings, metric
        self.likeness = torch.zeros(move.numel(), device=move.device)
        self.constraints = torch.zeros(constraints, move.numel(), device=move.device)

    def step(self, index: int, likeness: Tensor, measured: Sequence[tuple[float, Tensor]]) -> None:
        """`likeness`: the loss's gradient. `measured`: each constraint's violation and gradient."""
        keep = self.settings.memory
        gradients = torch.stack([gradient.flatten() for _, gradient in measured])
        self.likeness = keep * self.likeness + (1 - keep) * likeness.flatten()
        self.constraints = keep * self.constraints + (1 - keep) * gradients
        warm = 1 - keep ** (index + 1)
        down = -self.metric.whiten(self.likeness / warm)
        normals = self.metric.whiten(self.constraints / warm)
        length = _rms(self.metric.whiten(down))
        down = down * self.settings.rate * _fall(index, self.settings.steps) / max(length, 1e-12)
        violations = torch.tensor([violation for violation, _ in measured]).to(down)
        wanted = self.settings.recovery * violations + normals @ down
        way = self.metric.whiten(down - normals.T @ _multipliers(normals, wanted))
        way = way * min(1.0, self.settings.reach / max(_rms(way), 1e-12))
        with torch.no_grad():
            self.move += way.view_as(self.move)
            self.move *= min(1.0, self.settings.farthest / max(_rms(self.move), 1e-12))


def _multipliers(normals: Tensor, wanted: Tensor) -> Tensor:
    """(J, n), (J,) -> (J,) >= 0: the shortest combination of the normals that takes at least `wanted` off
    each constraint; the Karush-Kuhn-Tucker conditions as a least-squares problem."""
    exact = normals.double().cpu().numpy()
    gram = exact @ exact.T
    # Judges that agree have nearly parallel normals; the ridge keeps the matrix invertible.
    gram += (1e-9 * np.trace(gram) + 1e-30) * np.eye(len(gram))
    factor = np.linalg.cholesky(gram)
    solution, _ = nnls(factor.T, np.linalg.solve(factor, wanted.double().cpu().numpy()))
    return torch.from_numpy(solution).to(normals)


def _coarse_layers(latent: Tensor, share: float) -> Tensor:
    """Of a latent's shape (1, layers, w_dim): 1 in this share of the layers, from the coarsest, else 0."""
    moving = torch.zeros_like(latent.detach())
    moving[:, : max(1, round(share * latent.shape[1]))] = 1
    return moving


def _fall(index: int, steps: int) -> float:
    """1 over the first third, then down to 0 along a cosine."""
    return 0.5 + 0.5 * math.cos(math.pi * max(0.0, (index / steps - 1 / 3) * 1.5))


def _rms(vector: Tensor) -> float:
    return float(vector.square().mean().sqrt())


@torch.no_grad()
def principal_directions(generator: Generator, count: int, draws: int = 10000) -> Tensor:
    """(count, w_dim): the directions in which the generator's w varies most, each as long as its standard
    deviation in units of the mean one."""
    z = torch.randn(draws, generator.z_dim, generator=torch.Generator().manual_seed(123))
    w = generator.mapping(z.to(generator.device))
    # On the CPU, as what is drawn: which way an eigenvector points is the library's choice.
    variances, vectors = torch.linalg.eigh(torch.cov(w.T).cpu())
    scales = (variances.clamp(min=0) / variances.mean()).sqrt()
    return (vectors * scales).T.flip(0)[:count].to(generator.device)
