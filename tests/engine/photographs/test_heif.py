"""What phones write: HEIC and AVIF, turned, in tiles, in bursts, of ten bits, in wide colours, cut short."""

import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from engine.common.errors import UsageError
from engine.photographs.photograph import is_picture, load_photograph
from tests.conftest import DATA
from tests.engine.photographs.test_photograph import (
    GREEN,
    RED,
    assert_shows_quarters,
    quarters,
    refusal,
    saved,
    stored_turned,
)

GRID = DATA / "heic" / "grid.heic"


def display_p3() -> bytes:
    """An ICC profile like Apple's: Pillow's sRGB profile with the primaries of Display P3."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Adapted to D50, as profiles have them: SMPTE EG 432-1 by Bradford's matrix.
    primaries = {
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2919, 0.6922, 0.0419),
        b"bXYZ": (0.1572, 0.0666, 0.7841),
    }
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(132, 132 + 12 * count, 12):
        tag, offset, _ = struct.unpack_from(">4sII", profile, entry)
        if tag in primaries:
            struct.pack_into(">3i", profile, offset + 8, *(round(v * 65536) for v in primaries[tag]))
    return bytes(profile)


def test_a_phones_picture_is_whole_not_one_of_its_tiles() -> None:
    photograph = load_photograph(GRID)
    assert photograph.shape == (512, 512, 3)
    # FFmpeg's test picture: upright bars over both rows and columns of tiles.
    bars = photograph[450, [43, 128, 213, 299, 480]].astype(int)
    expected = [(255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 0, 255), (0, 255, 255)]
    assert np.abs(bars - expected).max() < 24


def test_the_primary_picture_of_a_burst_counts(tmp_path: Path) -> None:
    others = [Image.new("RGB", (96, 64), colour) for colour in (RED, GREEN)]
    burst = pillow_heif.from_pillow(others[0])
    burst.add_from_pillow(quarters())
    burst.add_from_pillow(others[1])
    burst.save(tmp_path / "burst.heic", primary_index=1, quality=95)
    assert_shows_quarters(load_photograph(tmp_path / "burst.heic"), tolerance=12)


def test_a_thumbnail_in_the_file_is_not_taken(tmp_path: Path) -> None:
    path = saved(quarters(960, 640), tmp_path / "a.heic", thumbnails=[96])
    assert load_photograph(path).shape == (640, 960, 3)


def test_ten_bits_become_eight(tmp_path: Path) -> None:
    sixteen_bits = np.asarray(quarters()).astype(np.uint16) * 257
    picture = pillow_heif.from_bytes("RGB;16", (96, 64), sixteen_bits.tobytes())
    picture.save(tmp_path / "a.heic", quality=95)
    with Image.open(tmp_path / "a.heic") as stored:
        assert stored.info["bit_depth"] == 10
    assert_shows_quarters(load_photograph(tmp_path / "a.heic"), tolerance=12)


@pytest.mark.parametrize("suffix", ["heic", "avif"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turn_is_applied_once(tmp_path: Path, orientation: int, suffix: str) -> None:
    """The EXIF data repeat the turn that the file itself describes, as a phone's do."""
    image, exif = stored_turned(orientation)
    # From here pillow_heif makes `irot` and `imir` of it, from the argument `exif` only Pillow's AVIF does.
    image.info["exif"] = exif.tobytes()
    path = saved(image, tmp_path / f"a.{suffix}", quality=95, **({"exif": exif} if suffix == "avif" else {}))
    assert b"irot" in path.read_bytes() or b"imir" in path.read_bytes()
    assert_shows_quarters(load_photograph(path), tolerance=12)


def test_exif_alone_turns_no_heif(tmp_path: Path) -> None:
    """ISO/IEC 23008-12: a file says by `irot` and `imir` how it is shown; its EXIF data only inform."""
    _, exif = stored_turned(6)
    path = saved(quarters(), tmp_path / "a.heic", quality=95, exif=exif)
    assert b"irot" not in path.read_bytes()
    assert_shows_quarters(load_photograph(path), tolerance=12)


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.jpg", "a.png", "a.webp", "a.tif"])
def test_display_p3_becomes_srgb(tmp_path: Path, name: str) -> None:
    path = saved(
        Image.new("RGB", (64, 64), (200, 110, 80)), tmp_path / name, icc_profile=display_p3(), quality=95
    )
    # By the definitions of both: linear light, P3's matrix to XYZ, sRGB's from XYZ.
    assert np.abs(load_photograph(path)[32, 32].astype(int) - (213, 107, 72)).max() <= 4


@pytest.mark.parametrize(("transfer", "code", "expected"), [(16, 130, 187), (18, 128, 137), (13, 137, 137)])
def test_code_points_in_place_of_a_profile(tmp_path: Path, transfer: int, code: int, expected: int) -> None:
    """Grey of 100 nits in PQ, of 50 in HLG, where white has 203; and of no HDR."""
    grey = Image.new("RGB", (64, 64), (code, code, code))
    points = {"color_primaries": 9, "transfer_characteristics": transfer}
    path = saved(grey, tmp_path / "a.heic", quality=95, **points)
    assert np.abs(load_photograph(path)[32, 32].astype(int) - expected).max() <= 3


def test_code_points_of_an_avif(tmp_path: Path) -> None:
    content = bytearray(saved(Image.new("RGB", (64, 64), (130, 130, 130)), tmp_path / "a.avif").read_bytes())
    # ISO/IEC 14496-12, 12.1.5: primaries and transfer follow the type of the `colr` box.
    struct.pack_into(">HH", content, content.index(b"nclx") + 4, 9, 16)
    (tmp_path / "a.avif").write_bytes(content)
    assert np.abs(load_photograph(tmp_path / "a.avif")[32, 32].astype(int) - 187).max() <= 3


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_cut_short(tmp_path: Path, share: float) -> None:
    content = GRID.read_bytes()
    path = tmp_path / "a.heic"
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged or cut short" in refusal(path)
    assert is_picture(path)


@pytest.mark.parametrize("share", [0.2, 0.7, 0.98])
def test_an_animation_cut_short(tmp_path: Path, share: float) -> None:
    others = [Image.new("RGB", (96, 64), colour) for colour in (RED, GREEN)]
    path = saved(quarters(), tmp_path / "a.avif", save_all=True, append_images=others)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged or cut short" in refusal(path)
    assert is_picture(path)


def test_a_size_that_is_only_claimed_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(quarters(), tmp_path / "a.heic").read_bytes())
    # ISO/IEC 23008-12, 6.5.3: width and height follow the box's name, version and flags.
    size = content.index(b"ispe") + 8
    struct.pack_into(">II", content, size, 8_000, 6_251)
    (tmp_path / "a.heic").write_bytes(content)
    assert "more than 50 megapixels" in refusal(tmp_path / "a.heic")


def test_a_file_larger_than_any_photograph_is_refused_unread(tmp_path: Path) -> None:
    path = saved(quarters(), tmp_path / "a.heic")
    with path.open("r+b") as file:
        file.truncate(2_000_000_000)
    assert "400" in refusal(path)


def test_pictures_are_known_by_their_content(tmp_path: Path) -> None:
    assert is_picture(GRID) and is_picture(saved(quarters(), tmp_path / "a.jpg"))
    (tmp_path / "a.txt").write_text("not a picture")
    assert not is_picture(tmp_path / "a.txt") and not is_picture(tmp_path / "none")
    with pytest.raises(UsageError):
        load_photograph(tmp_path / "a.txt")
