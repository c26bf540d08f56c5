"""Recognises files that are not what was to be downloaded, from their first bytes.

Weights often come by hand: saved from a page that wanted a click first, cloned without Git LFS, copied half.
"""

import zipfile
from pathlib import Path

HEAD_BYTES = 1024
_UNPACK = "unpack it, and take the .pkl, .pt or .safetensors inside"
_LARGE_FILE_POINTER = "a pointer of {}, not the file itself: it stands for it in a repository; {}"

# First bytes, and what the file then is.
MAGIC: list[tuple[bytes, str]] = [
    (b"\x1f\x8b", f"packed with gzip: {_UNPACK}"),
    (b"BZh", f"packed with bzip2: {_UNPACK}"),
    (b"\xfd7zXZ", f"packed with xz: {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"packed with zstandard: {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7-Zip archive: {_UNPACK}"),
    (b"Rar!", f"a RAR archive: {_UNPACK}"),
    (b"\x89HDF", "an HDF5 file (Keras and TensorFlow write them), another format; take weights for PyTorch"),
    (b"GGUF", "a GGUF file of a language model, another kind of network"),
    (b"\x93NUMPY", "a NumPy array, no network"),
    (b"\x00\x05\x16\x07", "a Mac's companion file (._NAME), not the file itself: take NAME"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"[InternetShortcut]", "a link to the file, not the file itself: open it in a browser and download"),
    (b"version https://git-lfs", _LARGE_FILE_POINTER.format("Git LFS", "'git lfs pull' brings the file")),
    (b"/annex/objects/", _LARGE_FILE_POINTER.format("git-annex", "'git annex get' brings the file")),
    (b"../.git/annex/objects/", _LARGE_FILE_POINTER.format("git-annex", "'git annex get' brings the file")),
]


def unusable_kind(path: Path) -> str | None:
    """What a file is that can hold no weights, and what to do; None for anything that may hold some.

    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "empty: fetch it again"
    if not head.strip(b"\0"):
        return "full of zeros, as a download that broke off leaves it: fetch it again"
    if head[8:9] == b"{":  # safetensors: the length of the header, and the header
        length = int.from_bytes(head[:8], "little")
        if length >= path.stat().st_size > 8 and head[9:10] in (b'"', b"}"):
            return "a safetensors file whose end is missing: it was cut short on the way; fetch it again"
        return None
    for start, kind in MAGIC:
        if head.startswith(start):
            return kind
    if head[257:262] == b"ustar":
        return f"a tar archive: {_UNPACK}"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite file, another format; take weights for PyTorch"
    if _is_onnx(head):
        return (
            "an ONNX file, a network without the names of its layers; take the weights it was exported from"
        )
    if head.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):
        return "a ZIP archive whose end is missing: it was cut short on the way; fetch it again"
    return _text_kind(head)


def _is_onnx(head: bytes) -> bool:
    """`ModelProto` of onnx.proto, which has no magic number: a version (field 1), then one of its fields."""
    return head[:1] == b"\x08" and head[1:2] < b"\x20" and head[2:3] in (b"\x12", b"\x1a", b"\x3a", b"\x42")


def _text_kind(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<!--")):
        return (
            "a web page, not the file: the site wanted a login or a click first; open the address in a "
            "browser, and download there"
        )
    if text.startswith((b"<?xml", b"<error", b'{"error', b'{"message', b"access denied", b"not found")):
        return "a server's error message, not the file; fetch it again, or from another address"
    return None
