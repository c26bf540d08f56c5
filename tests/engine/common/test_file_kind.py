"""Files that are no weights are named, and what to do is said."""

from pathlib import Path

import pytest

from engine.common.errors import WeightsError
from engine.common.weights_file import reporting_weights_errors
from engine.perceptual.lpips import LPIPS
from engine.stylegan2.checkpoint import load_generator
from engine.stylegan2.encoder import load_encoder

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:a205a346e86a\nsize 381624121\n"
KINDS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty: fetch it again"),
    "zeros": (bytes(5000), "full of zeros"),
    "a web page": (b"\n<!DOCTYPE html><html><title>Virus scan warning</title>", "web page.*click"),
    "a web page with a mark": (b"\xef\xbb\xbf<HTML><head>", "web page"),
    "S3's refusal": (b'<?xml version="1.0"?><Error><Code>Denied</Code></Error>', "server's error message"),
    "an API's refusal": (b'{"error": "Repository not found"}', "server's error message"),
    "Git LFS": (POINTER, "Git LFS.*git lfs pull"),
    "git-annex": (b"/annex/objects/SHA256E-s12--ab.pkl\n", "git-annex.*git annex get"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip: unpack"),
    "tar": (b"ffhq.pkl".ljust(257, b"\0") + b"ustar" + bytes(300), "tar archive: unpack"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c" + bytes(30), "7-Zip archive: unpack"),
    "RAR": (b"Rar!\x1a\x07\x01" + bytes(30), "RAR archive: unpack"),
    "ONNX": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xd4", "ONNX"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(30), "HDF5"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3" + bytes(30), "TensorFlow Lite"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(30), "a picture"),
    "a Mac's companion": (b"\x00\x05\x16\x07\x00\x02\0\0Mac OS X" + bytes(30), "Mac's companion"),
    "half a ZIP": (b"PK\x03\x04" + bytes(500), "ZIP archive whose end is missing"),
    "half a safetensors": (b"\x00\x10\0\0\0\0\0\0" + b'{"a":{"dtype"', "safetensors file whose end is"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_holds_no_weights_is_named(tmp_path: Path, kind: str) -> None:
    content, message = KINDS[kind]
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(content)
    for load in (load_generator, load_encoder, lambda path: LPIPS.from_files(path, path)):
        with pytest.raises(WeightsError, match=rf"ffhq\.pkl: .*{message}") as refusal:
            load(path)
        assert "malicious" not in str(refusal.value)
        assert "damaged" not in str(refusal.value)


def test_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="a folder; give the file"), reporting_weights_errors(tmp_path):
        pass
