"""The protocol: same for every judge, reproducible by another program, able to say no."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import NoUsableFace
from engine.judges.base import Judge
from engine.judges.crops import compose, cut, density_px, reduce_to, similarity
from engine.judges.judging import judge_pictures, judge_worst_case, make_reference
from engine.judges.perturbations import (
    SHIFTS_PX,
    WORST_CASE,
    Perturbation,
    displacement,
    expose,
    perturbations,
)
from engine.judges.registry import panel
from engine.judges.verdict import Verdict
from tests.conftest import REPO
from tests.support.judge_kit import NO_LANDMARKS, Brightness, grey


def load(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return panel(["dlib"])[0]


@pytest.fixture(scope="module")
def shots(people) -> list[np.ndarray]:
    """Two shots of one person, one of another."""
    first, second = list(people.values())[:2]
    return [load(first[0]), load(first[1]), load(second[0])]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_perturbations_are_small_balanced_and_fixed(seed, count):
    found = perturbations(seed, count)
    assert found == perturbations(seed, count)
    assert len(found) == count
    for half in (found[::2], found[1::2]):
        assert len({p.mirrored for p in half}) <= 1
        assert not half or np.mean([p.gain for p in half]) == pytest.approx(1)
        for axis in (0, 1):
            steps = [p.shift_px[axis] for p in half]
            assert all(abs(steps.count(a) - steps.count(b)) <= 1 for a in SHIFTS_PX for b in SHIFTS_PX)
    assert sum(p.mirrored for p in found) == count // 2
    assert all(0.95 < p.gain < 1.05 and p.jpeg_quality in range(80, 96) and p.scale == 1 for p in found)


def test_perturbations_of_seed_0_stay_what_documented_visits_were_judged_by():
    first, second = perturbations(0, 8)[:2]
    assert (first.jpeg_quality, first.mirrored, first.shift_px) == (82, False, (-2, -1))
    assert (second.jpeg_quality, second.mirrored, second.shift_px) == (82, True, (-2, 2))
    assert first.gain == pytest.approx(1.0125) and second.gain == pytest.approx(0.9875)


def test_worst_case_holds_what_a_doppelganger_has_to_survive():
    plain = vars(Perturbation())
    alone = [p for p in WORST_CASE if sum(vars(p)[name] != plain[name] for name in plain) == 1]
    assert {p.jpeg_quality for p in alone} >= {80, 95}
    assert {p.gain for p in alone} >= {0.9, 1.1}
    assert any(p.mirrored for p in alone) and any(p.scale == 0.9 for p in alone)
    assert {max(abs(s) for s in p.shift_px) for p in alone} >= {1, 2, 3}


def test_no_perturbation_changes_nothing(shots):
    assert np.array_equal(expose(shots[0], Perturbation()), shots[0])
    assert displacement(Perturbation(), 150) == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]))


def test_mirror_and_shift_move_whole_pixels(shots):
    picture = shots[0]
    plain = np.array([[256.0, 0, 0], [0, 256.0, 0]])
    mirrored = cut(picture, compose(displacement(Perturbation(mirrored=True), 256), plain), 256)
    assert np.array_equal(mirrored, picture[:, ::-1])
    shifted = cut(picture, compose(displacement(Perturbation(shift_px=(2, -1)), 256), plain), 256)
    assert np.array_equal(shifted[:-1, 2:], picture[1:, :-2])


@given(
    st.floats(0.2, 5),
    st.floats(-3, 3),
    st.floats(-50, 50),
    st.floats(-50, 50),
    st.integers(0, 1000),
)
def test_similarity_finds_the_map_again(scale, angle, x, y, seed):
    points = np.random.RandomState(seed).uniform(-1, 1, (5, 2))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(points, points @ turn.T + [x, y])
    assert found == pytest.approx(np.column_stack([turn, [x, y]]), abs=1e-6)


def test_resolution_of_the_picture_hardly_matters(judge, shots):
    reference = make_reference(judge, [(shots[0], NO_LANDMARKS)])
    large = cv2.resize(shots[1], (1024, 1024), interpolation=cv2.INTER_CUBIC)
    assert reduce_to(large, density_px(reference.alignment)).shape[0] == density_px(reference.alignment)
    small, big = judge_pictures(judge, reference, [shots[1], large])
    assert small.distance == pytest.approx(big.distance, abs=0.05)


def test_same_person_and_another(judge, shots):
    reference = make_reference(judge, [(shots[0], NO_LANDMARKS)])
    itself, again, other = judge_pictures(judge, reference, shots)
    assert itself.distance < 0.15 and itself.same
    assert again.same and again.distance <= judge.threshold
    assert not other.same and other.distance > judge.threshold
    assert all(v.worst_distance <= v.distance and v.spread > 0 for v in (itself, again, other))


def test_verdict_is_the_mean_of_its_perturbations(judge, shots):
    reference = make_reference(judge, [(shots[0], NO_LANDMARKS)])
    (whole,) = judge_pictures(judge, reference, [shots[1]], seed=3)
    single = [judge_worst_case(judge, reference, [shots[1]], [p])[0].distance for p in perturbations(3)]
    assert whole.distance == pytest.approx(np.mean(single), abs=1e-5)
    assert whole.worst_distance == pytest.approx(min(single), abs=1e-5)


def test_verdict_of_a_picture_does_not_depend_on_its_company(judge, shots):
    reference = make_reference(judge, [(shots[0], NO_LANDMARKS)])
    together = judge_pictures(judge, reference, shots)
    alone = [judge_pictures(judge, reference, [shot])[0] for shot in shots]
    assert [v.distance for v in together] == pytest.approx([v.distance for v in alone], abs=1e-5)
    assert judge_pictures(judge, reference, []) == []


def test_several_portraits_make_one_reference_in_the_middle(judge, shots):
    both = make_reference(judge, [(shots[0], NO_LANDMARKS), (shots[1], NO_LANDMARKS)])
    first = make_reference(judge, [(shots[0], NO_LANDMARKS)])
    assert np.array_equal(both.alignment, first.alignment)
    from_first = judge_pictures(judge, first, [shots[1]])[0].distance
    from_both = judge_pictures(judge, both, [shots[1]])[0].distance
    assert from_both < 0.75 * from_first


def test_another_seed_hardly_moves_a_verdict(judge, shots):
    distances = []
    for seed in range(4):
        reference = make_reference(judge, [(shots[0], NO_LANDMARKS)], seed=seed)
        distances.append(judge_pictures(judge, reference, [shots[1]], seed=seed)[0].distance)
    assert np.ptp(distances) < 0.02


def test_a_distance_at_the_threshold_itself_is_the_same_person():
    lenient = Brightness(1000)
    reference = make_reference(lenient, [(grey(100), NO_LANDMARKS)])
    (verdict,) = judge_pictures(lenient, reference, [grey(120)])
    for threshold, same in ((verdict.distance, True), (float(np.nextafter(verdict.distance, 0)), False)):
        (again,) = judge_pictures(Brightness(threshold), reference, [grey(120)])
        assert again.same is same and again.distance == verdict.distance


def test_a_picture_without_a_face_is_someone_else():
    judge = Brightness(1000, dark=80)
    reference = make_reference(judge, [(grey(100), NO_LANDMARKS)])
    (verdict,) = judge_pictures(judge, reference, [grey(50)])
    assert verdict == Verdict("brightness", 1000, float("inf"), False, float("inf"), 0.0, 0)
    assert not verdict.same
    with pytest.raises(NoUsableFace, match="brightness sees no face"):
        make_reference(judge, [(grey(50), NO_LANDMARKS)])


def test_perturbations_without_a_face_do_not_count():
    seeing, half_blind = Brightness(1000), Brightness(1000, dark=100)
    changes = perturbations(0, 8)
    levels = seeing.describe([grey(100)], seeing.align(grey(100), NO_LANDMARKS), changes)[0, :, 0]
    seen = levels[levels >= 100]
    assert 0 < len(seen) < 8
    reference = make_reference(half_blind, [(grey(100), NO_LANDMARKS), (grey(40), NO_LANDMARKS)])
    assert np.isfinite(reference.embedding).all() and reference.embedding[0] >= 100
    (verdict,) = judge_pictures(half_blind, reference, [grey(100)])
    distances = np.abs(seen - reference.embedding[0])
    assert verdict.faces == len(seen)
    assert verdict.distance == pytest.approx(distances.mean())
    assert verdict.worst_distance == pytest.approx(distances.min())
    assert verdict.error == pytest.approx(distances.std() / len(seen) ** 0.5)


def write(path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(path), picture[..., ::-1])


@pytest.fixture(scope="module")
def visit(judge, shots, people, tmp_path_factory) -> Path:
    """A folder as `kiosk visit --keep-portrait` leaves it, of a blend between two people."""
    folder = tmp_path_factory.mktemp("visit")
    portrait = cv2.resize(shots[0], (512, 512), interpolation=cv2.INTER_CUBIC)
    reference = make_reference(judge, [(portrait, NO_LANDMARKS)])

    def picture(t: float) -> np.ndarray:
        return np.rint(shots[2] + t * (shots[0].astype(float) - shots[2])).astype(np.uint8)

    low, high = 0.0, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        known = judge_pictures(judge, reference, [picture(middle)])[0].same
        low, high = (low, middle) if known else (middle, high)
    other, same = judge_pictures(judge, reference, [picture(low), picture(high)])
    assert same.same and not other.same
    strangers = [load(found[0]) for found in list(people.values())[2:]]
    worst = judge_worst_case(judge, reference, strangers)
    farthest = int(np.argmax([v.worst_distance for v in worst]))
    twin, (verdict,) = strangers[farthest], judge_pictures(judge, reference, [strangers[farthest]])
    write(folder / "portrait.png", portrait)
    write(folder / "border_same.png", picture(high))
    write(folder / "border_other.png", picture(low))
    write(folder / "doppelganger.png", twin)
    border = {"distance_same": same.distance, "distance_other": other.distance}
    report = {
        "judges": [{"name": "dlib", "threshold": judge.threshold, "border": border}],
        "doppelganger": {
            "judges": {
                "dlib": {"distance": verdict.distance, "worst_distance": worst[farthest].worst_distance}
            },
        },
        "verdict": {"seed": 0, "k": 8, "reference_k": 16},
    }
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def copy_border(visit: Path, folder: Path) -> None:
    """The visit without its doppelgänger, which saves time."""
    for file in visit.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(report | {"doppelganger": None}))


def recompute(folder: Path) -> subprocess.CompletedProcess[str]:
    script = REPO / "tests" / "support" / "recompute_verdict.py"
    return subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True)


def test_another_program_reaches_the_same_verdicts_with_dlib_itself(visit):
    done = recompute(visit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 4


def test_it_notices_a_swapped_border_pair(visit, tmp_path):
    copy_border(visit, tmp_path)
    same, other = tmp_path / "border_same.png", tmp_path / "border_other.png"
    kept = same.read_bytes()
    same.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    done = recompute(tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("WRONG border_") == 2


def test_it_notices_a_changed_distance_and_an_empty_folder(visit, tmp_path):
    copy_border(visit, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    report["judges"][0]["border"]["distance_same"] -= 0.002
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert recompute(tmp_path).returncode == 1
    assert recompute(tmp_path / "nowhere").returncode == 2
