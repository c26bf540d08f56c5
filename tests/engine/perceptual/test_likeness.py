"""What the eye minds in a face, measured."""

from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from engine.faces.analyser import FaceAnalyser
from engine.faces.landmarks import Landmarks
from engine.judges.perturbations import Perturbation, expose
from engine.perceptual.laplacian_pyramid import NormalisedLaplacianPyramid
from engine.perceptual.visible_change import (
    Change,
    JustNoticeable,
    VisibleChange,
    iris_discs,
    mesh_change,
    picture_likeness,
    to_lab,
)

f32 = partial(np.array, dtype=np.float32)


@pytest.fixture(scope="module")
def match(astronaut) -> np.ndarray:
    """A face in FFHQ framing, near enough; uint8 (128, 128, 3)."""
    return cv2.resize(astronaut[0:260, 100:360], (128, 128), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def change(match) -> Iterator[VisibleChange]:
    importance = torch.full((1, 1, 128, 128), 0.25)
    importance[:, :, 30:110, 30:98] = 1.0
    with FaceAnalyser() as finder:
        yield VisibleChange(match, importance, NormalisedLaplacianPyramid(), finder)


def signed(picture: np.ndarray) -> torch.Tensor:
    return (torch.tensor(picture).permute(2, 0, 1)[None].float() - 127.5) / 127.5


def test_nothing_changes_between_a_picture_and_itself(change, match):
    measured = change.measure(match)
    assert measured.total == pytest.approx(0, abs=1e-3)
    assert float(change.smooth(signed(match))) == pytest.approx(0, abs=1e-6)


def test_a_jpeg_of_quality_75_is_one_unit(change, match):
    measured = change.measure(expose(match, JustNoticeable.PERCEPTUAL))
    assert measured.perceptual == pytest.approx(1)
    assert measured.skin < 0.5
    assert change.measure(expose(match, Perturbation(jpeg_quality=30))).perceptual > 1.5


def test_a_tan_is_seen_as_skin(change, match):
    tanned = np.clip(match * [1.0, 0.92, 0.8], 0, 255).astype(np.uint8)
    measured = change.measure(tanned)
    assert measured.skin > 2 and measured.skin > 2 * measured.landmarks


def test_irises_of_another_colour_are_seen_as_irises(change, match):
    with FaceAnalyser() as finder:
        discs = iris_discs(finder.find(match)[0].landmarks, len(match))
    inside = (discs / discs.amax(dim=(1, 2), keepdim=True)).sum(dim=0).clamp(0, 1).numpy()[:, :, None]
    blue = (match + inside * ([40, 90, 200] - match.astype(np.float32))).astype(np.uint8)
    measured = change.measure(blue)
    assert measured.irises > 3 and measured.irises > 5 * measured.skin
    assert measured.total > 4
    assert change.smooth(signed(blue)) > 9


def test_an_iris_half_red_and_half_blue_is_not_taken_for_its_mean(change, match):
    with FaceAnalyser() as finder:
        discs = iris_discs(finder.find(match)[0].landmarks, len(match))
    inside = (discs / discs.amax(dim=(1, 2), keepdim=True)).clamp(0, 1).numpy()
    halves = match.astype(np.float32)
    for disc in inside:
        middle = np.average(np.arange(len(match)), weights=disc.sum(axis=0))
        side = np.sign(np.arange(len(match)) - middle)[None, :, None]
        halves += 30 * side * disc[:, :, None] * [1, 0, -1]
    assert change.measure(halves.clip(0, 255).astype(np.uint8)).irises > 1.5


def test_a_small_dark_spot_counts_more_than_a_faint_tint_of_as_much_colour(change, match):
    spot = match.copy()
    spot[76:80, 62:66] = 0  # beside the nose
    taken = match.astype(np.float32).sum() - spot.astype(np.float32).sum()
    tinted = np.clip(match - taken / match.size, 0, 255).round().astype(np.uint8)
    assert change.measure(spot).spots > 10 * change.measure(tinted).spots
    assert change.measure(spot).spots > 2 * change.measure(spot).skin


def test_a_stretched_face_is_seen_by_its_landmarks(change, match):
    wide = cv2.warpAffine(match, np.array([[1.06, 0, -3.8], [0, 1, 0]]), (128, 128), borderMode=1)
    assert change.measure(wide).landmarks > 2


def test_of_the_mesh_only_what_exceeds_its_own_scatter_counts():
    measured = Change(1.0, 0.5, irises=0.2, spots=0.1, landmarks=0.9, expression=1.5, gaze=3.0)
    assert measured.total == pytest.approx(1.8 + 0.5 + 2)


def test_without_a_face_the_change_is_infinite(change):
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert change.measure(grey).total == np.inf


def test_smooth_change_has_a_gradient_towards_the_match(change, match):
    other = signed(cv2.GaussianBlur(match, (0, 0), 1.5)).requires_grad_()
    before = change.smooth(other).sum()
    (gradient,) = torch.autograd.grad(before, other)
    assert change.smooth(other - 1e-2 * gradient / gradient.abs().max()).sum() < before


def test_lab_is_the_standard_one(match):
    ours = to_lab(signed(match))[0].permute(1, 2, 0).numpy()
    theirs = rgb2lab(match)
    assert np.abs(ours - theirs).max() < 0.05


def test_mesh_change_by_its_kinds():
    before = np.random.RandomState(0).uniform(20, 100, (478, 2)).astype(np.float32)
    moved, expression, gaze = mesh_change(before, before + f32([3, 0]))
    assert moved > 0 and expression == pytest.approx(0, abs=1e-5) and gaze == pytest.approx(0, abs=1e-5)
    # Twice as large a picture changes nothing: all are shares.
    glance = before.copy()
    glance[[iris for iris, _, _ in Landmarks.IRISES]] += f32([2, 0])
    assert mesh_change(2 * before, 2 * glance) == pytest.approx(mesh_change(before, glance), rel=1e-4)
    assert mesh_change(before, glance)[2] > 0 and mesh_change(before, glance)[1] == 0
    smile = before.copy()
    smile[61, 0] -= 4
    assert mesh_change(before, smile)[1] > 0


def test_customary_figures(match):
    brighter = match.clip(0, 245) + 10
    darker = match.clip(0, 245)
    figures = picture_likeness(brighter.astype(np.uint8), darker)
    assert figures["rmse"] == pytest.approx(10)
    assert figures["psnr_db"] == pytest.approx(28.13, abs=0.01)
    assert 0.8 < figures["ssim"] < 1
    assert picture_likeness(match, match)["ssim"] == 1
