"""How far a rig may be moved is estimated from poses that were judged."""

import numpy as np
import pytest

from engine.live.motion import NAMES, RANGES, REST, Motion
from engine.live.rigs import puppet
from engine.live.safe_motion import JudgedPoses, SafeMotion, judge_poses
from tests.support.puppet_kit import ALL_SAFE, shared_rig

ENDS = Motion(yaw_deg=12, pitch_deg=8, smile=0.08, jaw=0.1)


def ratio(motion: Motion) -> float:
    """A judge to whom turns to the right bring a face nearer to the sitter, the more with a smile."""
    yaw_deg, _ = puppet.drawn_turn(shared_rig(), motion)
    return 1.1 - 0.1 * max(yaw_deg, 0.0) / 12 - 0.1 * max(yaw_deg, 0.0) / 12 * max(motion.smile, 0.0) / 0.1


def random_motions(count: int) -> list[Motion]:
    dice = np.random.default_rng(9)
    low, high = np.array([RANGES[name] for name in NAMES]).T
    return [Motion.from_array(dice.uniform(low, high)) for _ in range(count)]


def test_what_is_allowed_is_someone_else_and_what_is_harmless_is_allowed() -> None:
    safe = SafeMotion(shared_rig(), judge_poses(shared_rig(), ratio))
    motions = random_motions(60)
    same_at_all = [motion for motion in motions if ratio(motion) <= 1]
    assert len(same_at_all) > 10, "nothing is tried"
    shares = [safe.share(motion) for motion in motions]
    assert all(ratio(m.eased(share)) > 1 for m, share in zip(motions, shares, strict=True))
    assert np.mean(shares) > 0.5
    assert safe.share(Motion(yaw_deg=-6, jaw=0.08)) == 1
    assert safe.share(Motion(yaw_deg=12, smile=0.1)) < 0.9


def test_without_turns_among_the_poses_nothing_is_known_of_them() -> None:
    """The judge finds turns harmless; without having been asked about them, they are held in."""
    judged = judge_poses(shared_rig(), lambda motion: 1.05 + motion.jaw)
    still = (judged.motions[:, :2] == 0).all(axis=1)
    blind = SafeMotion(shared_rig(), JudgedPoses(judged.rest, judged.motions[still], judged.ratios[still]))
    turn = Motion(yaw_deg=12)
    assert SafeMotion(shared_rig(), judged).share(turn) == 1
    assert blind.share(turn) < 0.8


def test_rest_is_always_allowed_and_nothing_else_where_rest_is_the_sitter() -> None:
    judged = judge_poses(shared_rig(), ratio)
    sitter = JudgedPoses(0.99, judged.motions, judged.ratios)
    assert SafeMotion(shared_rig(), judged).share(REST) == 1
    assert SafeMotion(shared_rig(), sitter).share(ENDS) == 0
    assert SafeMotion(shared_rig(), ALL_SAFE).share(ENDS) == 1


def test_the_share_changes_little_from_one_motion_to_the_next() -> None:
    safe = SafeMotion(shared_rig(), judge_poses(shared_rig(), ratio))
    yaws_deg = [
        motion.yaw_deg * safe.share(motion)
        for motion in (Motion(yaw_deg=yaw, smile=0.1) for yaw in np.linspace(0, 12, 121))
    ]
    assert np.abs(np.diff(yaws_deg)).max() < 0.5


def test_poses_reach_the_ends_of_what_is_drawn_and_shut_both_eyes() -> None:
    asked: list[Motion] = []

    def far(motion: Motion) -> float:
        asked.append(motion)
        return 1.2

    judged = judge_poses(shared_rig(), far)
    low, high = shared_rig().yaw_range_deg
    assert judged.motions[:, 0].min() == low and judged.motions[:, 0].max() == high
    lids = judged.motions[:, [NAMES.index("left_lid"), NAMES.index("right_lid")]]
    assert set(map(tuple, lids)) == {(0.0, 0.0), (1.0, 1.0)}
    assert len(asked) == len(judged.ratios) + 1 and REST in asked
    assert 80 <= len(judged.ratios) <= 120
    assert judged.ratios == pytest.approx(1.2) and judged.rest == 1.2
