"""What lies beside the picture in TIFF files, and raw files of cameras."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from engine.common.errors import UsageError
from engine.photographs.photograph import is_picture, load_photograph
from hardware.camera.file import FileSource

SIZE = (96, 64)
RED, GREEN = (200, 10, 10), (10, 200, 10)


def tiff_pages(path: Path, kinds: list[int], **tags: dict[int, object]) -> Path:
    """A TIFF file whose pages have these NewSubfileTypes; reduced ones are smaller, and green."""
    pages = []
    for kind in kinds:
        page = Image.new("RGB", (24, 16), GREEN) if kind else Image.new("RGB", SIZE, RED)
        page.encoderinfo = {"tiffinfo": {254: kind, **tags}}
        pages.append(page)
    first, *others = pages
    first.save(path, "TIFF", save_all=True, append_images=others, tiffinfo=first.encoderinfo["tiffinfo"])
    return path


@pytest.mark.parametrize("kinds", [[1, 0], [0, 1], [1, 1, 0], [4, 0], [1, 4, 0, 0]])
def test_the_page_of_full_size_is_the_photograph(tmp_path: Path, kinds: list[int]):
    photograph = load_photograph(tiff_pages(tmp_path / "a.tif", kinds))
    assert photograph.shape == (64, 96, 3) and (photograph == RED).all()


def test_a_reduced_page_that_is_all_there_is_is_the_photograph(tmp_path: Path):
    assert load_photograph(tiff_pages(tmp_path / "a.tif", [1])).shape == (16, 24, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.rw2", b"IIU\0\x18\0\0\0"),
        ("a.orf", b"IIRO\x08\0\0\0"),
        ("a.raf", b"FUJIFILMCCD-RAW 0201"),
        ("a.x3f", b"FOVb\0\0\0\0"),
        ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1"),
        ("a.crw", b"II\x1a\0\0\0HEAPCCDR"),
        ("a.jpg", b"II*\0\x10\0\0\0CR\2\0"),
    ],
)
def test_raw_files_are_refused_by_name(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content + bytes(100))
    assert is_picture(tmp_path / name)  # so that the camera's stand-in says the same
    for read in (load_photograph, FileSource):
        with pytest.raises(UsageError, match=r"raw file of a camera.*export it as JPEG"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("a.dng", {50706: b"\1\4\0\0"}),
        ("named_otherwise.tif", {50706: b"\1\4\0\0"}),
        ("a.NEF", {}),
        ("named_otherwise.tiff", {330: 8}),  # the sensor's data lie in a SubIFD
    ],
)
def test_the_preview_of_a_raw_file_is_not_the_photograph(tmp_path: Path, name: str, tags: dict):
    path = tmp_path / name
    preview = Image.new("RGB", (24, 16), GREEN)
    preview.save(path, "TIFF", tiffinfo={254: 1, **tags})
    with pytest.raises(UsageError, match="raw file"):
        load_photograph(path)


@pytest.mark.parametrize("white", [0, 1], ids=["0 is white", "0 is black"])
def test_sixteen_bits_of_grey_are_no_negative(tmp_path: Path, white: int):
    levels = np.tile(np.linspace(0, 65535, 96).astype(np.uint16), (64, 1))
    Image.fromarray(levels).save(tmp_path / "a.tif", tiffinfo={262: white})
    row = load_photograph(tmp_path / "a.tif")[0, :, 0]
    assert (row[0], row[-1]) == ((0, 255) if white else (255, 0))


@pytest.mark.parametrize(
    ("gamma", "chunk", "expected"),
    [(100000, b"", 188), (55556, b"", 145), (45455, b"", 128), (0, b"", 128), (100000, b"sRGB", 128)],
)
def test_gamma_of_a_png(tmp_path: Path, gamma: int, chunk: bytes, expected: int):
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", gamma.to_bytes(4, "big"))
    if chunk:
        info.add(chunk, b"\0")
    Image.new("RGB", (8, 8), (128, 128, 128)).save(tmp_path / "a.png", pnginfo=info)
    assert int(load_photograph(tmp_path / "a.png")[0, 0, 0]) == pytest.approx(expected, abs=2)
