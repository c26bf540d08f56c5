"""The mark of synthetic pictures in PNG and JPEG files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from installation.outputs import marks
from installation.outputs.films.film import write_film
from tests.support.visit_record import face


def png_chunks(path: Path) -> list[bytes]:
    data, at, kinds = path.read_bytes(), 8, []
    while at < len(data):
        kinds.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return kinds


@settings(max_examples=20)
@given(picture=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_png_holds_exactly_the_picture(picture: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("png") / "picture.png"
    path.write_bytes(marks.png_bytes(picture))
    assert np.array_equal(np.asarray(Image.open(path)), picture)
    assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA


def test_png_carries_the_mark_and_no_other_metadata(tmp_path: Path) -> None:
    marked, photograph = tmp_path / "marked.png", tmp_path / "photograph.png"
    marked.write_bytes(marks.png_bytes(face(0.5)))
    photograph.write_bytes(marks.png_bytes(face(0.5), source_type=None))
    assert set(png_chunks(marked)) == {b"IHDR", b"iTXt", b"IDAT", b"IEND"}
    assert set(png_chunks(photograph)) == {b"IHDR", b"IDAT", b"IEND"}
    assert marks.read_digital_source_type(photograph) is None


def test_jpeg_carries_the_mark_and_no_exif(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(marks.jpeg_bytes(face(0.5)))
    assert marks.read_digital_source_type(path) == marks.TRAINED_ALGORITHMIC_MEDIA
    with Image.open(path) as image:
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "xmp"}
        assert np.abs(np.asarray(image).astype(int) - face(0.5)).mean() < 2


def test_a_composite_says_so_and_a_photograph_says_nothing(tmp_path: Path) -> None:
    for name, encode in (("a.png", marks.png_bytes), ("a.jpg", marks.jpeg_bytes)):
        for source_type in (marks.COMPOSITE_MEDIA, None):
            (tmp_path / name).write_bytes(encode(face(0.5), source_type=source_type))
            assert marks.read_digital_source_type(tmp_path / name) == source_type
    for source_type in (marks.COMPOSITE_MEDIA, None):
        write_film(tmp_path / "a.mp4", [np.zeros((64, 64, 3), np.uint8)], source_type=source_type)
        assert marks.read_digital_source_type(tmp_path / "a.mp4") == source_type
