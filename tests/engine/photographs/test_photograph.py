"""Pictures of every kind, and everything that only looks like one."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from engine.common.errors import UsageError
from engine.photographs.photograph import load_photograph

# A picture that every turn and flip changes: four flat quarters, wider than high.
RED, GREEN, BLUE, WHITE = (200, 40, 40), (40, 160, 40), (40, 40, 200), (230, 230, 230)


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(WHITE, (width // 2, height // 2, width, height))
    return image


def assert_shows_quarters(photograph: np.ndarray, tolerance: int = 6) -> None:
    assert photograph.dtype == np.uint8 and photograph.ndim == 3 and photograph.shape[2] == 3
    height, width = photograph.shape[:2]
    assert width > height
    for colour, (x, y) in zip((RED, GREEN, BLUE, WHITE), ((1, 1), (3, 1), (1, 3), (3, 3)), strict=True):
        got = photograph[height * y // 4, width * x // 4].astype(int)
        assert np.abs(got - colour).max() <= tolerance, (colour, got)


def stored_turned(orientation: int) -> tuple[Image.Image, Image.Exif]:
    """`quarters` as a camera stores them that is held so, and what it writes of that."""
    stored_as = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return quarters() if stored_as is None else quarters().transpose(stored_as), exif


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def jpeg_bytes(image: Image.Image, **options: bytes) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def png_of_claimed_size(width: int, height: int, data: bytes = b"\0" * 1000) -> bytes:
    """A PNG whose header claims a size that its data need not have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)  # one bit for a pixel
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_photograph(path)
    message = str(caught.value)
    assert "\n" not in message and message.isprintable()
    assert caught.value.exit_code == 2
    return message


# What is read


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.bmp", "a.avif", "a.heic"])
def test_reads_the_formats_of_cameras_and_phones(tmp_path: Path, name: str) -> None:
    assert_shows_quarters(load_photograph(saved(quarters(), tmp_path / name)), tolerance=12)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    image, exif = stored_turned(orientation)
    assert_shows_quarters(load_photograph(saved(image, tmp_path / f"a.{suffix}", exif=exif)), tolerance=12)


