"""How far a rig may be moved and still show someone else, as estimated from poses that were judged.

A judge's distance changes with every number of a motion, and with turns most; some together bring a face
nearer that do not alone. So it is estimated from all judged poses by a Gaussian process: what is known of
one pose is known less of others the further they are from it, and nothing but rest is known for sure.

Source: Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, chapter 2; the covariance is
that of fractional Brownian motion, which is zero at rest and has no length of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.live.motion import NAMES, RANGES, Motion
from engine.live.rigs import puppet
from engine.live.rigs.rig import Rig

Numbers = NDArray[np.float64]

ROUGHNESS = 0.7  # the Hurst exponent: half of it fits erratic judges, near 1 smooth ones
NOISE = 0.01  # of a judgement, as a share of the variance at the end of one number's range
DEVIATIONS = 2.5  # standard deviations by which the estimate has to be beyond the threshold
STEPS = 8  # of every motion that are looked at, between rest and all of it
RANDOM_POSES, MOVED_SHARE = 48, 0.5  # and how many numbers of each are not at rest


@dataclass(frozen=True, eq=False)
class JudgedPoses:
    """What the judges say of one rig. rest: the distance as a multiple of the threshold, above 1 someone
    else, of the binding judge to which the picture at rest is most alike. motions: (N, 14). ratios: (N,), as
    `rest`, of the picture drawn for each motion; 0 where no face was found in it."""

    rest: float
    motions: Numbers
    ratios: Numbers


def judge_poses(rig: Rig, ratio: Callable[[Motion], float], seed: int = 0) -> JudgedPoses:
    """Has some hundred poses judged: a grid of turns, the ends of each number, and random ones.

    ratio: of a motion, see `JudgedPoses.ratios`.
    """
    low, high = np.array([_range(rig, name) for name in NAMES]).T
    dice = np.random.default_rng(seed)
    turns = [[yaw, pitch] for yaw in _between(low[0], high[0]) for pitch in _between(low[1], high[1])]
    grid = np.pad(np.array(turns), ((0, 0), (0, len(NAMES) - 2)))
    ends = np.concatenate([np.diag(low), np.diag(high)])
    is_moved = dice.random((RANDOM_POSES, len(NAMES))) < MOVED_SHARE
    mixed = np.where(is_moved, dice.uniform(low, high, is_moved.shape), 0.0)
    mixed[:, :2] = dice.uniform(low[:2], high[:2], (RANDOM_POSES, 2))
    poses = np.concatenate([grid, ends, mixed])
    left, right = NAMES.index("left_lid"), NAMES.index("right_lid")
    poses[:, right] = poses[:, left] = np.rint(poses[:, left])  # both, open or shut
    poses = np.unique(poses[poses.any(axis=1)], axis=0)
    ratios = np.array([ratio(Motion.from_array(pose)) for pose in poses])
    return JudgedPoses(ratio(Motion()), poses, ratios)


class SafeMotion:
    """Estimates for one rig how far it may be moved."""

    def __init__(self, rig: Rig, judged: JudgedPoses) -> None:
        self._rig, self._rest = rig, judged.rest
        self._poses = np.array([self._drawn(Motion.from_array(each)) for each in judged.motions])
        changes = judged.ratios - judged.rest
        covariance = _covariance(self._poses, self._poses) + NOISE * np.eye(len(changes))
        self._inverse = np.linalg.inv(covariance)
        self._weights = self._inverse @ changes
        self._variance = float(changes @ self._weights) / len(changes)  # most likely

    def share(self, motion: Motion) -> float:
        """The share of a motion up to which it shows someone else, 0 to 1."""
        shares = np.linspace(0, 1, STEPS + 1)
        room = self.least_ratios([motion.eased(float(share)) for share in shares[1:]]) - 1
        room = np.concatenate([[self._rest - 1], room])
        if room[0] <= 0:
            return 0.0
        same = np.flatnonzero(room <= 0)
        if not len(same):
            return 1.0
        last = same[0] - 1
        return float(shares[last] + (room[last] / (room[last] - room[last + 1])) / STEPS)

    def least_ratios(self, motions: list[Motion]) -> Numbers:
        """What the ratio of each motion (N,) is at least, but for `DEVIATIONS` of the estimate's error."""
        poses = np.array([self._drawn(motion) for motion in motions])
        known = _covariance(poses, self._poses)
        unknown = _variances(poses) - np.einsum("ij,jk,ik->i", known, self._inverse, known)
        errors = np.sqrt(self._variance * np.maximum(unknown, 0))
        return np.asarray(self._rest + known @ self._weights - DEVIATIONS * errors)

    def _drawn(self, motion: Motion) -> Numbers:
        """A motion as it is drawn, (14,): each number as a share of its range."""
        numbers = motion.array()
        numbers[:2] = puppet.drawn_turn(self._rig, motion)
        return numbers / np.array([max(map(abs, _range(self._rig, name))) or 1.0 for name in NAMES])


def _range(rig: Rig, name: str) -> tuple[float, float]:
    """The lowest and the highest value of a number that differ in what is drawn."""
    if name == "yaw_deg":
        return rig.yaw_range_deg
    return rig.pitch.range if name == "pitch_deg" else RANGES[name]


def _between(low: float, high: float) -> tuple[float, ...]:
    return low, low / 2, 0.0, high / 2, high


def _covariance(a: Numbers, b: Numbers) -> Numbers:
    """(N, 14), (M, 14) -> (N, M): of turns, of each other number, and of all together, with equal weight."""
    alone = _powers(a)[:, None] + _powers(b) - _powers(a[:, None] - b)
    together = [
        _length_powers(x)[:, None] + _length_powers(y) - _length_powers(x[:, None] - y)
        for x, y in ((a[:, :2], b[:, :2]), (a, b))
    ]
    return np.asarray((alone + sum(together)) / 2)


def _variances(a: Numbers) -> Numbers:
    """The diagonal of `_covariance(a, a)`, (N,)."""
    return _powers(a) + _length_powers(a[:, :2]) + _length_powers(a)


def _powers(a: Numbers) -> Numbers:
    """(..., 14) -> (...): the sum over all numbers but turns."""
    return np.asarray((np.abs(a[..., 2:]) ** (2 * ROUGHNESS)).sum(axis=-1))


def _length_powers(a: Numbers) -> Numbers:
    return np.asarray((a * a).sum(axis=-1) ** ROUGHNESS)
