"""Real faces through the real models; the limits at pictures made worse step by step."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.common.errors import NoUsableFace
from engine.faces.acceptance import FaceLimits, choose_sitter, eyes_note
from engine.faces.alignment import crop_ffhq
from engine.faces.analyser import FaceAnalyser
from engine.faces.landmarks import Landmarks
from engine.faces.measurement import Face, HeadPose, measure_eyes_open
from engine.faces.sitter import find_sitter
from engine.photographs.photograph import load_photograph
from tests.support.lids import with_lids


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceAnalyser]:
    with FaceAnalyser() as finder:
        yield finder


@pytest.fixture(scope="module")
def crowd(people: dict[str, list[Path]]) -> dict[str, np.ndarray]:
    return {path.stem: load_photograph(path) for paths in people.values() for path in paths}


@pytest.fixture(scope="module")
def portraits(photos: list[Path], astronaut: np.ndarray) -> dict[str, np.ndarray]:
    return {path.stem: load_photograph(path) for path in photos} | {"astronaut": astronaut}


def reason(faces: list[Face], **limits: float) -> str | None:
    try:
        choose_sitter(faces, FaceLimits(**limits))
    except NoUsableFace as refusal:
        assert "\n" not in str(refusal) and str(refusal).endswith(".") and refusal.exit_code == 3
        return refusal.reason
    return None


def resized(picture: np.ndarray, scale: float) -> np.ndarray:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), np.uint8)


def with_light(picture: np.ndarray, gain: float) -> np.ndarray:
    """The picture under `gain` times the light, in sRGB."""
    encoded = picture / 255
    light = gain * np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded.clip(0, 1)).astype(np.uint8)


# Finding


def test_all_renders_are_accepted(finder: FaceAnalyser, crowd: dict[str, np.ndarray]) -> None:
    assert len(crowd) == 56
    for name, picture in crowd.items():
        faces = finder.find(picture)
        assert len(faces) == 1, name
        assert reason(faces) is None, name
        assert 115 < faces[0].face_px < 165, name


def test_all_photographs_are_accepted(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    for name, picture in portraits.items():
        faces = finder.find(picture)
        assert len(faces) == 1 and reason(faces) is None, name
        face = faces[0]
        assert face.landmarks.shape == (478, 2) and face.landmarks.dtype == np.float32
        x0, y0, x1, y1 = face.box_px
        height, width = picture.shape[:2]
        assert 0 < x0 < x1 < width and 0 < y0 < y1 < height


def test_a_small_face_in_a_large_photograph(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    """A person as seen in a full-length picture: the face is 2 % as wide as the picture."""
    alone = finder.find(portraits["astronaut"])[0]
    for (height, width), (x, y) in {(4000, 3000): (1400, 700), (3000, 4000): (3200, 2200)}.items():
        scene = np.full((height, width, 3), (90, 110, 120), np.uint8)
        scene[y : y + 512, x : x + 512] = portraits["astronaut"]
        faces = finder.find(scene)
        assert len(faces) == 1 and reason(faces) is None
        deviation_px = np.linalg.norm(faces[0].landmarks - [x, y] - alone.landmarks, axis=1)
        assert deviation_px.mean() < 0.02 * alone.face_px
        assert faces[0].face_px == pytest.approx(alone.face_px, rel=0.05)


def test_a_face_that_fills_the_picture(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    whole = finder.find(portraits["biden2"])[0]
    x0, y0, x1, y1 = (round(v) for v in whole.box_px)
    face = finder.find(np.ascontiguousarray(portraits["biden2"][y0:y1, x0:x1]))[0]
    assert (
        np.linalg.norm(face.landmarks + np.array([x0, y0]) - whole.landmarks, axis=1).mean()
        < 0.03 * whole.face_px
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (256, 256), (700, 90), (1500, 2000)])
def test_nobody_there(finder: FaceAnalyser, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for picture in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        assert finder.find(picture) == []
    assert reason([]) == "none"


def test_a_cat_is_nobody(finder: FaceAnalyser) -> None:
    from skimage import data

    assert finder.find(data.chelsea()) == []


def test_the_same_picture_gives_the_same_face(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    first, again = (finder.find(portraits["obama"])[0] for _ in range(2))
    with FaceAnalyser() as other:
        afresh = other.find(portraits["obama"])[0]
    assert np.array_equal(first.landmarks, again.landmarks)
    assert np.array_equal(first.landmarks, afresh.landmarks)
    assert first.pose_deg == again.pose_deg == afresh.pose_deg


def test_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str], portraits: dict[str, np.ndarray]) -> None:
    with FaceAnalyser() as finder:
        finder.find(portraits["obama"])
    assert capfd.readouterr() == ("", "")


# Measures


def test_a_mirror_turns_yaw_and_roll_around(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    for name, picture in portraits.items():
        pose = finder.find(picture)[0].pose_deg
        mirrored = finder.find(np.ascontiguousarray(picture[:, ::-1]))[0].pose_deg
        assert mirrored.yaw == pytest.approx(-pose.yaw, abs=4), name
        assert mirrored.pitch == pytest.approx(pose.pitch, abs=4), name
        assert mirrored.roll == pytest.approx(-pose.roll, abs=3), name


@pytest.mark.parametrize("clockwise_deg", [-30, -12, 20])
def test_turning_the_photograph_changes_the_roll_alone(
    finder: FaceAnalyser, crowd: dict[str, np.ndarray], clockwise_deg: float
) -> None:
    for name in ("000200_0", "000201_0", "000209_3"):
        pose = finder.find(crowd[name])[0].pose_deg
        turn = cv2.getRotationMatrix2D((128, 128), -clockwise_deg, 1)
        turned_picture = cv2.warpAffine(crowd[name], turn, (256, 256), borderMode=cv2.BORDER_REFLECT)
        turned = finder.find(np.asarray(turned_picture, np.uint8))[0].pose_deg
        assert turned.roll == pytest.approx(pose.roll + clockwise_deg, abs=3), name
        assert turned.yaw == pytest.approx(pose.yaw, abs=4), name
        assert turned.pitch == pytest.approx(pose.pitch, abs=5), name


def test_signs_of_the_pose(finder: FaceAnalyser, crowd: dict[str, np.ndarray]) -> None:
    assert finder.find(crowd["000201_0"])[0].pose_deg.yaw > 15  # looks towards the right edge
    assert finder.find(crowd["000200_1"])[0].pose_deg.yaw < -5  # towards the left edge


def test_size_follows_the_picture(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    whole = finder.find(portraits["obama"])[0]
    half = finder.find(resized(portraits["obama"], 0.5))[0]
    assert half.face_px == pytest.approx(whole.face_px / 2, rel=0.04)
    assert half.sharpness == pytest.approx(whole.sharpness, rel=0.15)
    assert half.brightness == pytest.approx(whole.brightness, abs=2)


def test_sharpness_falls_with_every_loss_of_detail(
    finder: FaceAnalyser, portraits: dict[str, np.ndarray]
) -> None:
    for name, picture in portraits.items():
        face = finder.find(picture)[0]
        crop = crop_ffhq(picture, face.landmarks, 256)
        measured = []
        for detail_px in (256, 96, 64, 48, 40, 24):
            scale = detail_px / 256
            measured.append(finder.find(resized(resized(crop.image, scale), 1 / scale))[0].sharpness)
        assert measured == sorted(measured, reverse=True), (name, measured)
        assert measured[0] > 0.25 and measured[2] > 0.10 > measured[-1], (name, measured)


def test_sharpness_notices_motion(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    for name, picture in portraits.items():
        crop = crop_ffhq(picture, finder.find(picture)[0].landmarks, 256).image
        shaken = np.asarray(cv2.blur(crop, (25, 1)), np.uint8)
        assert reason(finder.find(shaken)) == "blurred", name


def test_eye_aspect_ratio_of_drawn_eyes() -> None:
    landmarks = np.zeros((478, 2))
    wide_open = np.array([(0, 0), (10, -5), (20, -5), (30, 0), (20, 5), (10, 5)], float)
    landmarks[list(Landmarks.LEFT_EYE)] = wide_open
    landmarks[[362, 385, 387, 263, 373, 380]] = wide_open + np.array([60, 0])
    assert measure_eyes_open(landmarks) == pytest.approx(1 / 3)
    landmarks[list(Landmarks.LEFT_EYE)] *= (1, 0.2)  # one eye winks, or is covered
    assert measure_eyes_open(landmarks) == pytest.approx(1 / 3)
    landmarks[list(Landmarks.RIGHT_EYE)] *= (1, 0.4)
    assert measure_eyes_open(landmarks) == pytest.approx(0.4 / 3)


def test_lids_refuse_nobody(
    finder: FaceAnalyser, crowd: dict[str, np.ndarray], portraits: dict[str, np.ndarray]
) -> None:
    """Eyes narrowed until the iris is just seen; and shut ones, which no measure tells from them."""
    people = {name: picture for name, picture in crowd.items() if name.endswith("_1")} | portraits
    less_open: dict[float, list[float]] = {0.25: [], 0.0: []}
    for name, picture in people.items():
        portrait = crop_ffhq(picture, finder.find(picture)[0].landmarks, 256)
        wide = finder.find(portrait.image)[0].eyes_open
        for opening, shares in less_open.items():
            faces = finder.find(with_lids(portrait.image, portrait.landmarks, opening))
            assert reason(faces) is None, name
            shares.append(faces[0].eyes_open / wide)
    # The control: the mesh sees what has been drawn.
    narrow, shut = (np.median(shares) for shares in less_open.values())
    assert shut < 0.7 and shut < narrow < 0.85, (shut, narrow)


def test_a_note_of_shut_eyes() -> None:
    assert eyes_note(USABLE) is None
    note = eyes_note(replace(USABLE, eyes_open=0.05))
    assert note is not None and "may be shut" in note and "\n" not in note and note.endswith(".")


# Light, and not skin


def test_dark_skin_is_not_darkness(finder: FaceAnalyser, crowd: dict[str, np.ndarray]) -> None:
    """The darkest skins keep a wide distance from the limit, and are accepted in half the light too."""
    faces = {name: finder.find(picture)[0] for name, picture in crowd.items()}
    darkest = sorted(faces, key=lambda name: faces[name].brightness)[:12]
    for name in darkest:
        assert faces[name].brightness > 1.8 * FaceLimits().min_brightness, name
        assert reason(finder.find(with_light(crowd[name], 0.5))) is None, name


def test_the_same_light_is_enough_for_every_skin(finder: FaceAnalyser, crowd: dict[str, np.ndarray]) -> None:
    """At an eighth of good light, the darkest skins are as welcome as the lightest."""
    lightness = {
        name: float(np.median(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[96:192, 80:176]))
        for name, picture in crowd.items()
    }
    ordered = sorted(lightness, key=lambda name: lightness[name])
    for name in ordered[:8] + ordered[-8:]:
        assert reason(finder.find(with_light(crowd[name], 1 / 8))) is None, name


@pytest.mark.parametrize(
    "light", [(0.02, 0.02, 1.0), (1.0, 0.02, 0.02), (0.02, 1.0, 0.02)], ids=["blue", "red", "green"]
)
@pytest.mark.parametrize("level", [1.0, 0.5])
def test_coloured_stage_light_is_not_darkness(
    finder: FaceAnalyser, crowd: dict[str, np.ndarray], light: tuple[float, ...], level: float
) -> None:
    for name in sorted(crowd)[:40:5]:
        channels = [with_light(crowd[name][..., i : i + 1], level * light[i]) for i in range(3)]
        assert reason(finder.find(np.concatenate(channels, axis=2))) != "too_dark", name


def test_too_little_light_is_refused_on_every_skin(
    finder: FaceAnalyser, crowd: dict[str, np.ndarray], portraits: dict[str, np.ndarray]
) -> None:
    for name in ("000200_0", "000201_3", "000202_2", "000210_1", "000212_0", *portraits):
        faces = finder.find(with_light((crowd | portraits)[name], 1 / 32))
        assert reason(faces) in ("too_dark", "none"), name


# Choosing

USABLE = Face(
    landmarks=np.zeros((478, 2), np.float32),
    box_px=(0.0, 0.0, 200.0, 200.0),
    face_px=200.0,
    inside_share=1.0,
    pose_deg=HeadPose(5.0, -5.0, 20.0),
    sharpness=0.4,
    brightness=60.0,
    eyes_open=0.3,
)


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (None, {}),
        (None, {"pose_deg": HeadPose(0, 0, 80)}),  # a tilted head is set upright by the crop
        ("too_small", {"face_px": 63.0}),
        ("cut_off", {"inside_share": 0.89}),
        ("turned_away", {"pose_deg": HeadPose(-41, 0, 0)}),
        ("turned_away", {"pose_deg": HeadPose(0, 31, 0)}),
        ("too_dark", {"brightness": 19.0}),
        ("blurred", {"sharpness": 0.09}),
        (None, {"eyes_open": 0.0}),  # lids refuse nobody
    ],
)
def test_each_limit_refuses(expected: str | None, changes: dict) -> None:
    assert reason([replace(USABLE, **changes)]) == expected


def test_limits_can_be_moved() -> None:
    assert reason([USABLE], min_face_px=201) == "too_small"
    assert reason([replace(USABLE, sharpness=0.01)], min_sharpness=0) is None


@given(st.lists(st.floats(10, 1000), min_size=2, max_size=5))
def test_of_several_the_clearly_largest(widths_px: list[float]) -> None:
    faces = [replace(USABLE, face_px=width) for width in sorted(widths_px, reverse=True)]
    if faces[0].face_px < 1.5 * faces[1].face_px:
        assert reason(faces) == "several"
    elif faces[0].face_px >= 64:
        assert choose_sitter(faces) is faces[0]
    else:
        assert reason(faces) == "too_small"


def test_two_side_by_side(finder: FaceAnalyser, crowd: dict[str, np.ndarray]) -> None:
    one, other = crowd["000203_0"], crowd["000208_0"]
    pair = finder.find(np.concatenate([one, other], axis=1))
    assert len(pair) == 2 and reason(pair) == "several"
    smaller = cv2.copyMakeBorder(resized(other, 0.5), 64, 64, 0, 0, cv2.BORDER_REPLICATE)
    unequal = finder.find(np.concatenate([one, smaller], axis=1))
    assert len(unequal) == 2 and reason(unequal) is None
    assert choose_sitter(unequal).box_px[2] < 256


def test_the_portrait_is_the_sitters_within_the_limits(
    finder: FaceAnalyser, crowd: dict[str, np.ndarray]
) -> None:
    large, small = crowd["000203_0"], resized(crowd["000208_0"], 0.5)
    smaller = cv2.copyMakeBorder(small, 64, 64, 0, 0, cv2.BORDER_REPLICATE)
    photograph = np.concatenate([smaller, large], axis=1)
    face, portrait = find_sitter(finder, photograph, FaceLimits(clearly_largest_ratio=1.2), 128)
    largest = finder.find(photograph)[0]
    assert face.box_px == largest.box_px and face.box_px[0] > 128
    np.testing.assert_array_equal(portrait.image, crop_ffhq(photograph, largest.landmarks, 128).image)
    with pytest.raises(NoUsableFace, match="Several faces"):
        find_sitter(finder, photograph, FaceLimits(clearly_largest_ratio=10.0))


@pytest.mark.parametrize("cut_from", ["left", "right", "above", "below"])
def test_a_face_cut_off_is_refused(
    finder: FaceAnalyser, portraits: dict[str, np.ndarray], cut_from: str
) -> None:
    photograph = portraits["obama"]
    x0, y0, x1, y1 = finder.find(photograph)[0].box_px

    def without(share: float) -> np.ndarray:
        across, down = round(share * (x1 - x0)), round(share * (y1 - y0))
        part = {
            "left": photograph[:, round(x0) + across :],
            "right": photograph[:, : round(x1) - across],
            "above": photograph[round(y0) + down :],
            "below": photograph[: round(y1) - down],
        }[cut_from]
        return np.ascontiguousarray(part)

    assert reason(finder.find(without(0.1))) is None
    assert reason(finder.find(without(0.33))) == "cut_off"


def test_far_away_is_too_small(finder: FaceAnalyser, portraits: dict[str, np.ndarray]) -> None:
    assert reason(finder.find(resized(portraits["obama"], 0.2))) == "too_small"


@settings(max_examples=25)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 80), st.integers(1, 80), st.just(3))))
def test_any_picture_is_searched(finder: FaceAnalyser, picture: np.ndarray) -> None:
    assert reason(finder.find(picture)) is not None