def test_broken_exif_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_bytes(quarters(), exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff garbage"))
    assert_shows_quarters(load_photograph(path))


def test_alpha_lies_over_mid_grey(tmp_path: Path) -> None:
    image = quarters().convert("RGBA")
    image.putalpha(0)
    assert (load_photograph(saved(image, tmp_path / "clear.png")) == 128).all()
    image.putalpha(255)
    assert_shows_quarters(load_photograph(saved(image, tmp_path / "opaque.png")), tolerance=0)
    grey = Image.merge("LA", [Image.new("L", (8, 8), 255), Image.new("L", (8, 8), 128)])
    assert np.abs(load_photograph(saved(grey, tmp_path / "half.png")).astype(int) - 192).max() <= 1


def test_palette_with_and_without_a_transparent_colour(tmp_path: Path) -> None:
    palette = quarters().quantize(4)
    assert_shows_quarters(load_photograph(saved(palette, tmp_path / "a.png")))
    index = palette.getpixel((0, 0))
    clear = load_photograph(saved(palette, tmp_path / "clear.png", transparency=index))
    assert clear[1, 1].tolist() == [128, 128, 128]
    assert clear[-1, -1].tolist() != [128, 128, 128]


def test_greyscale_and_black_and_white(tmp_path: Path) -> None:
    grey = load_photograph(saved(quarters().convert("L"), tmp_path / "grey.jpg"))
    assert grey.shape == (64, 96, 3) and (grey[..., 0] == grey[..., 2]).all()
    assert set(np.unique(load_photograph(saved(quarters().convert("1"), tmp_path / "bw.png")))) == {0, 255}


def test_cmyk_as_adobe_writes_it(tmp_path: Path) -> None:
    path = saved(quarters().convert("CMYK"), tmp_path / "cmyk.jpg", quality=95)
    assert b"Adobe" in path.read_bytes()  # its marker means: the inks are stored inverted
    assert_shows_quarters(load_photograph(path), tolerance=16)
    assert_shows_quarters(load_photograph(saved(quarters().convert("CMYK"), tmp_path / "cmyk.tif")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_cut_off(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (16, 1))
    path = saved(Image.fromarray(ramp), tmp_path / f"ramp.{suffix}")
    with Image.open(path) as stored:
        assert stored.mode.startswith("I;16")
    assert np.abs(load_photograph(path)[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_sixteen_bits_of_colour(tmp_path: Path) -> None:
    import cv2

    colours = np.asarray(quarters()).astype(np.uint16)[..., ::-1] * 257
    for name in ("a.png", "a.tif"):
        cv2.imwrite(str(tmp_path / name), colours)
        assert_shows_quarters(load_photograph(tmp_path / name), tolerance=1)


def test_a_colour_profile_is_converted_and_a_broken_one_ignored(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    profiles = {"srgb": profile, "garbage": b"none at all", "short": profile[:200], "lab": lab}
    for name, content in profiles.items():
        path = saved(quarters(), tmp_path / f"{name}.png", icc_profile=content)
        assert_shows_quarters(load_photograph(path), tolerance=2)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_of_an_animation_the_first_frame_counts(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (96, 64), colour) for colour in (BLUE, WHITE)]
    path = saved(quarters(), tmp_path / name, save_all=True, append_images=frames, duration=100)
    assert_shows_quarters(load_photograph(path), tolerance=30)


def test_one_pixel_is_a_photograph(tmp_path: Path) -> None:
    assert load_photograph(saved(Image.new("RGB", (1, 1), RED), tmp_path / "a.png")).tolist() == [[list(RED)]]


@pytest.mark.parametrize("size", [(5000, 2500), (20_000, 300)])
def test_large_pictures_are_shrunk_to_a_working_size(tmp_path: Path, size: tuple[int, int]) -> None:
    photograph = load_photograph(saved(quarters(*size), tmp_path / "a.png", compress_level=1))
    assert photograph.shape[1] == 4096 and photograph.shape[0] == max(1, round(4096 * size[1] / size[0]))
    assert photograph[0, 0].tolist() == list(RED)


def test_the_picture_may_be_written_to(tmp_path: Path) -> None:
    load_photograph(saved(quarters(), tmp_path / "a.png"))[0, 0] = 0


# What is refused


def test_missing_folder_empty_fifo(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nobody.jpg")
    assert "does not exist" in refusal(tmp_path / "no" / "such" / "folder" / "a.jpg")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in refusal(tmp_path / "empty.jpg")
    os.mkfifo(tmp_path / "fifo.jpg")
    assert "not an ordinary file" in refusal(tmp_path / "fifo.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    refusal(tmp_path / "loop.jpg")


def test_unreadable(tmp_path: Path) -> None:
    path = saved(quarters(), tmp_path / "a.png")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may read everything
    try:
        assert "permissions" in refusal(path)
    finally:
        os.seteuid(user)


def test_names_no_file_can_have_stay_on_one_line(tmp_path: Path) -> None:
    refusal(tmp_path / "line\nbreak \x1b[31m.jpg")
    refusal(tmp_path / "nul\0.jpg")
    refusal(tmp_path / ("x" * 1000))
    refusal(tmp_path / os.fsdecode(b"\xff\xfe.jpg"))


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary, today I sat for my portrait.\n",
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_text_renamed_to_jpg(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert "not a picture" in refusal(tmp_path / "a.jpg")


def test_formats_whose_decoders_start_programs_stay_closed(tmp_path: Path) -> None:
    assert "not a picture" in refusal(saved(quarters(), tmp_path / "a.eps"))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "gif", "avif", "heic"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_cut_short(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / f"a.{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged or cut short" in refusal(path) or suffix in ("webp", "tif", "avif")


def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    for width, height in ((30_000, 30_000), (12_000, 9_000), (8_000, 6_251), (2**31 - 1, 2**31 - 1)):
        path.write_bytes(png_of_claimed_size(width, height))
        assert "more than 50 megapixels" in refusal(path)
    for width, height in ((8_000, 6_250), (8_064, 6_048)):  # the second as phones take at 48 megapixels
        path.write_bytes(png_of_claimed_size(width, height))
        assert "damaged or cut short" in refusal(path)  # allowed by its size, so that it is decoded


@pytest.mark.parametrize(("transfer", "expected"), [(16, 187), (18, 139), (13, 130)])
@pytest.mark.parametrize("profile", [None, b"another"])
def test_code_points_of_a_png(tmp_path: Path, transfer: int, expected: int, profile: bytes | None) -> None:
    """PNG, third edition, 11.3.2.6: they count before a colour profile. Grey of 100 nits in PQ."""
    path = saved(Image.new("RGB", (64, 64), (130, 130, 130)), tmp_path / "a.png", icc_profile=profile)
    content, chunk = path.read_bytes(), b"cICP" + bytes([9, transfer, 0, 1])
    after_header = 33
    box = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(content[:after_header] + box + content[after_header:])
    assert np.abs(load_photograph(path)[32, 32].astype(int) - expected).max() <= 3


def test_a_damaged_tiff_writes_nothing_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(saved(quarters(), tmp_path / "a.tif", compression="tiff_adobe_deflate").read_bytes())
    content[20:60] = bytes(40)
    (tmp_path / "a.tif").write_bytes(content)
    refusal(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_real_picture_of_30000_by_30000(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of_claimed_size(30_000, 30_000, bytes(3751 * 30_000)))
    assert path.stat().st_size < 1_000_000
    assert "more than 50 megapixels" in refusal(path)


def test_numbers_that_are_no_photograph(tmp_path: Path) -> None:
    floats = Image.fromarray(np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32))
    assert "8-bit" in refusal(saved(floats, tmp_path / "a.tif"))


JPEG = jpeg_bytes(quarters())
seldom_slow = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def reads_or_refuses(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        photograph = load_photograph(path)
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert photograph.dtype == np.uint8 and photograph.shape[2] == 3


@seldom_slow
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes(tmp_path: Path, content: bytes) -> None:
    reads_or_refuses(tmp_path / "a.jpg", content)


@seldom_slow
@given(length=st.integers(0, len(JPEG)))
def test_truncated_jpeg(tmp_path: Path, length: int) -> None:
    reads_or_refuses(tmp_path / "a.jpg", JPEG[:length])


def _encoded(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


EXAMPLES = [JPEG] + [
    _encoded(lambda buffer, format_=format_: quarters().save(buffer, format_))  # type: ignore[misc]
    for format_ in ("PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
]


@seldom_slow
@given(content=st.sampled_from(EXAMPLES), data=st.data())
def test_damaged_bytes(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, min(len(damaged), 400) - 1))] = data.draw(st.integers(0, 255))
    reads_or_refuses(tmp_path / "a", bytes(damaged))
