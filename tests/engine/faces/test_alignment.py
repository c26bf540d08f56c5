"""The FFHQ crop on made-up meshes and pictures whose right answer is known, and on FFHQ-aligned renders."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.faces.alignment import apply_affine, crop_ffhq, ffhq_quad, ffhq_transform
from engine.faces.analyser import FaceAnalyser
from engine.faces.landmarks import Landmarks

# Where FFHQ puts the eyes' centres and the mouth's corners, on average, in unit coordinates.
EYES_AND_MOUTH = np.array([(0.380, 0.471), (0.623, 0.469), (0.402, 0.729), (0.598, 0.729)])
UNIT_CORNERS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)


def mesh(*points: np.ndarray) -> np.ndarray:
    """Both eyes' centres and both mouth corners -> a mesh that is empty but for these."""
    landmarks = np.zeros((478, 2))
    landmarks[list(Landmarks.LEFT_EYE)], landmarks[list(Landmarks.RIGHT_EYE)] = points[:2]
    landmarks[list(Landmarks.MOUTH_CORNERS)] = points[2:]
    return landmarks


def moved(degrees: float, scale: float, to: tuple[float, float]) -> np.ndarray:
    """An affine map (2, 3) that turns clockwise and scales, and brings the middle of FACE to `to`."""
    turn = np.radians(degrees)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.column_stack([linear, to - linear @ MIDDLE])


def landscape(size_px: int = 1200) -> np.ndarray:
    """Soft coloured waves: every place looks different, and resampling loses nothing."""
    y, x = np.mgrid[:size_px, :size_px] / size_px * 2 * np.pi
    waves = [np.sin(3 * x + y), np.sin(2 * y - 4 * x + 1), np.cos(5 * x) * np.sin(4 * y)]
    return np.clip(127.5 + 120 * np.stack(waves, axis=-1), 0, 255).astype(np.uint8)


