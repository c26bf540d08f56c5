"""The judges this house knows and the files they have to fetch, told without loading any of them."""

from collections.abc import Iterable

from engine.common.errors import UsageError

# A judge -> the name of its weights in the manifest and the file among them; None: it comes with a package.
FILES: dict[str, tuple[str, str] | None] = {
    "dlib": None,
    "anthropometry": None,
    "arcface-l": ("buffalo_l", "w600k_r50.onnx"),
    "arcface-s": ("buffalo_s", "w600k_mbf.onnx"),
    "sface": ("sface", "face_recognition_sface_2021dec.onnx"),
}


def files_of(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """What those of these judges need that have to fetch anything. Raises UsageError for unknown names."""
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        if name not in FILES:
            raise UsageError(f"There is no judge {name!r}: choose among " + ", ".join(FILES))
        if (weights := FILES[name]) is not None:
            found[name] = weights
    return found
