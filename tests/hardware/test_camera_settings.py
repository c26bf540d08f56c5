"""Settings of cameras, what an inspected frame is taken for, and what each state says."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import UsageError
from hardware.camera.base import CameraState, Frame
from hardware.camera.inspection import Inspector
from hardware.camera.settings import CameraSettings, Crop, transform_image
from tests.support.camera_kit import picture


@pytest.mark.parametrize(("rotation_deg", "turns"), [(0, 0), (90, -1), (180, 2), (270, 1)])
def test_rotation_is_clockwise(rotation_deg: int, turns: int):
    image = picture()
    seen = transform_image(image, CameraSettings(rotation_deg=rotation_deg, mirror=False))
    np.testing.assert_array_equal(seen, np.rot90(image, turns))


def test_crop_is_of_the_upright_picture_and_before_the_mirror():
    image = picture(height=40, width=80)
    settings = CameraSettings(rotation_deg=90, crop=Crop(0.25, 0.0, 1.0, 0.5), mirror=True)
    upright = np.rot90(image, -1)  # 80 high, 40 wide
    np.testing.assert_array_equal(transform_image(image, settings), upright[0:40, 10:40][:, ::-1])


@given(
    height=st.integers(16, 40),
    width=st.integers(16, 40),
    edges=st.lists(st.floats(0, 1), min_size=4, max_size=4, unique=True),
    rotation_deg=st.sampled_from([0, 90, 180, 270]),
    mirror=st.booleans(),
)
def test_any_view_is_a_picture_of_its_own(
    height: int, width: int, edges: list[float], rotation_deg: int, mirror: bool
):
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    image = picture(height=height, width=width)
    settings = CameraSettings(rotation_deg=rotation_deg, mirror=mirror, crop=Crop(left, top, right, bottom))
    seen = transform_image(image, settings)
    assert seen.dtype == np.uint8 and seen.ndim == 3 and seen.shape[2] == 3
    assert min(seen.shape) >= 1
    assert seen.flags.c_contiguous and not seen.flags.writeable
    assert not np.shares_memory(seen, image)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotation_deg": 45},
        {"exposure_ms": 0.0},
        {"exposure_ms": float("nan")},
        {"width_px": 0},
        {"height_px": 100_000},
        {"rate_hz": 1},
        {"picture_s": 0},
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(wrong: dict):
    with pytest.raises(UsageError) as refused:
        CameraSettings(**wrong)
    assert "\n" not in str(refused.value) and "give" in str(refused.value)


@pytest.mark.parametrize(
    "wrong", [(0.5, 0, 0.5, 1), (0, 0.6, 1, 0.4), (-0.1, 0, 1, 1), (0, 0, 1, float("nan"))]
)
def test_a_crop_outside_the_picture_is_refused(wrong: tuple):
    with pytest.raises(UsageError):
        Crop(*wrong)


def frames_of(*images: object) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(image, float(index), index)  # type: ignore[arg-type]


def verdicts(live: bool, *images: object) -> list[CameraState | None]:
    inspector = Inspector(live, max_age_s=0.5)
    return [inspector.fault(frame, frame.captured_s) for frame in frames_of(*images)]


def test_a_dark_room_is_not_black_and_a_still_one_does_not_repeat():
    noise = np.random.default_rng(0)
    dark = [noise.poisson(3, (90, 160, 3)).astype(np.uint8) * 3 for _ in range(20)]
    assert verdicts(True, *dark) == [CameraState.OPENING] + [None] * 19


def test_files_may_stand_still_be_black_and_change_their_size():
    black = np.zeros((48, 64, 3), np.uint8)
    assert verdicts(False, black, black, picture(height=20, width=20)) == [None] * 3
    expected = [CameraState.BLACK, CameraState.BLACK, CameraState.RESIZED]
    assert verdicts(True, black, black, picture(height=20, width=20)) == expected


def test_times_that_stand_still_or_lie_far_off_are_old():
    inspector = Inspector(live=True, max_age_s=0.5)
    assert inspector.fault(Frame(picture(0), 9.9, 0), 10.0) is CameraState.OPENING
    assert inspector.fault(Frame(picture(1), 10.0, 0), 10.1) is None
    assert inspector.fault(Frame(picture(2), 10.0, 1), 10.1) is CameraState.OLD
    assert inspector.fault(Frame(picture(3), 10.2, 2), 10.9) is CameraState.OLD
    assert inspector.fault(Frame(picture(4), 20.0, 3), 11.0) is CameraState.OLD
    assert inspector.fault(Frame(picture(5), 20.1, 4), 20.2) is None