def checkerboard(size_px: int, square_px: int) -> np.ndarray:
    """Squares of 0 and of 200."""
    dark_or_light = (np.indices((size_px, size_px)) // square_px).sum(axis=0) % 2 * 200
    return np.repeat(dark_or_light.astype(np.uint8)[..., None], 3, axis=2)


MIDDLE = np.array([600, 600])  # of the landscape
FACE = mesh(*(EYES_AND_MOUTH * 400 + MIDDLE - 200))  # its crop is about 400 px wide


def test_the_recipe_by_hand() -> None:
    """Eyes 100 apart, mouth 100 below: the eyes decide, half a side is 200, the centre 10 below them."""
    quad = ffhq_quad(mesh(*np.array([(100, 100), (200, 100), (110, 200), (190, 200)], float)))
    assert np.allclose(quad, [(-50, -90), (350, -90), (350, 310), (-50, 310)])
    # Mouth 200 below: now it decides, half a side is 360.
    quad = ffhq_quad(mesh(*np.array([(100, 100), (200, 100), (110, 300), (190, 300)], float)))
    assert np.allclose(quad[2] - quad[0], [720, 720])
    assert np.allclose(quad.mean(axis=0), [150, 120])


def test_points_where_ffhq_has_them_give_nearly_the_identity() -> None:
    corners = apply_affine(ffhq_transform(mesh(*EYES_AND_MOUTH)), UNIT_CORNERS)
    assert np.abs(corners - UNIT_CORNERS).max() < 0.03


movements = st.tuples(st.floats(-180, 180), st.floats(0.1, 10), st.tuples(*[st.floats(-500, 500)] * 2))


@given(movements)
def test_the_transform_goes_along_with_every_turn_scale_and_shift(movement: tuple) -> None:
    move = moved(*movement)
    points = FACE + np.random.default_rng(0).normal(size=FACE.shape)
    quad = ffhq_quad(apply_affine(move, points))
    assert np.allclose(quad, apply_affine(move, ffhq_quad(points)), atol=1e-6)
    to_unit = ffhq_transform(apply_affine(move, points))
    assert np.allclose(apply_affine(to_unit, quad), UNIT_CORNERS, atol=1e-6)


@pytest.mark.parametrize(
    "movement", [(25, 1, (600, 700)), (0, 0.5, (300, 300)), (-40, 1.6, (710, 690)), (0, 1, (607.5, 603.25))]
)
def test_the_crop_is_the_same_wherever_the_face_lies(movement: tuple) -> None:
    photograph, move = landscape(), moved(*movement)
    pixel_centres = move.copy()
    pixel_centres[:, 2] += move[:, :2] @ [0.5, 0.5] - 0.5
    elsewhere = cv2.warpAffine(photograph, pixel_centres, (1400, 1400), flags=cv2.INTER_CUBIC).astype(
        np.uint8
    )
    one = crop_ffhq(photograph, FACE, 256)
    other = crop_ffhq(elsewhere, apply_affine(move, FACE), 256)
    assert np.abs(one.image.astype(int) - other.image).mean() < 1.0
    assert np.abs(one.landmarks - other.landmarks).max() < 0.01
    shifted = crop_ffhq(elsewhere, apply_affine(move, FACE + np.array([4.0, 0.0])), 256)  # 1 % of the crop
    assert np.abs(one.image.astype(int) - shifted.image).mean() > 2.0


def test_the_crop_shows_what_the_transform_says() -> None:
    photograph = landscape()
    portrait = crop_ffhq(photograph, FACE, 512)
    assert portrait.image.shape == (512, 512, 3) and portrait.image.dtype == np.uint8
    assert portrait.landmarks.shape == (478, 2) and portrait.landmarks.dtype == np.float32
    assert portrait.transform.shape == (2, 3) and portrait.transform.dtype == np.float64
    rows, columns = np.array([(256, 256), (40, 470), (400, 100)]).T
    there = np.asarray(cv2.invertAffineTransform(portrait.transform), np.float64)
    x, y = apply_affine(there, (np.column_stack([columns, rows]) + 0.5) / 512).T
    expected = photograph[y.astype(int), x.astype(int)]
    assert np.abs(portrait.image[rows, columns].astype(int) - expected).max() <= 6
    assert np.abs(portrait.landmarks[list(Landmarks.MOUTH_CORNERS)] / 512 - EYES_AND_MOUTH[2:]).max() < 0.03


@pytest.mark.parametrize("size_px", [25, 50, 100, 400])
def test_the_crop_lies_where_it_should_to_a_fraction_of_a_pixel(size_px: int) -> None:
    """On ramps, whose grey level tells the place, with grain that leaves no bias of rounding: however much
    the crop is enlarged or shrunk."""
    y, x = np.mgrid[:240, :240]
    grain = np.random.default_rng(0).random((240, 240, 3))
    photograph = (0.8 * np.stack([x, y, x], axis=-1) + grain).astype(np.uint8)
    portrait = crop_ffhq(photograph, mesh(*(EYES_AND_MOUTH * 100 + 70)), size_px)
    centres = (np.stack(np.meshgrid(*[np.arange(size_px)] * 2), axis=-1).reshape(-1, 2) + 0.5) / size_px
    there = np.asarray(cv2.invertAffineTransform(portrait.transform), np.float64)
    expected = apply_affine(there, centres) - 0.5
    off = portrait.image[..., :2].reshape(-1, 2) / 0.8 - expected
    assert np.abs(off.mean(axis=0)).max() < 0.1


@pytest.mark.parametrize("size_px", [48, 200, 512])
def test_shrinking_leaves_no_moire(size_px: int) -> None:
    checks = checkerboard(2000, square_px=1)
    face = apply_affine(moved(5, 4, (1000, 1000)), FACE)
    portrait = crop_ffhq(checks, face, size_px)
    assert portrait.image.std() < 4, "a fine grid must become an even grey"
    assert abs(portrait.image.mean() - 100) < 1


def test_beyond_the_photograph_it_is_reflected_blurred_and_faded() -> None:
    checks = checkerboard(600, square_px=10)
    checks[..., 0] = 100
    left_half_outside = mesh(*(EYES_AND_MOUTH * 400 + (-200, 100)))
    portrait = crop_ffhq(checks, left_half_outside, 400)
    contrast = portrait.image[..., 1].reshape(400, 10, 40).std(axis=(0, 2))  # of ten upright strips
    assert contrast[7:].min() > 90, "inside, it is the photograph"
    assert contrast[:4].max() < 30, "outside, the pattern is blurred away"
    assert (np.diff(contrast) > -5).all(), "and between them it fades"
    assert np.abs(portrait.image[..., 0].astype(int) - 100).max() <= 2, "an even colour stays as it is"


@pytest.mark.parametrize("offset", [(0, 0), (-390, -390), (-200, 300)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 500)])
def test_every_photograph_gives_a_full_crop(shape: tuple[int, int], offset: tuple[int, int]) -> None:
    photograph = np.full((*shape, 3), 90, np.uint8)
    portrait = crop_ffhq(photograph, mesh(*(EYES_AND_MOUTH * 400 + offset)), 64)
    assert (portrait.image == 90).all()


def test_renders_that_are_ffhq_aligned_stay_where_they_are(people: dict[str, list[Path]]) -> None:
    """Mean distance of the crop's corners from the picture's: 1.1 % of the side, 2.8 % for the worst."""
    deviations = []
    with FaceAnalyser() as finder:
        for path in (path for paths in people.values() for path in paths):
            photograph = np.asarray(Image.open(path).convert("RGB"))
            transform = ffhq_transform(finder.find(photograph)[0].landmarks)
            corners = apply_affine(transform, UNIT_CORNERS * 256.0)
            deviations.append(np.linalg.norm(corners - UNIT_CORNERS, axis=1).mean())
    assert len(deviations) == 56
    assert np.mean(deviations) < 0.015 and max(deviations) < 0.04
